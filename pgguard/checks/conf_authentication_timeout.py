"""A connection may take longer than a minute to log in.

Why it matters: whoever opens connections and says nothing keeps the places of those who treat patients.

How to fix: set authentication_timeout = 60s or less and reload.

Silent when: 60 seconds or less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, number
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CIS-PG 5",
    "PostgreSQL manual, 19.3.2 Authentication",
)
_MOST_SECONDS = 60


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seconds = number(snapshot, "authentication_timeout")
    if seconds > _MOST_SECONDS:
        yield Finding(
            setting_subject("authentication_timeout"),
            f"authentication_timeout = {seconds}s, above {_MOST_SECONDS}s",
            fix=(change(snapshot, "authentication_timeout", f"{_MOST_SECONDS}s"),),
        )
