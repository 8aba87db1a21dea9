"""A database for tests, development or training holds what looks like real patients.

Why it matters: there grants are wide, logins shared and logs verbose; a copy of production made for a
week's tests is patients' data without the protection, the deadlines and the audit of the original.

How to fix: drop it, or replace what it holds by synthetic or masked data; a database that its name
misjudges goes into the policy ([[database]] name, use = "production").

Silent when: no database is one for tests by its name or the policy, none of those has a sensitive column,
or the values looked at are made up, masked or encrypted. Without values (--sample N) it is not known.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.names import database_subject, shorten
from pgguard.analysis.patterns import by_column, looks_real
from pgguard.analysis.sensitive import sensitive_columns, words
from pgguard.errors import Unread
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "ISO 27001 A.8.33",
    "SNDS 3.8",
)
_LONGEST = 3


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        if not _for_tests(database, policy):
            continue
        columns = [
            one
            for one in sensitive_columns(database, policy)
            if one.relation.kind in "rpm"
            and not one.relation.is_partition
            and one.category not in TRACES
            and stored(snapshot, database, one.relation, one.column) in (Stored.CLEAR, Stored.UNKNOWN)
        ]
        if columns:
            yield from _looked_at(database, columns)


def _looked_at(database: DatabaseSnapshot, columns: list[Sensitive]) -> Iterator[Finding]:
    samples = by_column(database)
    real, unknown = [], []
    for one in columns:
        name = qualified(one.relation.schema, one.relation.name, one.column.name)
        seen = samples.get((one.relation.oid, one.column.number), [])
        if any(looks_real(sample) for sample in seen):
            real.append(name)
        elif not seen or any(sample.unread for sample in seen):
            unknown.append(name)
    if real:
        yield Finding(
            database_subject(database.name),
            f"{ident(database.name)} is not for production, and {len(real)} sensitive columns hold what "
            f"looks like real values ({shorten(real, 3)})",
        )
    if unknown:
        msg = "values"
        raise Unread(
            msg,
            f"it is not for production, and only a look at values (--sample N) tells whether "
            f"{shorten(unknown, 3)} hold real patients' data",
            database.name,
        )


def _for_tests(database: DatabaseSnapshot, policy: Policy) -> bool:
    declared = [one.use for one in policy.database if one.name == database.name]
    if declared:
        return "test" in declared
    parts = words(database.name)
    # pre-prod and bac_a_sable are words, too
    runs = {
        "".join(parts[start:end])
        for start in range(len(parts))
        for end in range(start + 1, start + _LONGEST + 1)
    }
    return not _words().isdisjoint(runs)


@cache
def _words() -> frozenset[str]:
    text = resources.files("pgguard").joinpath("data/nonproduction.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["words"])
