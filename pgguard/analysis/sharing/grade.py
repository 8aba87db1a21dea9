"""The grade of a login: how sure it is that several people use it.

Addresses are machines and not people: two steady machines at the same time, on several days, is as far
as they go, and one person with two devices looks the same. Only identities that were authenticated
count people.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from itertools import pairwise
from statistics import median, pstdev
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.people import is_collective
from pgguard.analysis.sharing.clients import HERE, between, visits, without_clockwork
from pgguard.analysis.sharing.identities import IDENTIFYING, SYSTEM_ACCOUNTS, person, plain
from pgguard.model.observation import Assessment, Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.addresses import Addresses
    from pgguard.analysis.sharing.clients import Visit
    from pgguard.model.observation import Coverage, SessionSeen
    from pgguard.model.policy import Policy

_DAY = 86_400
# seen on so many days a machine is steady: DHCP and pods fall away
_STEADY_DAYS = 3
_OVERLAP_DAYS = 3
_OVERLAP_SECONDS = 60
# one person may have as many devices
_DEVICES = 3
# programs at people's desks (a thick client) look like servers; so many desks do not
_DESKS = 5
_DESK_SESSIONS = 4
_DESK_SPREAD_SECONDS = 300
_OFFICE = (5, 22)
# somebody forgets to log off; a machine is there by night
_WORKED_SECONDS = 16 * 3_600
_BURST_SECONDS = 60
_CROWD = 4
_TOOLS_OF_ONE_PERSON = 3
_WATCHED_DAYS = 14
_EXAMPLES = 4
# methods whose identity goes through pg_ident.conf
_MAPPED = frozenset({"peer", "ident", "cert", "gss", "sspi"})
_TURNS = 4
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PERSONAL = re.compile(r"[a-z]+\.[a-z-]{2,}\Z", re.IGNORECASE)


class Known(NamedTuple):
    """What the cluster says besides the sessions.

    `mapped` counts, for roles that an ident map of several system users leads to, these users; `groups`
    are logins that have members.
    """

    mapped: Mapping[str, int] = {}
    groups: frozenset[str] = frozenset()


def assess_all(
    logins: Iterable[str],
    sessions: Iterable[SessionSeen],
    coverage: Sequence[Coverage],
    policy: Policy,
    known: Known | None = None,
) -> tuple[Assessment, ...]:
    """The grade of each login, in the order given; declared services are left to role-mixed-use."""
    by_role: dict[str, list[SessionSeen]] = {}
    for one in sessions:
        by_role.setdefault(one.role, []).append(one)
    through = between(policy)
    return tuple(
        assess(role, by_role.get(role, ()), coverage, policy, known or Known(), through)
        for role in logins
        if not policy.is_service(role)
    )


def assess(
    role: str,
    sessions: Sequence[SessionSeen],
    coverage: Sequence[Coverage],
    policy: Policy,
    known: Known | None = None,
    through: Addresses | None = None,
) -> Assessment:
    """The grade of one login from its sessions; times in the log's UTC."""
    facts = known or Known()
    direct, behind = visits(sessions, between(policy) if through is None else through)
    people = by_people(direct)
    # the first that holds is the grade
    return (
        _proven(role, [*direct, *behind], facts)
        or _strong(role, people, policy)
        or _mixed(role, direct, people, policy)
        or _desks(role, direct)
        or _possible(role, direct, people, policy)
        or _hidden(role, people, behind)
        or _static(role, facts)
        or _unwatched(role, sessions, coverage)
        or Assessment(role, Grade.NONE, 1 if sessions else 0, (), ())
    )


def by_people(found: Sequence[Visit]) -> list[Visit]:
    """The visits by tools that a person sits at, without those that come by the clock."""
    return without_clockwork([one for one in found if one.kind == "interactive"])


def by_programs(found: Sequence[Visit]) -> list[Visit]:
    """The visits of programs that somebody wrote; backups and supervision aside."""
    return [one for one in found if one.kind in ("driver", "named", "pooler")]


def looks_personal(role: str, policy: Policy) -> bool:
    """Whether the login is a person's of the roster, or written as people's are (c.martin)."""
    return policy.is_person(role) or (_PERSONAL.match(role) is not None and not is_collective(role))


def _proven(role: str, found: Sequence[Visit], known: Known) -> Assessment | None:
    # the names that two methods give one person differ: only those of one method are compared
    people = max(_people(role, found).values(), key=len, default={})
    if len(people) > 1:
        reason = f"{len(people)} different identities authenticated as {role}"
        return Assessment(role, Grade.PROVEN, len(people), (reason,), _identified(people.values()))
    mapped = [one for one in found if one.method in _MAPPED]
    if known.mapped.get(role, 0) > 1 and any(
        not one.identity or person(one.identity, one.method) for one in mapped
    ):
        reason = f"an ident map that is in use lets {known.mapped[role]} system users be {role}"
        return Assessment(role, Grade.PROVEN, max(2, len(people)), (reason,), _told(mapped))
    return None


def _people(role: str, found: Iterable[Visit]) -> dict[str, dict[str, Visit]]:
    """For each method the persons that it authenticated, each with a visit."""
    people: dict[str, dict[str, Visit]] = {}
    for one in found:
        if one.method in IDENTIFYING and one.identity != role:
            name = person(one.identity, one.method)
            if name:
                people.setdefault(one.method, {}).setdefault(name, one)
    return people


def _strong(role: str, people: Sequence[Visit], policy: Policy) -> Assessment | None:
    steady = _steady(people)
    peaks = _peaks([one for one in people if one.host in steady])
    days = [day for day, hosts in peaks.items() if len(hosts) > 1]
    if len(days) < _OVERLAP_DAYS:
        return None
    most = max(len(hosts) for hosts in peaks.values())
    reason = f"used from {most} steady machines at once; from several at once on {len(days)} days"
    examples = tuple(
        f"{_date(day * _DAY)}: {', '.join(sorted(peaks[day]))} at once" for day in days[:_EXAMPLES]
    )
    if most <= _DEVICES and looks_personal(role, policy):
        doubt = "needs confirmation: one person with several devices looks the same"
        return Assessment(role, Grade.POSSIBLE, 1, (reason, doubt), examples)
    doubts = ("needs confirmation where one person may have two devices",) if most == 2 else ()
    return Assessment(role, Grade.STRONG, most, (reason, *doubts), examples)


def _mixed(role: str, direct: Sequence[Visit], people: Sequence[Visit], policy: Policy) -> Assessment | None:
    programs = [one for own in _by_host(by_programs(direct)).values() if not _is_desk(own) for one in own]
    by_hand = {one.day for one in people}
    servers = {one.host for one in programs} - {one.host for one in people if looks_personal(role, policy)}
    if len({one.day for one in programs}) < _STEADY_DAYS or not servers or not by_hand:
        return None
    tools = Counter(one.application for one in people)
    named = ", ".join(name for name, _ in tools.most_common(3))
    reason = f"used by a program and by people's tools ({named}) on {len(by_hand)} days"
    grade = Grade.STRONG if len(by_hand) >= _STEADY_DAYS else Grade.POSSIBLE
    if looks_personal(role, policy):
        grade = Grade.POSSIBLE
    return Assessment(role, grade, 2, (reason,), _told(people))


def _desks(role: str, direct: Sequence[Visit]) -> Assessment | None:
    programs = without_clockwork(by_programs(direct))
    by_host = _by_host(programs)
    desks = {host for host in _steady(programs) if _is_desk(by_host[host])}
    peaks = _peaks([one for one in programs if one.host in desks])
    days = [day for day, hosts in peaks.items() if len(hosts) > 1]
    if len(days) < _OVERLAP_DAYS:
        return None
    most = max(len(hosts) for hosts in peaks.values())
    reason = f"a program at {most} desks at once uses it, with the hours of people, on {len(days)} days"
    examples = tuple(f"{_date(day * _DAY)}: {', '.join(sorted(peaks[day])[:4])} at once" for day in days[:2])
    if most >= _DESKS:
        return Assessment(role, Grade.STRONG, most, (reason,), examples)
    return Assessment(
        role, Grade.POSSIBLE, most, (reason, "needs confirmation: these may be servers"), examples
    )


def _possible(
    role: str, direct: Sequence[Visit], people: Sequence[Visit], policy: Policy
) -> Assessment | None:
    personal = looks_personal(role, policy)
    peaks = _peaks(people)
    together = [day for day, hosts in peaks.items() if len(hosts) > 1]
    reasons: list[str] = []
    most = 1
    if len(together) >= _OVERLAP_DAYS:
        most = max(len(hosts) for hosts in peaks.values())
        if not personal or most > _DEVICES:
            reasons.append(
                f"used from {most} addresses at once, on {len(together)} days, none of them steady"
            )
    crowd = _crowd(people)
    if crowd:
        reasons.append(f"{crowd} at once from one address: a terminal server or a jump host?")
    steady = _steady(people)
    if len(steady) > (_DEVICES if personal else 1) and not reasons:
        reasons.append(f"used in turn from {len(steady)} steady machines: shifts, or a desk handed over")
    tools = {one.application.partition(" ")[0] for one in people}
    if len(tools) > (_TOOLS_OF_ONE_PERSON if not is_collective(role) else 1) and not personal:
        reasons.append(f"{len(tools)} different tools: {', '.join(sorted(tools)[:4])}")
    if not personal:
        reasons += _installations(people)
    methods = _people(role, direct)
    if len({name for own in methods.values() for name in own}) > 1:
        reasons.append(
            f"identities by {' and '.join(sorted(methods))}, which may be one person's or two persons'"
        )
    if not reasons:
        return None
    return Assessment(role, Grade.POSSIBLE, max(most, 2), (*reasons, "needs confirmation"), _told(people))


def _installations(people: Sequence[Visit]) -> Iterator[str]:
    """What tells two people behind one address: two things used in turn; a change for good tells nothing."""
    for host, own in _by_host(people).items():
        by_tool: dict[str, list[Visit]] = {}
        for one in own:
            by_tool.setdefault(one.application.partition(" ")[0], []).append(one)
        for tool, used in by_tool.items():
            versions = _days_of(used, lambda one: "".join(_VERSION.findall(one.application)[:1]))
            if _interleaved(versions):
                yield f"{host} uses {len(versions)} versions of {tool} in turn: several machines behind it?"
        days = _days_of(own, lambda one: one.application.partition(" ")[0])
        apart = len(set().union(*days.values())) == sum(len(seen) for seen in days.values())
        if apart and _interleaved(days):
            yield f"{host} uses {' and '.join(sorted(days))} in turn, never on the same day"


def _days_of(found: Iterable[Visit], key: Callable[[Visit], str]) -> dict[str, set[int]]:
    days: dict[str, set[int]] = {}
    for one in found:
        days.setdefault(key(one), set()).add(one.day)
    return {name: seen for name, seen in days.items() if name and len(seen) >= _STEADY_DAYS}


def _interleaved(days: Mapping[str, set[int]]) -> bool:
    """Whether two of these came back after each other several times."""
    order = [name for _, name in sorted((day, name) for name, seen in days.items() for day in seen)]
    return sum(1 for before, after in pairwise(order) if before != after) >= _TURNS


def _hidden(role: str, people: Sequence[Visit], behind: Sequence[Visit]) -> Assessment | None:
    # who stands behind an address that many share is known only where an identity was authenticated
    borrowed = [one for one in people if one.host == HERE and plain(one.identity or role) in SYSTEM_ACCOUNTS]
    if len({one.day for one in borrowed}) >= _STEADY_DAYS:
        name = plain(borrowed[0].identity or role)
        reason = f"used by hand on the server as the system account {name}: who became it is not known"
        return Assessment(role, Grade.NOT_ASSESSABLE, 1, (reason,), _told(borrowed))
    unknown = [one for one in behind if not one.identity or one.method not in IDENTIFYING]
    if not unknown or len(unknown) * 2 < len(behind) + len(people):
        return None
    places = Counter(one.host for one in unknown)
    named = ", ".join(host for host, _ in places.most_common(3))
    reason = f"comes through {named} (pooler, jump host or address translation) without an identity"
    return Assessment(role, Grade.NOT_ASSESSABLE, 1, (reason,), _told(unknown))


def _static(role: str, known: Known) -> Assessment | None:
    reasons = []
    if is_collective(role):
        reasons.append("its name stands for a place, a team or a function")
    if role in known.groups:
        reasons.append("it is a group that logs in")
    if known.mapped.get(role, 0) > 1:
        reasons.append(f"an ident map would let {known.mapped[role]} system users be it")
    return Assessment(role, Grade.CONFIGURED, 1, tuple(reasons), ()) if reasons else None


def _unwatched(role: str, sessions: Sequence[SessionSeen], coverage: Sequence[Coverage]) -> Assessment | None:
    logged = [one for one in coverage if one.means == "log" and one.connections]
    if not logged:
        reason = "connections are not logged, and looking now and then misses most sessions"
        return Assessment(role, Grade.NOT_ASSESSABLE, 1 if sessions else 0, (reason,), ())
    days = watched_days(logged)
    if days < _WATCHED_DAYS:
        reason = f"only {days} days were watched, {_WATCHED_DAYS} are needed"
        return Assessment(role, Grade.NOT_ASSESSABLE, 1 if sessions else 0, (reason,), ())
    return None


def watched_days(coverage: Iterable[Coverage]) -> int:
    """On how many different days something was watched."""
    days: set[datetime.date] = set()
    for one in coverage:
        day = datetime.date.fromisoformat(one.since[:10])
        last = datetime.date.fromisoformat(one.until[:10])
        while day <= last:
            days.add(day)
            day += datetime.timedelta(days=1)
    return len(days)


def _by_host(found: Iterable[Visit]) -> dict[str, list[Visit]]:
    hosts: dict[str, list[Visit]] = {}
    for one in found:
        hosts.setdefault(one.host, []).append(one)
    return hosts


def _steady(found: Iterable[Visit]) -> set[str]:
    days: dict[str, set[int]] = {}
    for one in found:
        days.setdefault(one.host, set()).add(one.day)
    return {host for host, seen in days.items() if len(seen) >= _STEADY_DAYS}


def _peaks(found: Iterable[Visit]) -> dict[int, frozenset[str]]:
    """For each day the largest set of machines that were there at the same moment."""
    events: list[tuple[float, int, str]] = []
    for one in found:
        # a session that ends as the other begins is not two at once
        if one.end - one.begin > _OVERLAP_SECONDS:
            events.append((one.begin, 1, one.host))
            events.append((one.end - _OVERLAP_SECONDS, -1, one.host))
    present: Counter[str] = Counter()
    peaks: dict[int, frozenset[str]] = {}
    for moment, step, host in sorted(events):
        present[host] += step
        if not present[host]:
            del present[host]
        day = int(moment // _DAY)
        if step > 0 and len(present) > len(peaks.get(day, ())):
            peaks[day] = frozenset(present)
    return peaks


def _crowd(people: Sequence[Visit]) -> int:
    """The most sessions at once from one address on several days; what starts together counts once."""
    most = 0
    for here in _by_host(people).values():
        own = sorted(here, key=lambda one: one.begin)
        apart: list[Visit] = []
        for one in own:
            if not apart or one.begin - apart[-1].begin > _BURST_SECONDS:
                apart.append(one)
        peaks = _peaks([one._replace(host=str(number)) for number, one in enumerate(apart)])
        crowded = [len(peak) for peak in peaks.values() if len(peak) >= _CROWD]
        if len(crowded) >= _OVERLAP_DAYS:
            most = max(most, int(median(crowded)))
    return most


def _is_desk(found: Sequence[Visit]) -> bool:
    """Whether a machine has the hours of a person: not at night, and never twice at the same minute."""
    first: dict[int, float] = {}
    for one in found:
        first[one.day] = min(first.get(one.day, one.begin), one.begin)
    whole_nights = sum(1 for one in found if one.end - one.begin > _WORKED_SECONDS)
    if len(first) < _STEADY_DAYS or whole_nights * 3 > len(found):
        return False
    hours = [one.begin % _DAY / 3_600 for one in found]
    if sum(1 for hour in hours if not _OFFICE[0] <= hour < _OFFICE[1]) * 20 > len(hours):
        return False
    starts = [moment % _DAY for moment in first.values()]
    peaks = _peaks([one._replace(host=str(number)) for number, one in enumerate(found)])
    together = median([len(here) for here in peaks.values()] or [1])
    return pstdev(starts) >= _DESK_SPREAD_SECONDS and together <= _DESK_SESSIONS


def _identified(found: Iterable[Visit]) -> tuple[str, ...]:
    rows = [f"{one.identity} by {one.method} from {one.host} on {_date(one.begin)}" for one in found]
    return tuple(rows[:_EXAMPLES])


def _told(found: Sequence[Visit]) -> tuple[str, ...]:
    rows = dict.fromkeys(
        f"{_date(one.begin)}: {one.application or 'no application name'} from {one.host}" for one in found
    )
    return tuple(rows)[:_EXAMPLES]


def _date(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).date().isoformat()
