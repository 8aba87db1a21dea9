"""The erasure of one person (GDPR art. 17): which tables are reached from the person's key, and which are
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.erasure import day_of, emptied, holds_of, made, table_mistakes
from pgguard.analysis.erasure_order import breaks
from pgguard.analysis.erasure_shape import Shape
from pgguard.errors import InputError
from pgguard.model.erasure import Work
from pgguard.model.quote import ident

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence

    from pgguard.model.erasure import Catalog, Erasure, Table
    from pgguard.model.policy import Policy
    from pgguard.model.retention import Retention

_PLAIN = frozenset(
    {"smallint", "integer", "bigint", "numeric", "text", "character varying", "character", "uuid", "date"}
)


def of_person(
    catalog: Catalog,
    policy: Policy,
    *,
    sensitive: Sequence[str],
    checked: Sequence[str] = (),
    tables: Sequence[str] = (),
    day: datetime.date | None = None,
) -> Erasure:
    """The erasure of all that is one person's.

    From the table of [[data_subject]] every table is reached whose foreign keys lead there, and those that
    [[subject_column]] or the subject of [[audit_table]] names. `sensitive` are tables with personal data:
    one that is not reached is refused, unless it is `checked`. Raises `InputError` with every reason at
    once.
    """
    shape = Shape(catalog)
    wrong: list[str] = []
    entries = [one for one in policy.data_subject if one.database in ("", catalog.database)]
    found = [(one, table) for one in entries if (table := shape.named(one.table)) is not None]
    if len(found) != 1:
        msg = (
            f"the database {ident(catalog.database)} needs one [[data_subject]] table and key in the policy, "
            f"which says where a person is found; there are {len(found)}"
        )
        raise InputError(msg)
    entry, subject = found[0]
    _key_mistakes(shape, subject, entry.key, wrong)
    keyed = tuple(_keyed(shape, policy, subject, entry.key, wrong))
    reached = _closure(shape, [subject.oid, *(oid for oid, _ in keyed)])
    rules = {
        table.oid: rule
        for rule in policy.retention
        for name in (rule.table, *rule.copies)
        if rule.database in ("", catalog.database) and (table := shape.named(name)) is not None
    }
    works = [
        work
        for oid in reached
        if (work := _work(shape, shape.tables[oid], rules.get(oid), wrong)) is not None
    ]
    wrong += _unreached(shape, reached, sensitive, checked)
    wrong += _kept_children(shape, works)
    if tables:
        wrong.append("--table: a person is erased from every table")
    return made(
        shape,
        works,
        holds_of(shape, policy, day or day_of(catalog), wrong),
        wrong,
        (),
        subject.oid,
        entry.key,
        keyed,
    )


def _key_mistakes(shape: Shape, subject: Table, key: str, wrong: list[str]) -> None:
    if (subject.oid, key) in shape.stored:
        wrong.append(
            f"[[data_subject]] key: {ident(key)} of {subject.sql} is encrypted; name a key that is not, "
            "such as the "
            "number by which other tables refer to the person"
        )
        return
    column = shape.columns[subject.oid].get(key)
    if column is None:
        wrong.append(f"[[data_subject]] key: {subject.sql} has no column {ident(key)}")
    elif column.base not in _PLAIN:
        wrong.append(
            f"[[data_subject]] key: {ident(key)} of {subject.sql} is {column.type}: no key of a person"
        )


def _keyed(
    shape: Shape, policy: Policy, subject: Table, key: str, wrong: list[str]
) -> Iterator[tuple[int, str]]:
    """Columns of other tables that hold the person's key and are no foreign key to the person."""
    named: list[tuple[str, str, str, bool]] = []
    for one in policy.subject_column:
        table, _, column = one.column.rpartition(".")
        if one.database in ("", shape.catalog.database):
            named.append((f"[[subject_column]] {one.column}", table, column.strip('"'), bool(one.database)))
    for audit in policy.audit_table:
        if audit.subject and audit.database in ("", shape.catalog.database):
            named.append((f"[[audit_table]] {audit.table}", audit.table, audit.subject, bool(audit.database)))
    for where, name, column, here in named:
        found = shape.named(name)
        if found is None:
            if here:
                wrong.append(f"{where}: there is no such table")
            continue
        if found.oid == subject.oid:
            continue
        known = shape.columns[found.oid].get(column)
        if known is None:
            wrong.append(f"{where}: {found.sql} has no column {ident(column)}")
        elif (found.oid, column) in shape.stored:
            wrong.append(f"{where}: {ident(column)} is encrypted, and nobody can be found by it")
        elif any(
            column in edge.columns
            and edge.parent in shape.roots(subject.oid)
            and edge.parent_columns != (key,)
            for edge in shape.outgoing(found.oid)
        ):
            # it holds another key of the person's table, and the foreign key leads there by itself
            continue
        elif known.base not in _PLAIN:
            wrong.append(f"{where}: {ident(column)} is {known.type}: no key of a person")
        else:
            yield found.oid, column


def _closure(shape: Shape, start: Sequence[int]) -> list[int]:
    """The tables that lead there by foreign keys, by the tables that partitions belong to."""
    found = list(dict.fromkeys(start))
    for oid in found:
        for leaf in shape.whole(oid):
            for edge in shape.incoming(leaf):
                top = shape.roots(edge.child, partitions_only=True)[-1]
                if not set(shape.roots(edge.child)) & set(found):
                    found.append(top)
    return found


def _work(shape: Shape, table: Table, rule: Retention | None, wrong: list[str]) -> Work | None:
    method = rule.action if rule else "delete"
    mistakes = list(table_mistakes(shape, table, method))
    columns, said = emptied(shape, table, method, rule.columns if rule else ())
    wrong += [f"{table.sql}: {one}" for one in (*mistakes, *said)]
    if mistakes or said:
        return None
    basis = rule.basis if rule else ""
    return Work(table.oid, table.sql, method, 0, basis, "", "", "", columns, tuple(shape.leaves(table.oid)))


def _unreached(
    shape: Shape, reached: Sequence[int], sensitive: Sequence[str], checked: Sequence[str]
) -> Iterator[str]:
    covered = {one for oid in reached for one in shape.whole(oid)}
    for name in checked:
        if shape.named(name) is None:
            yield f"--checked: there is no table {name}"
    done = {table.oid for name in checked if (table := shape.named(name)) is not None}
    for name in sorted(sensitive):
        table = shape.named(name)
        if table is None or table.kind not in "rp":
            continue
        if not set(shape.roots(table.oid)) & (covered | done):
            yield (
                f"{table.sql} holds personal data, and nothing leads from it to the person: declare "
                f"[[subject_column]], or look for yourself and say --checked {table.sql}"
            )


def _kept_children(shape: Shape, works: Sequence[Work]) -> Iterator[str]:
    by_table = {oid: work for work in works for oid in shape.whole(work.table)}
    for edge in shape.catalog.edges:
        child, parent = by_table.get(edge.child), by_table.get(edge.parent)
        if child is None or parent is None or child == parent or breaks(edge):
            continue
        if child.method != "delete" and parent.method == "delete":
            yield (
                f"rows of {child.name} are kept ({child.method}) and reference {parent.name}, whose row is "
                "to be "
                f"deleted: give {parent.name} a rule that keeps it, too, or {child.name} one that deletes"
            )
