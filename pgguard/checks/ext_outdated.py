"""An installed extension is older than the version whose files lie on the server.

Why it matters: the packages were upgraded, the objects in the database were not: corrections of the
extension, security corrections among them, are not in force.

How to fix: ALTER EXTENSION name UPDATE in each database of the evidence, after reading its release
notes.

Silent when: every extension has the version that CREATE EXTENSION would give now, or a newer one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.names import shorten
from pgguard.changes.extensions import update_extension
from pgguard.model.finding import Change, Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CIS-PG 1",
    "NIST SI-2",
    "PostgreSQL manual, ALTER EXTENSION",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    behind: dict[str, list[tuple[str, str, Change]]] = {}
    for database in snapshot.inspected:
        available = {row.name: row.version for row in database.available_extensions}
        for row in database.extensions:
            newest = available.get(row.name, row.version)
            if _older(row.version, newest):
                change = update_extension(row.name, newest, database=database.name)
                said = f"{row.version} instead of {newest}"
                behind.setdefault(row.name, []).append((database.name, said, change))
    for name, places in sorted(behind.items()):
        databases = [database for database, _, _ in places]
        versions = ", ".join(dict.fromkeys(said for _, said, _ in places))
        where = shorten([ident(one) for one in databases], 3)
        yield Finding(
            Subject("extension", ident(name), databases[0] if len(databases) == 1 else None),
            f"{ident(name)} is {versions} in {where}",
            fix=tuple(change for _, _, change in places),
        )


def _older(installed: str, newest: str) -> bool:
    here, there = _numbers(installed), _numbers(newest)
    # versions are free text: what is not a number cannot be told older, only different
    return here < there if here and there else installed != newest


def _numbers(version: str) -> tuple[int, ...]:
    parts = re.split(r"[.-]", version)
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
