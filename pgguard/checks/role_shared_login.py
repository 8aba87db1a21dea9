"""One login is in use by several people at the same time.

Why it matters: nobody can say afterwards who read or changed a patient's record, and the password of
everybody is the password of those who left.

How to fix: give each person a login of their own with the same group role, then take LOGIN from the
shared one; declare it as [[service]] if a program uses it.

Silent when: declared services; sessions that come through a pooler, a jump host or address translation
of the policy; one person at one or two machines. Only the sessions open during the inspection are
seen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import parse
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.people import is_collective, is_interactive
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


_OF_ONE_PERSON = 2


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
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
