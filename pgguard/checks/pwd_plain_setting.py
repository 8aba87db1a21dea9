"""New passwords are not stored as SCRAM (password_encryption).

Why it matters: each password set from now on gets an md5 verifier, which whoever sees it can use as
it is.

How to fix: ALTER SYSTEM SET password_encryption = 'scram-sha-256' and SELECT pg_reload_conf();
PostgreSQL 10 and later clients can all do SCRAM with a current driver.

Silent when: scram-sha-256.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 5",
    "PostgreSQL manual, 20.5 Password Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    value = snapshot.setting("password_encryption").value
    if value != "scram-sha-256":
        yield Finding(
            setting_subject("password_encryption"),
            f"password_encryption = {value}: new passwords are stored as md5",
            fix=(change(snapshot, "password_encryption", "scram-sha-256"),),
        )
