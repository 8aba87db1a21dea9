"""Wrong passwords cost an attacker nothing: neither auth_delay nor credcheck slows them down.

Why it matters: without a delay or a lock-out a program tries thousands of passwords a minute against
the logins of the hospital.

How to fix: add auth_delay to shared_preload_libraries with auth_delay.milliseconds = 500 and restart,
or use credcheck's lock-out (credcheck.max_auth_failure).

Silent when: one of them is in force, or no rule of pg_hba.conf takes passwords over the network. In
session_preload_libraries they come too late: the login is over by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force
from pgguard.analysis.hba.rules import beyond_loopback
from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, is_zero, loaded_at_start
from pgguard.changes.manual import by_hand
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
_DELAY = "auth_delay.milliseconds"
_PASSWORDS = frozenset({"md5", "scram-sha-256", "password", "ldap", "radius", "pam", "bsd"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    state = _state(snapshot)
    if not state:
        return
    exposed = [
        rule
        for rule, _ in in_force(snapshot, lambda rule: rule.method in _PASSWORDS and beyond_loopback(rule))
    ]
    if exposed:
        fix = (
            change(snapshot, _DELAY, "500")
            if snapshot.has_setting(_DELAY)
            else by_hand("add auth_delay to shared_preload_libraries, set its milliseconds, then restart")
        )
        yield Finding(
            setting_subject("shared_preload_libraries"),
            f"{state} and {len(exposed)} rule{'s' if len(exposed) > 1 else ''} of pg_hba.conf "
            "take passwords over the network",
            fix=(fix,),
        )


def _state(snapshot: Snapshot) -> str:
    # what is wrong with the brakes; nothing when one of them works
    modules = loaded_at_start(snapshot)
    if "credcheck" in modules and not is_zero(snapshot.setting("credcheck.max_auth_failure").value):
        return ""
    if "auth_delay" in modules:
        return "auth_delay is loaded with no delay" if is_zero(snapshot.setting(_DELAY).value) else ""
    if "credcheck" in modules:
        return "credcheck is loaded with its lock-out off"
    return "auth_delay is not loaded"
