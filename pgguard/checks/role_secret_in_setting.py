"""ALTER ROLE or ALTER DATABASE ... SET stores a key or a password.

Why it matters: pg_db_role_setting is readable by every login and travels in every dump; data
encrypted with such a key is as good as clear.

How to fix: ALTER ROLE ... RESET the parameter, replace the key or password because it has been seen,
and have the application pass it per session from its own secret store.

Silent when: ordinary settings; the value is never shown here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, database_subject, role_subject
from pgguard.changes.roles import reset_setting
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "NIST IA-5",
    "NIST SC-12",
    "PostgreSQL manual, pg_db_role_setting",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for entry in snapshot.role_settings:
        if not entry.masked:
            continue
        if entry.role:
            subject = role_subject(entry.role)
            where = f"role {ident(entry.role)}" + (
                f" in database {ident(entry.database)}" if entry.database else ""
            )
        elif entry.database:
            subject = database_subject(entry.database)
            where = f"database {ident(entry.database)}"
        else:
            subject = cluster_subject()
            where = "every role"
        yield Finding(
            subject,
            f"{entry.name} of {where} holds what looks like a secret (value not shown)",
            fix=(reset_setting(entry.name, role=entry.role, database=entry.database),),
        )
