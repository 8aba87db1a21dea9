"""A SCRAM verifier was made with fewer than 4096 iterations.

Why it matters: fewer rounds make a leaked verifier cheaper to guess; RFC 7677 asks for at least 4096.

How to fix: set scram_iterations to 4096 or more (16+) and have the passwords named set again.

Silent when: 4096 or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, setting_subject
from pgguard.changes.settings import alter_system
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "RFC 7677",
    "PostgreSQL manual, 20.5 Password Authentication",
)
_LEAST = 4096


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.major >= 16:
        value = int(snapshot.setting("scram_iterations").value)
        if value < _LEAST:
            yield Finding(
                setting_subject("scram_iterations"),
                f"scram_iterations = {value}, below {_LEAST}",
                fix=(alter_system("scram_iterations", str(_LEAST)),),
            )
    for verifier in snapshot.verifiers:
        if verifier.kind == "scram-sha-256" and verifier.iterations < _LEAST:
            yield Finding(
                role_subject(verifier.role),
                f"its verifier has {verifier.iterations} iterations, below {_LEAST}",
            )
