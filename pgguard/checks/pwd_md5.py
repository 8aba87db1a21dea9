"""A login's password is stored as md5.

Why it matters: who sees the verifier, in a dump or a backup, can log in with it as it is, and guesses
the password itself at billions of tries a second.

How to fix: set password_encryption = scram-sha-256, then have the password of each login named set
again (\\password in psql, which sends no clear text).

Silent when: SCRAM verifiers, and logins without a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 5",
    "ANSSI",
    "PostgreSQL manual, 20.5 Password Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    logins = {role.name for role in snapshot.roles if role.login}
    weak = [one.role for one in snapshot.verifiers if one.kind == "md5" and one.role in logins]
    if len(weak) > 10:
        listed = shorten([ident(name) for name in weak], 8)
        yield Finding(cluster_subject(), f"{len(weak)} logins have md5 verifiers: {listed}")
        return
    for name in weak:
        yield Finding(role_subject(name), f"{ident(name)} has an md5 verifier")
