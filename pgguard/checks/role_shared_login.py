"""One login is in use by several people at the same time.

Why it matters: nobody can say afterwards who read or changed a patient's record, and the password of
everybody is the password of those who left.

How to fix: give each person a login of their own with the same group role, then take LOGIN from the
shared one; declare it as [[service]] if a program uses it.

Silent when: declared services and poolers; one person's sessions from one machine. Only the sessions
open during the inspection are seen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import parse
from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.people import is_interactive
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (shared accounts)",
    "GDPR 32",
    "HIPAA 164.312(a)(2)(i)",
    "ISO 27001 A.5.16",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    poolers = parse((*policy.networks.poolers, *policy.networks.nat))
    superusers = {role.name for role in snapshot.roles if role.superuser}
    desks: dict[str, dict[str, set[str]]] = {}
    for session in snapshot.sessions:
        if policy.is_service(session.role) or session.role in superusers or not is_interactive(session):
            continue
        if session.address and parse([session.address]).within(poolers):
            continue
        place = session.address or "the local socket"
        desks.setdefault(session.role, {}).setdefault(place, set()).add(session.application)
    for role, places in sorted(desks.items()):
        if len(places) > 1:
            shown = [f"{place} ({', '.join(sorted(programs))})" for place, programs in sorted(places.items())]
            yield Finding(
                role_subject(role),
                f"{ident(role)} is in use from {len(places)} places at once: {shorten(shown, 4)}",
                severity=Severity.LOW if policy.is_person(role) else None,
            )
