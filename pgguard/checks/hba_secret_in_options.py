"""A rule of pg_hba.conf carries a password of its own (ldapbindpasswd, radiussecrets).

Why it matters: everybody who reads the file, its backups or pg_hba_file_rules holds the directory's
password, which opens more than this database.

How to fix: bind with an account that may only search and rotate its password, or use simple bind mode
(ldapprefix/ldapsuffix) without one; keep the file at 0600.

Silent when: no rule has such an option; the value is never shown here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import line
from pgguard.analysis.names import rule_subject
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "NIST IA-5",
    "PostgreSQL manual, 20.10 LDAP Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule in snapshot.hba_rules:
        names = [option.split("=", 1)[0] for option in rule.options]
        secrets = [name for name in names if name in ("ldapbindpasswd", "radiussecrets")]
        if secrets:
            yield Finding(rule_subject(rule), f"{line(rule)} holds {' and '.join(secrets)} (value not shown)")
