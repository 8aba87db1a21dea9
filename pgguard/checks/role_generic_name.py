"""A login carries the name of a place, a team or a function, not of a person.

Why it matters: what was done under such a login cannot be laid at anybody's door, and its password is
known to everybody who ever worked there.

How to fix: give each person a login of their own and take LOGIN from this one (ALTER ROLE name
NOLOGIN) when nobody uses it any more; declare it as [[service]] if a program uses it.

Silent when: personal names, declared administrators and services, people of the roster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject
from pgguard.analysis.people import is_collective
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CNIL, Guide de la securite des donnees personnelles",
    "GDPR 32",
    "HIPAA 164.312(a)(2)(i)",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for role in snapshot.roles:
        if not role.login or role.bootstrap or role.predefined:
            continue
        if policy.is_declared(role.name) or policy.is_person(role.name) or not is_collective(role.name):
            continue
        yield Finding(
            role_subject(role.name),
            f"{ident(role.name)} can log in and names nobody in person",
            fix=(alter_role(role.name, "NOLOGIN", "LOGIN"),),
        )
