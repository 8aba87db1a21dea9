"""A publication sends patients' data to subscribers that nobody declared.

Why it matters: a subscriber holds its own copy, under its own grants and backups, with whoever runs
it: that is a disclosure to a recipient, and needs a contract and an entry in the register.

How to fix: declare the recipient in the policy ([[publication]] name, recipient), or leave the columns
out (ALTER PUBLICATION ... SET TABLE name (columns), from 15 on) or the table.

Silent when: declared, or no sensitive column is sent. Only medium while wal_level is not logical,
because nothing is sent until it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Publication
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "GDPR 28",
    "GDPR 30",
    "PostgreSQL manual, 31.1 Publication",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        declared = {one.name for one in policy.publication if one.database in ("", database.name)}
        for publication in database.publications:
            if publication.name in declared:
                continue
            sent = [columns for columns in _sent(database, policy, publication) if columns]
            if not sent:
                continue
            flows = snapshot.setting("wal_level").value == "logical"
            tables = [_told(columns) for columns in sent]
            count = f"{len(tables)} sensitive table{'s' if len(tables) > 1 else ''}"
            every = ", as it sends all tables" if publication.all_tables else ""
            later = "" if flows else ", as soon as wal_level is logical"
            yield Finding(
                Subject("publication", ident(publication.name), database.name),
                f"{ident(publication.name)} sends {count} to undeclared subscribers{every}{later}: "
                f"{shorten(tables, 3)}",
                severity=None if flows else Severity.MEDIUM,
            )


def _sent(
    database: DatabaseSnapshot, policy: Policy, publication: Publication
) -> Iterator[Sequence[Sensitive]]:
    """The sensitive columns that a publication sends, table by table."""
    tables = sensitive_tables(database, policy)
    if publication.all_tables:
        for columns in tables.values():
            relation = columns[0].relation
            # what only this server knows is not replicated, and partitions go with their parent
            if relation.kind in "rp" and relation.persistence == "p" and not relation.is_partition:
                yield columns
        return
    for row in database.publication_tables:
        if row.publication == publication.name:
            columns = tables.get(row.relation, ())
            yield tuple(one for one in columns if not row.columns or one.column.number in row.columns)


def _told(columns: Sequence[Sensitive]) -> str:
    names = [ident(one.column.name) for one in columns]
    return f"{relation_name(columns[0].relation)} ({shorten(names, 3)})"
