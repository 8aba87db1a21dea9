"""The clear column of a finished encryption is still there, or its values lie on in the table's file.

Why it matters: whoever gets at the file, a backup of it or a standby reads what the ciphertext is to hide;
DROP COLUMN leaves every value where it was, in rows that are in use.

How to fix: apply the phases contract and scrub of the encryption's plan; where they are applied, write the
table anew (VACUUM FULL, pg_repack). Then `pgguard verify --residue` searches for what is left.

Silent when: the clear column is gone and the table's file is newer than the constraint that keeps its place
empty; while values are still being encrypted (enc-plaintext-column tells of those). After pg_upgrade files
have numbers that tell nothing: write the table anew once more. What statistics and slots keep is told by
ret-residue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.grouping import place, together
from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.encrypted import Encrypted
    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy
    from pgguard.model.rows import DroppedColumns
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = ("GDPR 32", "NIST MP-6", "PostgreSQL manual, ALTER TABLE, DROP COLUMN")
# oids are counted in 32 bits, and begin again
_HALF = 1 << 31


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    untold = []
    for database in snapshot.inspected:
        tables: dict[int, list[Encrypted]] = {}
        for one in encrypted(database):
            tables.setdefault(one.relation.oid, []).append(one)
        still, dropped = [], []
        for columns in tables.values():
            left = [one for one in columns if one.clear is not None and one.empty is None and one.sealed]
            if left:
                still.append(left)
                continue
            lies = _lies_in_file(database, columns)
            if lies is None:
                untold.append(relation_name(columns[0].relation))
            elif lies:
                dropped.append(columns)
        for group in together(still, lambda columns: columns[0].relation.schema):
            yield _still(database, group)
        for group in together(dropped, lambda columns: columns[0].relation.schema):
            yield _dropped(database, group)
    if untold:
        section = "dropped_columns"
        raise Unread(
            section,
            f"whether {shorten(untold, 3)} was written anew after its clear columns were dropped is not in "
            "the catalog: pgguard verify --residue searches the file",
        )


def _lies_in_file(database: DatabaseSnapshot, columns: list[Encrypted]) -> bool | None:
    """Whether what was dropped is in the file; None where that cannot be known."""
    oid = columns[0].relation.oid
    row = next((one for one in database.dropped_columns if one.relation == oid), None)
    if row is None:
        return False
    told = [_told(row, one) for one in columns if _was_before(row, one)]
    if True in told:
        return True
    return None if None in told else False


def _was_before(row: DroppedColumns, one: Encrypted) -> bool:
    # the clear column was there before the one that holds its ciphertext
    before = min(row.numbers) < one.stored.number
    return before and (one.clear is None or one.empty is not None)


def _told(row: DroppedColumns, one: Encrypted) -> bool | None:
    if one.empty is not None:
        return not _is_newer(row.filenode, one.empty.oid)
    # without a constraint only a file that was never replaced tells
    return True if row.filenode == row.relation else None


def _is_newer(number: int, than: int) -> bool:
    return 0 < (number - than) % (2 * _HALF) < _HALF


def _still(database: DatabaseSnapshot, group: list[list[Encrypted]]) -> Finding:
    tables = [one for columns in group for one in columns]
    names = [
        qualified(one.relation.schema, one.relation.name, one.clear.name)
        for one in tables
        if one.clear is not None
    ]
    return Finding(
        _subject_of(database, group),
        f"every value of {shorten(names, 3)} is encrypted, and stands there in clear as well",
        fix=(
            by_hand(
                f"in database {ident(database.name)}: apply contract and scrub, the last phases of the plan"
            ),
        ),
    )


def _dropped(database: DatabaseSnapshot, group: list[list[Encrypted]]) -> Finding:
    tables = [relation_name(columns[0].relation) for columns in group]
    return Finding(
        _subject_of(database, group),
        f"the values of clear columns that were dropped lie in the file of {shorten(tables, 3)}, which was "
        "not written anew since",
        fix=tuple(
            by_hand(
                f"in database {ident(database.name)}, while nobody needs it: VACUUM (FULL, ANALYZE) {table};"
            )
            for table in tables
        ),
    )


def _subject_of(database: DatabaseSnapshot, group: list[list[Encrypted]]) -> Subject:
    relations = [columns[0].relation for columns in group]
    if len(relations) == 1:
        return relation_subject(database, relations[0])
    return place(database, (one.schema for one in relations))
