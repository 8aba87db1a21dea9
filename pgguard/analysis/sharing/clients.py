"""What kind of client a session is, and which sessions come by the clock."""

from __future__ import annotations

import datetime
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.addresses import parse
from pgguard.analysis.people import client_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.addresses import Addresses
    from pgguard.model.observation import SessionSeen
    from pgguard.model.policy import Policy

Kind = Literal["interactive", "driver", "operations", "pooler", "named"]
HERE = "the server itself"
_KINDS: tuple[Kind, ...] = ("interactive", "pooler", "operations", "driver")
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
# people sleep: what never pauses for long is a job, however its starts are spread
_PAUSE_SECONDS = 4 * 3_600
_RESTED_SHARE = 0.05
# starts within an hour, on nearly every day on which they could be
_SPREAD_SECONDS = 3_600
_DAILY_DAYS = 4
_DAILY_SHARE = 0.85
_DAILY_TIMES = 2
_WEEK = 7
_SHORT_SECONDS = 600
_NIGHT = (22 * 3_600, 6 * 3_600)


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


@lru_cache(maxsize=4_096)
def kind_of(application: str) -> Kind:
    """The kind of program behind an application name; any name that is not known is a program's own."""
    known = client_kind(application)
    for kind in _KINDS:
        if kind == known:
            return kind
    return "named" if application.strip() else "driver"


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
            one.host or one.address or HERE,
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
    if _is_regular(group) or _never_rests(group):
        return []
    group = _without_daily(group)
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


def _never_rests(group: Sequence[Visit]) -> bool:
    """Starts all around the clock with pauses that are never much longer than the usual one."""
    pauses = [after.begin - before.begin for before, after in pairwise(group)]
    if len({one.day for one in group}) < _PUNCTUAL_DAYS or len(pauses) < _REGULAR_STARTS:
        return False
    usual = median(pauses)
    rested = sum(pause for pause in pauses if pause > 2 * usual)
    return 0 < usual <= _PAUSE_SECONDS and rested <= _RESTED_SHARE * sum(pauses)


def _without_daily(group: list[Visit]) -> list[Visit]:
    """The visits without those of jobs that start somewhen within an hour: by night, or on all seven days."""
    left: list[Visit] = []
    for cluster in _clusters(group):
        days = Counter(int((one.begin - _DAY / 2) // _DAY) for one in cluster)  # from noon, as in _time
        weekdays = {day % 7 for day in days}
        possible = sum(1 for day in range(min(days), max(days) + 1) if day % 7 in weekdays)
        often = len(days) >= max(_DAILY_DAYS, _DAILY_SHARE * possible) and max(days.values()) <= _DAILY_TIMES
        narrow = _time(cluster[-1]) - _time(cluster[0]) <= _SPREAD_SECONDS
        night = all(not _NIGHT[1] <= one.begin % _DAY < _NIGHT[0] for one in cluster)
        longest = max(one.end - one.begin for one in cluster)
        short = longest <= (_LONG_SECONDS if night else _SHORT_SECONDS)
        # people too come at about the same hour, but hardly on every Sunday
        if not (often and narrow and short and (night or len(weekdays) == _WEEK)):
            left += cluster
    return sorted(left, key=lambda visit: visit.begin)


def _clusters(group: Sequence[Visit]) -> Iterator[list[Visit]]:
    """The visits by the time of day, apart where nobody ever comes for half an hour."""
    cluster: list[Visit] = []
    for one in sorted(group, key=_time):
        if cluster and _time(one) - _time(cluster[-1]) > _SPREAD_SECONDS / 2:
            yield cluster
            cluster = []
        cluster.append(one)
    if cluster:
        yield cluster


def _time(visit: Visit) -> float:
    """The time of day, counted from noon, so that a job around midnight stays in one piece."""
    return (visit.begin + _DAY / 2) % _DAY


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
