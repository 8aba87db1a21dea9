"""What kind of client a session is, and which sessions come by the clock."""

from __future__ import annotations

import datetime
import tomllib
from collections import Counter
from functools import cache
from importlib import resources
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.addresses import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgguard.analysis.addresses import Addresses
    from pgguard.model.observation import SessionSeen
    from pgguard.model.policy import Policy

Kind = Literal["interactive", "driver", "operations", "pooler", "named"]
_DAY = 86_400
# a start that comes back within a minute or two of the same time of day on most days is a job's
_PUNCTUAL_SECONDS = 60
_PUNCTUAL_SHARE = 0.6
_PUNCTUAL_DAYS = 4
_LONG_SECONDS = 4 * 3_600
# starts whose pauses differ by less than this share of the usual pause are a job's
_REGULAR = 0.1
_REGULAR_SECONDS = 120
_REGULAR_SHARE = 0.8
_REGULAR_STARTS = 10
_NIGHTLY_DAYS = 3
_SHORT_SECONDS = 120
_SPREAD_SECONDS = 3_600


class Visit(NamedTuple):
    """A session as times in seconds since the epoch, with where it came from and by what."""

    host: str
    application: str
    kind: Kind
    identity: str
    method: str
    begin: float
    end: float
    database: str

    @property
    def day(self) -> int:
        """The day of its start, counted from the epoch."""
        return int(self.begin // _DAY)


def kind_of(application: str) -> Kind:
    """The kind of program behind an application name; any name that is not known is a program's own."""
    name = application.strip().lower()
    if not name:
        return "driver"
    for kind, starts in _tools().items():
        if name.startswith(starts):
            return kind
    return "named"


def between(policy: Policy) -> Addresses:
    """The declared addresses behind which several machines or people stand."""
    networks = policy.networks
    return parse((*networks.poolers, *networks.jump_hosts, *networks.nat))


def visits(sessions: Iterable[SessionSeen], through: Addresses) -> tuple[list[Visit], list[Visit]]:
    """The sessions that come directly, and those from addresses that stand for many."""
    direct: list[Visit] = []
    behind: list[Visit] = []
    inside: dict[str, bool] = {}
    for one in sessions:
        begin = _seconds(one.started_at)
        end = max(_seconds(one.ended_at or one.last_seen_at), begin)
        visit = Visit(
            one.host or one.address or "the server itself",
            one.application,
            kind_of(one.application),
            one.identity,
            one.method,
            begin,
            end,
            one.database,
        )
        if one.address not in inside:
            inside[one.address] = bool(one.address) and parse([one.address]).within(through)
        (behind if inside[one.address] or visit.kind == "pooler" else direct).append(visit)
    return direct, behind


def without_clockwork(found: Sequence[Visit]) -> list[Visit]:
    """The visits without those that a scheduler makes: regular pauses, or the same minute day after day."""
    groups: dict[tuple[str, str], list[Visit]] = {}
    for one in found:
        groups.setdefault((one.host, one.application), []).append(one)
    return [
        one for group in groups.values() for one in _by_hand(sorted(group, key=lambda visit: visit.begin))
    ]


def _by_hand(group: list[Visit]) -> list[Visit]:
    if _is_regular(group) or _is_nightly(group):
        return []
    days = {one.day for one in group}
    if len(days) < _PUNCTUAL_DAYS:
        return group
    punctual = _punctual(group, len(days))
    return [
        one
        for one in group
        if one.end - one.begin > _LONG_SECONDS or not punctual[one.begin % _DAY // _PUNCTUAL_SECONDS]
    ]


def _is_regular(group: Sequence[Visit]) -> bool:
    pauses = [after.begin - before.begin for before, after in pairwise(group) if after.begin > before.begin]
    if len(pauses) < _REGULAR_STARTS:
        return False
    usual = median(pauses)
    # people too come at about the same time every day: a scheduler is exact to a minute or two
    off = max(min(_REGULAR * usual, _REGULAR_SECONDS), 2)
    near = sum(1 for pause in pauses if abs(pause - usual) <= off)
    return near >= _REGULAR_SHARE * len(pauses)


def _is_nightly(group: Sequence[Visit]) -> bool:
    """Short visits once or a few times a day about the same hour, on working days and others."""
    days = Counter(one.day for one in group)
    if len(days) < _NIGHTLY_DAYS or max(days.values()) > 2:
        return False
    weekend = any(day % 7 in (2, 3) for day in days)  # 1 January 1970 was a Thursday
    times = [one.begin % _DAY for one in group]
    short = all(one.end - one.begin <= _SHORT_SECONDS for one in group)
    return short and weekend and max(times) - min(times) <= _SPREAD_SECONDS


def _punctual(group: Sequence[Visit], days: int) -> Mapping[float, bool]:
    slots: dict[float, set[int]] = {}
    for one in group:
        slots.setdefault(one.begin % _DAY // _PUNCTUAL_SECONDS, set()).add(one.day)
    found: dict[float, bool] = {}
    for slot, own in slots.items():
        near = own | slots.get(slot - 1, set()) | slots.get(slot + 1, set())
        found[slot] = len(near) >= max(_PUNCTUAL_DAYS, _PUNCTUAL_SHARE * days)
    # somebody who is there all day long comes at every minute sooner or later
    busy = sum(1 for is_punctual in found.values() if is_punctual)
    if busy * 3 > _DAY // _PUNCTUAL_SECONDS / 4:
        return dict.fromkeys(found, False)
    return found


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp() if text else 0.0


@cache
def _tools() -> dict[Kind, tuple[str, ...]]:
    text = resources.files("pgguard").joinpath("data/client_tools.toml").read_text(encoding="utf-8")
    names = tomllib.loads(text)
    kinds: tuple[Kind, ...] = ("interactive", "pooler", "operations", "driver")
    return {kind: tuple(name.lower() for name in names[kind]) for kind in kinds}
