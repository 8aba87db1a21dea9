"""Which columns are to be encrypted: those of the policy by name, else those that are classified."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn, EncryptedTable
from pgguard.model.quote import ident, qualified
from pgguard.plan.encryption.refused import column_refusals, table_refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.encryption import TableShape
    from pgguard.model.policy import EncryptEntry, Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_GROUPS = {"genetic": "genetic", "special_category": "special"}


class Wanted(NamedTuple):
    """The columns of one table that are to be encrypted; `by_name` when the policy names them."""

    database: str
    schema: str
    table: str
    columns: tuple[EncryptedColumn, ...]
    by_name: bool

    @property
    def name(self) -> str:
        """The table's name as SQL needs it."""
        return qualified(self.schema, self.table)


def wanted(snapshot: Snapshot, policy: Policy, tables: Sequence[str] = ()) -> tuple[Wanted, ...]:
    """What is to be encrypted, table by table; with `tables` (as SQL names them) only of these.

    A table of which the policy names columns ([[encrypt]]) is encrypted as it says; of others the columns of
    the policy's categories that are stored in clear are taken. Raises `Unread`, and `InputError` for a
    column or
    table that is named and not there.
    """
    found: list[Wanted] = []
    known: set[str] = set()
    for database in snapshot.inspected:
        named = _named(database, policy)
        categories = {
            (one.relation.schema, one.relation.name, one.column.name): one.category
            for one in sensitive_columns(database, policy)
        }
        for (schema, table), entries in named.items():
            columns = tuple(
                _column(one, name, categories.get((schema, table, name), "")) for name, one in entries
            )
            found.append(Wanted(database.name, schema, table, columns, by_name=True))
        for (schema, table), some in _classified(snapshot, database, policy).items():
            if (schema, table) not in named:
                columns = tuple(
                    EncryptedColumn(one.column.name, _GROUPS.get(one.category, "main")) for one in some
                )
                found.append(Wanted(database.name, schema, table, columns, by_name=False))
        known |= {relation_name(one) for one in database.relations}
    if absent := [one for one in tables if one not in known]:
        msg = f"--table: there is no table {', '.join(absent)}: give schema.table as SQL names it"
        raise InputError(msg)
    return tuple(one for one in found if not tables or one.name in tables)


def shaped(
    chosen: Iterable[Wanted], shapes: Mapping[tuple[str, str], TableShape], policy: Policy, *, major: int
) -> tuple[tuple[EncryptedTable, ...], tuple[str, ...]]:
    """The tables with their shapes, and what is left out of them with the reason.

    What the policy names is kept whatever it is: it is refused later, with everything else that is wrong.
    """
    tables: list[EncryptedTable] = []
    left_out: list[str] = []
    for one in chosen:
        table = _table(one, shapes[one.database, one.name], policy)
        if not one.by_name:
            if reasons := [*table_refusals(table, major=major)]:
                left_out += [f"not encrypted: {why}" for why in reasons]
                continue
            table = replace(table, columns=tuple(_searchable(table, column) for column in table.columns))
            refused = {column: [*column_refusals(table, column)] for column in table.columns}
            left_out += [f"not encrypted: {why}" for reasons in refused.values() for why in reasons]
            table = replace(
                table, columns=tuple(column for column, reasons in refused.items() if not reasons)
            )
        if table.columns:
            tables.append(table)
    return tuple(tables), tuple(left_out)


def _table(one: Wanted, shape: TableShape, policy: Policy) -> EncryptedTable:
    entry = next(
        (
            each
            for each in policy.encrypt_table
            if each.table == one.name and each.database in ("", one.database)
        ),
        None,
    )
    form = entry.form if entry else "view"
    acknowledged = frozenset(entry.acknowledge) if entry else frozenset()
    subject, kind = (entry.subject, entry.subject_kind) if entry else ("", "")
    return EncryptedTable(
        one.database, shape, one.columns, form, policy.encryption.no_key, acknowledged, subject, kind
    )


def _searchable(table: EncryptedTable, column: EncryptedColumn) -> EncryptedColumn:
    unique = any(index.unique and column.name in index.columns for index in table.shape.indexes)
    return replace(column, searchable=True) if unique else column


def _named(
    database: DatabaseSnapshot, policy: Policy
) -> dict[tuple[str, str], list[tuple[str, EncryptEntry]]]:
    columns = (
        {
            qualified(relation.schema, relation.name, column.name): (
                relation.schema,
                relation.name,
                column.name,
            )
            for relation in database.relations
            if relation.kind in "rpf"
            for column in database.columns
            if column.relation == relation.oid
        }
        if policy.encrypt
        else {}
    )
    found: dict[tuple[str, str], list[tuple[str, EncryptEntry]]] = {}
    absent: list[str] = []
    for entry in policy.encrypt:
        if entry.database not in ("", database.name):
            continue
        if entry.column in columns:
            schema, table, name = columns[entry.column]
            found.setdefault((schema, table), []).append((name, entry))
        elif entry.database:
            absent.append(entry.column)
    if absent:
        msg = f"[[encrypt]] column: there is no {', '.join(absent)} in the database {ident(database.name)}"
        raise InputError(msg)
    return found


def _column(entry: EncryptEntry, name: str, category: str) -> EncryptedColumn:
    return EncryptedColumn(
        name,
        entry.key_group or _GROUPS.get(category, "main"),
        entry.searchable,
        entry.normal_form,
        entry.mask,
        entry.readers,
        entry.padding,
    )


def _classified(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy
) -> dict[tuple[str, str], list[Sensitive]]:
    found: dict[tuple[str, str], list[Sensitive]] = {}
    for one in sensitive_columns(database, policy):
        if one.category not in policy.encryption.categories or one.relation.kind not in "rp":
            continue
        # a partition goes with its table
        if (
            one.relation.is_partition
            or stored(snapshot, database, one.relation, one.column) is not Stored.CLEAR
        ):
            continue
        found.setdefault((one.relation.schema, one.relation.name), []).append(one)
    return found
