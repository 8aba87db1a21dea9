"""A login owns tables with patients' data.

Why it matters: an owner drops audit triggers, switches row security off and grants the table on; an
application or a person that logs in as the owner has all that at hand.

How to fix: make a role with NOLOGIN the owner (ALTER TABLE name OWNER TO owner_role), of which no
application is a member, and grant the login what it needs.

Silent when: the tables belong to roles that cannot log in, or to superusers and declared
administrators. Only medium: an undeclared login is a member of an owner that cannot log in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.able import logins_of
from pgguard.analysis.grouping import MOST
from pgguard.analysis.names import relation_name, role_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "NIST AC-6",
    "GDPR 25",
    "PostgreSQL manual, 5.8 Privileges",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for owner, tables in sorted(_owned(snapshot, policy).items()):
        role = snapshot.role(owner)
        if role is None or role.superuser:
            continue
        count = f"{len(tables)} sensitive table{'s' if len(tables) > 1 else ''} ({shorten(tables, 3)})"
        if role.login:
            if not policy.is_administrator(owner):
                yield Finding(role_subject(owner), f"{ident(owner)} can log in and owns {count}")
            continue
        acting = sorted(login for login in logins_of(snapshot, owner) if not policy.is_declared(login))
        if len(acting) > MOST:
            names = shorten([ident(login) for login in acting], 3)
            yield Finding(
                role_subject(owner),
                f"{names} have the rights of {ident(owner)}, which owns {count}",
                severity=Severity.MEDIUM,
            )
            continue
        for login in acting:
            yield Finding(
                role_subject(login),
                f"{ident(login)} has the rights of {ident(owner)}, which owns {count}",
                severity=Severity.MEDIUM,
            )


def _owned(snapshot: Snapshot, policy: Policy) -> dict[str, list[str]]:
    """The sensitive tables by their owner; partitions go with their parent."""
    owned: dict[str, list[str]] = {}
    for database in snapshot.inspected:
        for columns in sensitive_tables(database, policy).values():
            relation = columns[0].relation
            if relation.is_partition:
                continue
            name = relation_name(relation)
            owned.setdefault(relation.owner, []).append(
                name if len(snapshot.inspected) == 1 else f"{name} of {ident(database.name)}"
            )
    return owned
