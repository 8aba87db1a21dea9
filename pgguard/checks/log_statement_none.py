"""Changes of tables, roles and grants are not recorded.

Why it matters: who dropped the audit trigger, opened a table to everybody or made a new superuser
cannot be found out afterwards.

How to fix: set log_statement = 'ddl' and reload, or load pgaudit with pgaudit.log = 'ddl, role'.

Silent when: log_statement is ddl, mod or all in every database, or pgaudit records ddl. What one role
has for itself is told by role-setting-override.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import audited, by_database, change
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 3",
    "STIG",
    "PostgreSQL manual, 19.8.3 What to Log",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    mute = [name for name, value in by_database(snapshot, "log_statement").items() if value == "none"]
    if not mute or "ddl" in audited(snapshot):
        return
    # one database that switches it off is that database's own setting, and told there
    if snapshot.setting("log_statement").value != "none":
        return
    pgaudit = "does not record ddl" if snapshot.has_setting("pgaudit.log") else "is not loaded"
    yield Finding(
        setting_subject("log_statement"),
        f"log_statement = none and pgaudit {pgaudit}",
        fix=(change(snapshot, "log_statement", "ddl"),),
    )
