"""The server's minor version is not the newest one.

Why it matters: nearly every minor version mends security holes, and its notes tell everybody where
they are.

How to fix: install the newest minor version of the same major version and restart; the data stays as
it is. Read its notes first: some ask for a reindex.

Silent when: it is the newest that pgguard knows of. Low when one behind, as every server is between a
release and its next maintenance window; medium when two or more behind, for then a whole quarter of
known holes was left open. The table may be old: the finding says how old, and that newer ones may be
out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject
from pgguard.analysis.versions import age, minor, table
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 1",
    "PostgreSQL Versioning Policy",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    major = table().majors.get(snapshot.major)
    if major is None:
        msg = f"PostgreSQL {snapshot.major} is newer than pgguard's table of versions of {table().as_of}"
        raise NotApplicable(msg)
    behind = major.behind(minor(snapshot))
    if behind:
        yield Finding(
            cluster_subject(),
            f"PostgreSQL {snapshot.server.version} is {behind} behind {snapshot.major}.{major.newest} of "
            f"{major.released} ({age(snapshot)})",
            severity=Severity.LOW if behind == 1 else None,
        )
