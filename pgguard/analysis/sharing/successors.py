"""Who was seen behind a shared login: one row for each person that a roster has to name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.observed import assessments
from pgguard.analysis.people import is_collective, is_interactive
from pgguard.analysis.sharing.clients import between, visits
from pgguard.analysis.sharing.grade import by_people, by_programs
from pgguard.model.observation import Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.observation import SessionSeen
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

_SHARED = (Grade.PROVEN, Grade.STRONG, Grade.POSSIBLE, Grade.CONFIGURED)


def to_replace(snapshot: Snapshot, policy: Policy) -> list[tuple[str, str]]:
    """Shared logins with what was seen behind each: (login, identity or machine and tool, last day).

    Of a login behind which nobody was seen there is one row. Raises `Unread` when roles, or without
    observations sessions, could not be read.
    """
    if snapshot.observations is None:
        return list(_now(snapshot, policy))
    by_role: dict[str, list[SessionSeen]] = {}
    for one in snapshot.observations.sessions:
        by_role.setdefault(one.role, []).append(one)
    found: list[tuple[str, str]] = []
    for graded in assessments(snapshot, policy):
        role = snapshot.role(graded.role)
        if (
            graded.grade in _SHARED
            and role is not None
            and not role.superuser
            and not policy.is_person(role.name)
        ):
            seen = list(dict.fromkeys(_seen(by_role.get(graded.role, []), policy)))
            found += [(graded.role, text) for text in seen or ["nobody was seen"]]
    return found


def _seen(sessions: list[SessionSeen], policy: Policy) -> Iterator[str]:
    direct, behind = visits(sessions, between(policy))
    people = by_people([*direct, *behind]) or by_programs(direct)
    known = [one for one in [*direct, *behind] if one.identity and one.identity != one.method]
    last: dict[str, float] = {}
    for one in known or people:
        who = f"{one.identity} by {one.method}" if known else f"{one.host} ({one.application or 'no name'})"
        last[who] = max(last.get(who, 0), one.begin)
    yield from sorted(last)


def _now(snapshot: Snapshot, policy: Policy) -> Iterator[tuple[str, str]]:
    for role in snapshot.roles:
        if not role.login or role.superuser or not is_collective(role.name):
            continue
        if policy.is_declared(role.name) or policy.is_person(role.name):
            continue
        seen = {
            f"{session.address or 'local socket'} ({session.application})"
            for session in snapshot.sessions
            if session.role == role.name and is_interactive(session)
        }
        for text in sorted(seen) or ["nobody is connected now"]:
            yield role.name, text
