"""The log does not record who connects, or when they leave.

Why it matters: a session that nobody recorded cannot be traced to a person, neither the colleague who
looks up a neighbour's results nor the intruder.

How to fix: set log_connections and log_disconnections = on and reload.

Silent when: both are on (from PostgreSQL 18 on, log_connections names at least one aspect). What one
role or database has for itself is told by role-setting-override.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, is_off
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL recommendation journalisation",
    "CIS-PG 3",
    "PostgreSQL manual, 19.8.3 What to Log",
)
_EFFECTS = {
    "log_connections": "who comes in, from where and when is not recorded",
    "log_disconnections": "when a session ends is not recorded",
}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for name, effect in _EFFECTS.items():
        value = snapshot.setting(name).value
        if is_off(value):
            yield Finding(
                setting_subject(name),
                f"{name} = {value or 'empty'}: {effect}",
                fix=(change(snapshot, name, "on"),),
            )
