"""One login is in use by several people.

Why it matters: nobody can say afterwards who read or changed a patient's record, and the password of
everybody is the password of those who left.

How to fix: give each person a login of their own with the same group role (`pgguard plan
--personal-roles`), then take LOGIN from the shared one; declare it as [[service]] if a program uses it.

Silent when: declared services (role-mixed-use tells of people who use them); one person at one or two
machines. With observations (`pgguard observe`) weeks are judged, without them only the sessions that are
open now; a login that could not be judged over time is told as such. docs/shared-logins.md says what
each grade rests on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import parse
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.analysis.observed import assessments
from pgguard.analysis.people import is_collective, is_interactive
from pgguard.model.finding import Finding, Severity
from pgguard.model.observation import Grade
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.observation import Assessment
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (shared accounts)",
    "GDPR 32",
    "HIPAA 164.312(a)(2)(i)",
    "ISO 27001 A.5.16",
)


_OF_ONE_PERSON = 2


_SEVERITY = {
    Grade.PROVEN: Severity.HIGH,
    Grade.STRONG: Severity.HIGH,
    Grade.POSSIBLE: Severity.MEDIUM,
    Grade.NOT_ASSESSABLE: Severity.LOW,
}
_EXAMPLES = 2


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.observations is None:
        yield from _now(snapshot, policy)
        return
    silent: dict[str, list[str]] = {}
    for one in assessments(snapshot, policy):
        if one.grade is Grade.NOT_ASSESSABLE and not one.examples:
            silent.setdefault("; ".join(one.reasons), []).append(ident(one.role))
        elif one.grade in _SEVERITY:
            yield Finding(role_subject(one.role), _evidence(one), severity=_SEVERITY[one.grade])
    for reason, roles in silent.items():
        # what holds for every login is one thing to put right
        yield Finding(
            cluster_subject(),
            f"nobody can tell whether several people use {shorten(sorted(roles), 4)}: {reason}",
            severity=Severity.LOW,
            advice="log connections and disconnections, and read the logs with `pgguard observe --log`",
        )


def _evidence(one: Assessment) -> str:
    people = f", at least {one.at_least} people" if one.at_least > 1 else ""
    shown = f" ({'; '.join(one.examples[:_EXAMPLES])})" if one.examples else ""
    return f"{ident(one.role)}, {one.grade.value}{people}: {'; '.join(one.reasons)}{shown}"


def _now(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    networks = policy.networks
    between = parse((*networks.poolers, *networks.nat, *networks.jump_hosts))
    desks: dict[str, dict[str, set[str]]] = {}
    for session in snapshot.sessions:
        if policy.is_service(session.role) or session.role in superusers(snapshot):
            continue
        if not is_interactive(session) or (session.address and parse([session.address]).within(between)):
            continue
        place = session.address or "the local socket"
        desks.setdefault(session.role, {}).setdefault(place, set()).add(session.application)
    for role, places in sorted(desks.items()):
        # one person may well sit at two machines; a place's or a team's login belongs to nobody
        personal = policy.is_person(role) or not is_collective(role)
        if len(places) > (_OF_ONE_PERSON if personal else 1):
            shown = [f"{place} ({', '.join(sorted(programs))})" for place, programs in sorted(places.items())]
            yield Finding(
                role_subject(role),
                f"{ident(role)} is in use from {len(places)} places at once: {shorten(shown, 4)}",
                severity=Severity.LOW if policy.is_person(role) else None,
            )
