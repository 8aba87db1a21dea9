"""The log takes passwords in clear out of CREATE ROLE and ALTER ROLE.

Why it matters: log_statement writes ALTER ROLE ... PASSWORD 'word' as it was typed; who reads the log
logs in as that colleague.

How to fix: have passwords set with \\password in psql, which sends a verifier, or by a tool that makes
SCRAM verifiers, and say so in the policy ([logging] redacted_by); or record DDL with pgaudit, which
hides passwords, and set log_statement = 'none'.

Silent when: log_statement is none, the policy names what redacts the log or that only verifiers are
set, or no login has a password. Low with log_statement = 'ddl', which is right for other reasons, and
where pgaudit logs functions with their text: it hides passwords everywhere but in DO blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import audited, by_database, is_off
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "NIST IA-5",
    "PostgreSQL manual, ALTER ROLE",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.logging.redacted_by:
        return
    values = set(by_database(snapshot, "log_statement").values())
    loud = next((value for value in ("all", "mod", "ddl") if value in values), "")
    # without the statement's text a line holds no block
    functions = "function" in audited(snapshot) and not is_off(
        snapshot.setting("pgaudit.log_statement").value
    )
    if not (loud or functions) or not _has_passwords(snapshot):
        return
    fix = (by_hand("set passwords with \\password in psql, and declare it: [logging] redacted_by"),)
    if loud:
        yield Finding(
            setting_subject("log_statement"),
            f"log_statement = {loud} writes CREATE and ALTER ROLE ... PASSWORD to the log as they were typed",
            severity=Severity.LOW if loud == "ddl" else None,
            fix=fix,
        )
    elif functions:
        yield Finding(
            setting_subject("pgaudit.log"),
            f"pgaudit.log = {snapshot.setting('pgaudit.log').value} writes DO blocks, passwords in them "
            "included",
            severity=Severity.LOW,
            fix=fix,
        )


def _has_passwords(snapshot: Snapshot) -> bool:
    # where verifiers may not be read there are taken to be some
    if "verifiers" in snapshot.missing():
        return True
    return any(verifier.kind != "none" for verifier in snapshot.verifiers)
