"""A login owns tables with patients' data.

Why it matters: an owner drops audit triggers, switches row security off and grants the table on; an
application or a person that logs in as the owner has all that at hand.

How to fix: make a role with NOLOGIN the owner (ALTER TABLE name OWNER TO owner_role) and grant the
login what it needs.

Silent when: the tables belong to roles that cannot log in, or to superusers and declared
administrators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    owned: dict[str, list[str]] = {}
    for database in snapshot.inspected:
        for columns in sensitive_tables(database, policy).values():
            relation = columns[0].relation
            role = snapshot.role(relation.owner)
            if role is None or not role.login or role.superuser or policy.is_administrator(role.name):
                continue
            name = relation_name(relation)
            owned.setdefault(role.name, []).append(
                name if len(snapshot.inspected) == 1 else f"{name} of {ident(database.name)}"
            )
    for login, tables in sorted(owned.items()):
        yield Finding(
            role_subject(login),
            f"{ident(login)} can log in and owns {len(tables)} sensitive "
            f"table{'s' if len(tables) > 1 else ''} ({shorten(tables, 3)})",
        )
