"""Data pages have no checksums.

Why it matters: a disk that returns wrong bytes changes a result or a dose without anybody noticing,
and the error travels into the backups.

How to fix: stop the server and run pg_checksums --enable (12 and later), or initdb --data-checksums
and a reload of the data.

Silent when: data_checksums is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "GDPR 32(1)(b)",
    "PostgreSQL manual, 28.2 Data Checksums",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.setting("data_checksums").value == "off":
        how = (
            "stop the server, pg_checksums --enable -D its data directory, start it"
            if snapshot.major >= 12
            else "initdb --data-checksums, and load a dump"
        )
        yield Finding(setting_subject("data_checksums"), "data_checksums = off", fix=(by_hand(how),))
