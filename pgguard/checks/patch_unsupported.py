"""The server's major version is out of support.

Why it matters: security holes found from that day on stay open, and everybody can read how to use them
in the notes of the versions that are still mended.

How to fix: upgrade to a supported major version (pg_upgrade, or logical replication for a short
interruption).

Silent when: the project still mends that version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject
from pgguard.analysis.versions import age, table, today
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 1",
    "ANSSI",
    "PostgreSQL Versioning Policy",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    major = table().majors.get(snapshot.major)
    if major is None:
        msg = f"PostgreSQL {snapshot.major} is newer than pgguard's table of versions of {table().as_of}"
        raise NotApplicable(msg)
    if major.ends < today(snapshot):
        yield Finding(
            cluster_subject(),
            f"PostgreSQL {snapshot.server.version}: version {snapshot.major} is out of support since "
            f"{major.ends} ({age(snapshot)})",
        )
