"""The server speaks no TLS (ssl = off).

Why it matters: results, diagnoses and passwords cross the network in clear, and whoever listens reads
and alters them.

How to fix: put a certificate of the hospital's own authority into the data directory, set ssl = on and
reload, then turn the host rules of pg_hba.conf into hostssl.

Silent when: ssl is on, or the server has no TCP listener. Where only the machine itself is served, by
the listener or by pg_hba.conf, it is low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, listeners, serves_other_machines
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 32(1)(a)",
    "HIPAA 164.312(e)",
    "CIS-PG 6",
    "PostgreSQL manual, 18.9 Secure TCP/IP Connections with SSL",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.setting("ssl").value == "on":
        return
    places = listeners(snapshot)
    if not places:
        return
    far = serves_other_machines(snapshot)
    whom = "serves other machines" if far else "serves its own machine only"
    yield Finding(
        setting_subject("ssl"),
        f"ssl = off; the server listens on {', '.join(places)} and {whom}",
        severity=None if far else Severity.LOW,
        fix=(
            by_hand(
                "put server.crt and server.key (mode 0600, owned by the server's account) into place",
                first=True,
            ),
            change(snapshot, "ssl", "on"),
        ),
    )
