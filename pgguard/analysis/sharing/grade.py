"""The grade of a login: how sure it is that several people use it.

Addresses are machines and not people: two steady machines at the same time, on several days, is as far
as they go, and one person with two devices looks the same. Only identities that were authenticated
count people.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from statistics import median, pstdev
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.people import is_collective, is_program
from pgguard.analysis.sharing.clients import between, visits, without_clockwork
from pgguard.model.observation import Assessment, Grade

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
_BURST_SECONDS = 60
_CROWD = 4
_TOOLS_OF_ONE_PERSON = 3
_WATCHED_DAYS = 14
_EXAMPLES = 4
# methods that prove somebody else than the login itself (manual, 20.3)
_IDENTIFYING = frozenset({"cert", "gss", "sspi", "ldap", "ident", "peer", "pam", "radius", "bsd", "oauth"})
# accounts of an operating system that nobody sits at
_SYSTEM_ACCOUNTS = frozenset(
    {"root", "postgres", "backup", "barman", "www-data", "nagios", "zabbix", "daemon", "nobody", "pgbackrest"}
)
_MACHINE = re.compile(r"(?:\$$)|^host/|^(?:cn=)?[a-z0-9-]+(?:\.[a-z0-9-]+){2,}(?:[,@]|$)", re.IGNORECASE)
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
    everything = [*direct, *behind]
    for found in (
        _proven(role, everything, facts),
        _strong(role, direct, policy),
        _mixed(role, direct, policy),
        _desks(role, direct),
        _possible(role, direct, policy),
        _hidden(role, direct, behind),
        _static(role, facts),
        _unwatched(role, sessions, coverage),
    ):
        if found is not None:
            return found
    return Assessment(role, Grade.NONE, 1 if sessions else 0, (), ())


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
    people: dict[str, Visit] = {}
    for one in found:
        if one.identity and one.method in _IDENTIFYING and one.identity != role and _is_person(one.identity):
            people.setdefault(_normal(one.identity), one)
    if len(people) > 1:
        reason = f"{len(people)} different identities authenticated as {role}"
        examples = tuple(
            f"{one.identity} by {one.method} from {one.host} on {_date(one.begin)}" for one in people.values()
        )
        return Assessment(role, Grade.PROVEN, len(people), (reason,), examples[:_EXAMPLES])
    mapped = [one for one in found if one.method in ("peer", "ident", "cert", "gss", "sspi")]
    if known.mapped.get(role, 0) > 1 and any(_is_person(one.identity or "?") for one in mapped):
        reason = f"an ident map that is in use lets {known.mapped[role]} system users be {role}"
        return Assessment(role, Grade.PROVEN, max(2, len(people)), (reason,), _told(mapped))
    return None


def _strong(role: str, direct: Sequence[Visit], policy: Policy) -> Assessment | None:
    people = by_people(direct)
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


def _mixed(role: str, direct: Sequence[Visit], policy: Policy) -> Assessment | None:
    people = by_people(direct)
    programs = [one for one in by_programs(direct) if _is_machine_like(one.host, direct)]
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
    desks = {host for host in _steady(programs) if _is_desk([one for one in programs if one.host == host])}
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


def _possible(role: str, direct: Sequence[Visit], policy: Policy) -> Assessment | None:
    people = by_people(direct)
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
    if not reasons:
        return None
    return Assessment(role, Grade.POSSIBLE, max(most, 2), (*reasons, "needs confirmation"), _told(people))


def _hidden(role: str, direct: Sequence[Visit], behind: Sequence[Visit]) -> Assessment | None:
    # who stands behind an address that many share is known only where an identity was authenticated
    unknown = [one for one in behind if not one.identity or one.method not in _IDENTIFYING]
    if not unknown or len(unknown) * 2 < len(behind) + len(by_people(direct)):
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
        events.append((one.begin, 1, one.host))
        events.append((max(one.end - _OVERLAP_SECONDS, one.begin), -1, one.host))
    present: Counter[str] = Counter()
    peaks: dict[int, frozenset[str]] = {}
    for moment, step, host in sorted(events):
        present[host] += step
        if step > 0:
            here = frozenset(name for name, count in present.items() if count > 0)
            day = int(moment // _DAY)
            if len(here) > len(peaks.get(day, ())):
                peaks[day] = here
    return peaks


def _crowd(people: Sequence[Visit]) -> int:
    """The most sessions at once from one address on several days; what starts together counts once."""
    most = 0
    for host in {one.host for one in people}:
        own = sorted((one for one in people if one.host == host), key=lambda one: one.begin)
        apart: list[Visit] = []
        for one in own:
            if not apart or one.begin - apart[-1].begin > _BURST_SECONDS:
                apart.append(one)
        peaks = _peaks([one._replace(host=str(number)) for number, one in enumerate(apart)])
        crowded = [len(here) for here in peaks.values() if len(here) >= _CROWD]
        if len(crowded) >= _OVERLAP_DAYS:
            most = max(most, int(median(crowded)))
    return most


def _is_desk(found: Sequence[Visit]) -> bool:
    """Whether a machine has the hours of a person: not at night, and never twice at the same minute."""
    first: dict[int, float] = {}
    for one in found:
        first[one.day] = min(first.get(one.day, one.begin), one.begin)
    if len(first) < _STEADY_DAYS or any(one.end - one.begin > _DAY for one in found):
        return False
    hours = [one.begin % _DAY / 3_600 for one in found]
    if sum(1 for hour in hours if not _OFFICE[0] <= hour < _OFFICE[1]) * 20 > len(hours):
        return False
    starts = [moment % _DAY for moment in first.values()]
    peaks = _peaks([one._replace(host=str(number)) for number, one in enumerate(found)])
    together = median(len(here) for here in peaks.values())
    return pstdev(starts) >= _DESK_SPREAD_SECONDS and together <= _DESK_SESSIONS


def _is_machine_like(host: str, direct: Sequence[Visit]) -> bool:
    return not _is_desk([one for one in by_programs(direct) if one.host == host])


def _is_person(identity: str) -> bool:
    plain = _normal(identity)
    return plain not in _SYSTEM_ACCOUNTS and _MACHINE.search(identity) is None and not is_program(plain)


def _normal(identity: str) -> str:
    """A principal, a distinguished name or a system user as the name in it, in lower case."""
    found = re.search(r"(?:^|,)\s*(?:cn|uid)=([^,]+)", identity, re.IGNORECASE)
    return (found[1] if found else identity.partition("@")[0]).strip().lower()


def _told(found: Sequence[Visit]) -> tuple[str, ...]:
    rows = dict.fromkeys(
        f"{_date(one.begin)}: {one.application or 'no application name'} from {one.host}" for one in found
    )
    return tuple(rows)[:_EXAMPLES]


def _date(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).date().isoformat()
