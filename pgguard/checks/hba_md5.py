"""A rule of pg_hba.conf still accepts md5 passwords.

Why it matters: an md5 verifier that leaks from a backup lets its thief log in as it stands, and its
password is guessed at billions of tries a second.

How to fix: give every login a SCRAM verifier (password_encryption = scram-sha-256, then have each
password set again), then write scram-sha-256 in the rule and SELECT pg_reload_conf().

Silent when: the method is scram-sha-256; it is only low where all logins of the rule have SCRAM
verifiers, which the server then uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force, login_names, who
from pgguard.analysis.hba.rules import line
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 5",
    "ANSSI RGS",
    "PostgreSQL manual, 20.5 Password Authentication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    kinds = (
        {}
        if "verifiers" in snapshot.missing()
        else {verifier.role: verifier.kind for verifier in snapshot.verifiers}
    )
    for rule, entries in in_force(snapshot, lambda rule: rule.method == "md5"):
        stored = {kinds.get(name, "other") for name in login_names(entries)} - {"none"}
        scram = stored == {"scram-sha-256"}
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} accepts md5 for {who(entries)}"
            + (", whose verifiers are SCRAM all the same" if scram else ""),
            severity=Severity.LOW if scram or not entries else None,
            fix=(by_hand(f"{rule_subject(rule).name}: scram-sha-256 instead of md5"),),
        )
