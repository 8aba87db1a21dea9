"""Wrong passwords cost an attacker nothing: neither auth_delay nor credcheck slows them down.

Why it matters: without a delay or a lock-out a program tries thousands of passwords a minute against
the logins of the hospital.

How to fix: add auth_delay to shared_preload_libraries with auth_delay.milliseconds = 500 and restart,
or use credcheck's lock-out.

Silent when: one of them is in force, or no rule of pg_hba.conf takes passwords over the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force
from pgguard.analysis.hba_rules import beyond_loopback
from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import loaded
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CNIL, recommendation on passwords of 2022",
    "NIST AC-7",
    "PostgreSQL manual, F.3 auth_delay",
)
_PASSWORDS = frozenset({"md5", "scram-sha-256", "password", "ldap", "radius", "pam", "bsd"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    modules = loaded(snapshot)
    if "credcheck" in modules:
        return
    if "auth_delay" in modules and snapshot.setting("auth_delay.milliseconds").value != "0":
        return
    exposed = [
        rule
        for rule, _ in in_force(snapshot, lambda rule: rule.method in _PASSWORDS and beyond_loopback(rule))
    ]
    if exposed:
        state = "is loaded with no delay" if "auth_delay" in modules else "is not loaded"
        yield Finding(
            setting_subject("shared_preload_libraries"),
            f"auth_delay {state} and {len(exposed)} rule{'s' if len(exposed) > 1 else ''} of pg_hba.conf "
            "take passwords over the network",
        )
