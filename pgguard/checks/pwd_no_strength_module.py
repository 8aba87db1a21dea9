"""Nothing checks how strong a new password is.

Why it matters: the server takes any password, one letter or the login's name; the people who use it
know.

How to fix: add passwordcheck (or credcheck) to shared_preload_libraries and restart, or authenticate
by certificate or directory; where another system makes the passwords, say so ([passwords]
strength_checked_by).

Silent when: passwordcheck or credcheck is loaded, no rule of pg_hba.conf uses a password, no login
has one, or the policy names what checks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba_rules import rules
from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import loaded
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 5",
    "CNIL, recommendation on passwords of 2022",
    "PostgreSQL manual, F.26 passwordcheck",
)
_MODULES = frozenset({"passwordcheck", "credcheck", "passwordcheck_extra", "pgprofile_passwordcheck"})
_STORED = frozenset({"md5", "scram-sha-256", "password"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.passwords.strength_checked_by or not _MODULES.isdisjoint(loaded(snapshot)):
        return
    missing = snapshot.missing()
    if "hba_rules" not in missing and not any(rule.method in _STORED for rule in rules(snapshot)):
        return
    bootstrap = {role.name for role in snapshot.roles if role.bootstrap}
    if "verifiers" not in missing:
        having = [row.role for row in snapshot.verifiers if row.kind != "none" and row.role not in bootstrap]
        if not having:
            return
        count = f"{len(having)} login{'s have' if len(having) > 1 else ' has'} a password"
    else:
        count = "logins may have passwords"
    yield Finding(
        setting_subject("shared_preload_libraries"),
        f"{count}, and neither passwordcheck nor credcheck is loaded",
    )
