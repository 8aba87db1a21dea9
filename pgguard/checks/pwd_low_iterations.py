"""A SCRAM verifier was made with fewer than 4096 iterations.

Why it matters: fewer rounds make a leaked verifier cheaper to guess; RFC 7677 asks for at least 4096.

How to fix: set scram_iterations to 4096 or more (16+) and have the passwords named set again.

Silent when: 4096 or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, role_subject, setting_subject, shorten
from pgguard.analysis.settings import change, number
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

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
_MANY = 10


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.major >= 16:
        value = number(snapshot, "scram_iterations")
        if value < _LEAST:
            yield Finding(
                setting_subject("scram_iterations"),
                f"scram_iterations = {value}, below {_LEAST}",
                fix=(change(snapshot, "scram_iterations", str(_LEAST)),),
            )
    logins = {role.name for role in snapshot.roles if role.login}
    weak = [
        (verifier.role, verifier.iterations)
        for verifier in snapshot.verifiers
        if verifier.kind == "scram-sha-256" and verifier.iterations < _LEAST and verifier.role in logins
    ]
    if len(weak) > _MANY:
        listed = shorten([ident(role) for role, _ in weak], 8)
        yield Finding(
            cluster_subject(),
            f"{len(weak)} logins have verifiers with fewer than {_LEAST} iterations: {listed}",
        )
        return
    for role, iterations in weak:
        yield Finding(role_subject(role), f"its verifier has {iterations} iterations, below {_LEAST}")
