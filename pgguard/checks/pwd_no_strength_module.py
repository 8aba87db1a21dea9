"""Nothing checks how strong a new password is.

Why it matters: the server takes any password, one letter or the login's name; the people who use it
know.

How to fix: add passwordcheck (or credcheck) to shared_preload_libraries and restart, or authenticate
by certificate or directory; where another system makes the passwords, say so ([passwords]
strength_checked_by).

Silent when: passwordcheck or credcheck is loaded, no rule of pg_hba.conf uses a stored password, no
login but the first superuser has one, or the policy names what checks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import STORED_PASSWORD, rules
from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import loaded
from pgguard.changes.manual import by_hand
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
_MODULES = frozenset({"passwordcheck", "credcheck", "passwordcheck_extra", "alloydb_pg_password_validation"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.passwords.strength_checked_by or not _MODULES.isdisjoint(loaded(snapshot)):
        return
    missing = snapshot.missing()
    shown = "hba_rules" not in missing
    if shown and not any(rule.method in STORED_PASSWORD for rule in rules(snapshot)):
        return
    if shown and "verifiers" in missing:
        count = "rules of pg_hba.conf ask for passwords"
    else:
        logins = {role.name for role in snapshot.roles if role.login and not role.bootstrap}
        having = [row.role for row in snapshot.verifiers if row.kind != "none" and row.role in logins]
        if not having:
            return
        count = f"{len(having)} login{'s have' if len(having) > 1 else ' has'} a password"
    yield Finding(
        setting_subject("shared_preload_libraries"),
        f"{count}, and neither passwordcheck nor credcheck is loaded",
        fix=(by_hand("add passwordcheck to shared_preload_libraries, then restart the server"),),
    )
