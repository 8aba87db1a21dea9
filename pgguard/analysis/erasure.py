"""Which rows of which tables an erasure takes, in which order, and why it cannot be done as it is asked
for.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.erasure_order import Circular, ordered
from pgguard.analysis.erasure_shape import Shape
from pgguard.analysis.erasure_values import bound, zero
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.predicate import predicate_misfits, read_predicate
from pgguard.errors import InputError
from pgguard.model.erasure import Emptied, Erasure, Held, Work
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.model.erasure import Catalog, Column, Method, Table
    from pgguard.model.policy import Policy
    from pgguard.model.retention import Retention

AGES = ("date", "timestamp without time zone", "timestamp with time zone")
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}


def by_rules(
    catalog: Catalog,
    policy: Policy,
    cutoff: Callable[[int], str],
    *,
    tables: Sequence[str] = (),
    day: datetime.date | None = None,
    reads: bool = False,
) -> Erasure:
    """The erasure that the policy's retention rules ask for; with `tables` only of these.

    `cutoff` gives the server's time so many months ago; holds are judged by `day`, default that of the
    catalog. With `reads` it is only looked at: the login need not be able to erase. Raises `InputError`
    with every reason why it cannot be done.
    """
    shape = Shape(catalog)
    wrong: list[str] = []
    notes: list[str] = []
    entries = _entries(shape, policy, tables, wrong, notes)
    works = [
        one
        for entry in entries
        if (one := _aged(shape, entry.table, entry.rule, cutoff, wrong, reads=reads)) is not None
    ]
    holds = holds_of(shape, policy, day or day_of(catalog), wrong)
    if not works and not wrong:
        wrong.append(
            "no retention rule is for a table of the database "
            f"{ident(catalog.database)}: add [[retention]] table, months, age_column to the policy"
        )
    return made(shape, works, holds, wrong, notes)


def holds_of(shape: Shape, policy: Policy, day: datetime.date, wrong: list[str]) -> tuple[Held, ...]:
    """The holds that are in force on a day, each with its condition; what is wrong with one is added."""
    found: list[Held] = []
    for one in policy.hold:
        if one.database not in ("", shape.catalog.database) or not one.holds_on(day):
            continue
        where = f"[[hold]] table = {one.table}"
        table = shape.named(one.table)
        if table is None:
            if one.database:
                wrong.append(f"{where}: there is no such table, so that nobody knows what it holds")
            continue
        if table.kind not in "rp":
            wrong.append(f"{where}: it is {_KINDS[table.kind]}: name the table whose rows are held")
            continue
        until = one.until.isoformat() if one.until else ""
        if not one.rows:
            found.append(Held(table.oid, "", (), one.reason, one.owner, until))
            continue
        try:
            read = read_predicate(one.rows)
        except Unparsable as error:
            wrong.append(f"{where}: its rows are no condition: {error}")
            continue
        types = {name: column.type for name, column in shape.columns[table.oid].items()}
        misfits = [f"{where}: {said}" for said in predicate_misfits(read, types)]
        misfits += [
            f"{where}: {name} is encrypted, and cannot be compared"
            for name in read.columns
            if (table.oid, name) in shape.stored
        ]
        wrong += misfits
        if not misfits:
            found.append(Held(table.oid, *bound(read.sql), one.reason, one.owner, until))
    return tuple(found)


class _Entry(NamedTuple):
    table: Table
    rule: Retention


def _entries(
    shape: Shape, policy: Policy, tables: Sequence[str], wrong: list[str], notes: list[str]
) -> list[_Entry]:
    """The tables of the rules and of their copies, each once."""
    found: dict[int, _Entry] = {}
    for rule in policy.retention:
        if rule.database not in ("", shape.catalog.database):
            notes.append(
                f"[[retention]]: the rule for {rule.table} is for the database {ident(rule.database)}"
            )
            continue
        if rule.months < 1:
            wrong.append(f"[[retention]] table = {rule.table}: {rule.months} months would take every row")
            continue
        for name in (rule.table, *rule.copies):
            table = shape.named(name)
            if table is None:
                said = (
                    f"[[retention]]: there is no table {name} in the database {ident(shape.catalog.database)}"
                )
                (wrong if rule.database else notes).append(said)
                continue
            other = found.get(table.oid)
            if other is not None and _asks(other.rule) != _asks(rule):
                wrong.append(f"[[retention]]: two rules for {table.sql} contradict each other")
            found.setdefault(table.oid, _Entry(table, rule))
    for oid, entry in found.items():
        for above in shape.roots(oid)[1:]:
            if above in found:
                wrong.append(
                    f"[[retention]]: {entry.table.sql} is a part of {found[above].table.sql}, which has a "
                    "rule of "
                    "its own: keep one of the two"
                )
    asked = {one: shape.named(one) for one in tables}
    wrong += [f"--table: there is no table {one}" for one, table in asked.items() if table is None]
    wanted = {table.oid for table in asked.values() if table is not None}
    wrong += [f"--table: no rule is for {shape.tables[one].sql}" for one in wanted if one not in found]
    return [one for oid, one in found.items() if not tables or oid in wanted]


def _asks(rule: Retention) -> tuple[object, ...]:
    return rule.months, rule.age_column, rule.action, tuple(sorted(rule.columns))


def _aged(
    shape: Shape,
    table: Table,
    rule: Retention,
    cutoff: Callable[[int], str],
    wrong: list[str],
    *,
    reads: bool,
) -> Work | None:
    mistakes = list(table_mistakes(shape, table, rule.action, reads=reads))
    column = shape.columns[table.oid].get(rule.age_column)
    if table.kind in "rp":
        if (table.oid, rule.age_column) in shape.stored:
            mistakes.append(f"{ident(rule.age_column)} is encrypted, and nobody can tell the age by it")
        elif column is None:
            mistakes.append(f"it has no column {ident(rule.age_column)} to tell the age by")
        elif column.base not in AGES:
            mistakes.append(
                f"{ident(rule.age_column)} is {column.type}, and an age is told by a date or a timestamp"
            )
    columns, said = emptied(shape, table, rule.action, rule.columns)
    mistakes += said
    if mistakes:
        wrong += [f"{table.sql}: {one}" for one in mistakes]
        return None
    return Work(
        table.oid,
        table.sql,
        rule.action,
        rule.months,
        rule.basis,
        rule.age_column,
        column.base if column else "",
        cutoff(rule.months),
        columns,
        tuple(shape.leaves(table.oid)),
    )


def table_mistakes(shape: Shape, table: Table, method: Method, *, reads: bool = False) -> Iterator[str]:
    if table.kind not in "rp":
        yield f"it is {_KINDS[table.kind]}: rows are erased where they lie"
        return
    if table.temporary:
        yield "it is temporary"
    for oid in shape.whole(table.oid):
        part = shape.tables.get(oid)
        if part is None:
            continue
        if part.kind == "f":
            yield f"its part {part.sql} is a foreign table: its rows are erased on their own server"
        if part.ruled:
            yield f"a rule of {part.sql} changes what DELETE and UPDATE do"
    # rows are locked before they go, and that takes UPDATE
    may = table.may_read and table.may_update and (table.may_delete or method != "delete")
    needed = "SELECT, UPDATE, DELETE" if method == "delete" else "SELECT, UPDATE"
    if reads and not table.may_read:
        yield f"this login may not read it: GRANT SELECT ON {table.sql}"
    elif not reads and not may:
        yield f"this login may not: GRANT {needed} ON {table.sql}"
    if any(shape.tables[one].hidden for one in shape.whole(table.oid) if one in shape.tables):
        yield "row security hides rows from this login: connect as its owner, or as a role with BYPASSRLS"


def emptied(
    shape: Shape, table: Table, method: Method, names: Iterable[str]
) -> tuple[tuple[Emptied, ...], list[str]]:
    """The columns that are emptied; of encrypted ones the ciphertext and the blind index."""
    if method == "delete" or table.kind not in "rp":
        return (), []
    found: list[Emptied] = []
    wrong: list[str] = []
    columns = shape.columns[table.oid]
    if not names:
        wrong.append(f'the action {method} needs the columns that are emptied: columns = ["..."]')
    for name in names:
        stored = shape.stored.get((table.oid, name))
        if method == "crypto-erase" and stored is None:
            wrong.append(
                f"{ident(name)} is not stored encrypted by pgguard: crypto-erase has nothing to take"
            )
            continue
        for one in (name, *filter(None, (stored.stored, stored.blind) if stored else ())):
            column = columns.get(one)
            if column is None:
                # the clear column of an encrypted one may be gone
                if one != name or stored is None:
                    wrong.append(f"it has no column {ident(one)}")
            elif said := _unemptied(column, encrypted=stored is not None):
                wrong.append(f"{ident(one)} {said}")
            else:
                value = "NULL" if not column.not_null else zero(column.base)
                found.append(Emptied(one, value))
    return tuple(found), wrong


def _unemptied(column: Column, *, encrypted: bool) -> str:
    if column.keyed and column.not_null:
        return "is part of a key or of a unique index, and cannot be the same in every row"
    if not column.written:
        return "is generated, and cannot be set"
    if column.not_null and encrypted:
        return "is NOT NULL: without its ciphertext the row cannot be kept, so delete it"
    if column.not_null and not zero(column.base):
        return f"is NOT NULL, and its type {column.type} has no zero that is known here"
    return ""


def day_of(catalog: Catalog) -> datetime.date:
    return datetime.date.fromisoformat(catalog.now[:10])


def made(
    shape: Shape,
    works: Sequence[Work],
    holds: tuple[Held, ...],
    wrong: list[str],
    notes: Sequence[str],
    subject: int = 0,
    key: str = "",
    keyed: tuple[tuple[int, str], ...] = (),
) -> Erasure:
    """The erasure in its order. Raises `InputError` with all that is wrong."""
    try:
        works = ordered(shape.catalog, works, shape)
    except Circular as error:
        wrong.append(str(error))
    wrong += _unseen(shape, works)
    if wrong:
        raise InputError(
            "\n".join(["this cannot be erased as it is asked for; nothing was done:", *dict.fromkeys(wrong)])
        )
    return Erasure(
        shape.catalog,
        tuple(works),
        holds,
        subject,
        key,
        keyed,
        tuple(notes),
        digest(shape, works, subject, key, keyed),
    )


def _unseen(shape: Shape, works: Sequence[Work]) -> Iterator[str]:
    """Tables that are looked at, and whose rows this login does not see whole."""
    own = {leaf for work in works for leaf in shape.whole(work.table)}
    for work in works:
        near = {edge.child for leaf in work.leaves for edge in shape.incoming(leaf)}
        near |= {edge.parent for leaf in work.leaves for edge in shape.outgoing(leaf)}
        for oid in sorted(near - own):
            table = shape.tables.get(oid)
            if table is not None and (table.hidden or not table.may_read):
                why = "row security hides rows of it" if table.hidden else "this login may not read it"
                yield (
                    f"{work.name}: {table.sql} is joined to it by a foreign key, and {why}: who is held is "
                    "not known"
                )


def digest(
    shape: Shape,
    works: Sequence[Work],
    subject: int = 0,
    key: str = "",
    keyed: Sequence[tuple[int, str]] = (),
) -> str:
    """What stands for the rules and for the tables, columns, foreign keys and triggers that they depend on.

    Times are left out: the same plan of another day has the same.
    """
    near = {oid for work in works for oid in shape.whole(work.table)}
    near |= {edge.child for oid in tuple(near) for edge in shape.into[oid]}
    near |= {edge.parent for oid in tuple(near) for edge in shape.out_of[oid]}
    names: Mapping[int, str] = {one.oid: one.sql for one in shape.catalog.tables}
    told = [
        [
            (w.name, w.method, w.months, w.age_column, w.emptied, [names[one] for one in w.leaves])
            for w in works
        ],
        sorted((names[oid], [c[1:] for c in shape.columns[oid].values()]) for oid in near if oid in names),
        sorted(
            (e.name, names[e.child], e.columns, names[e.parent], e.parent_columns, e.on_delete)
            for e in shape.catalog.edges
            if (e.child in near or e.parent in near) and e.child in names and e.parent in names
        ),
        sorted((names[f.relation], f.name, f.function) for f in shape.catalog.fires if f.relation in near),
        (names.get(subject, ""), key, sorted((names[oid], name) for oid, name in keyed)),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def cascaded(shape: Shape, erasure: Erasure) -> tuple[Work, ...]:
    """The tables without a rule of which rows go by ON DELETE CASCADE, as works that need no batches."""
    own = {oid for work in erasure.works for oid in shape.whole(work.table)}
    todo = [oid for work in erasure.works if work.method == "delete" for oid in shape.whole(work.table)]
    found: list[int] = []
    for oid in todo:
        for edge in shape.incoming(oid):
            top = shape.roots(edge.child, partitions_only=True)[-1]
            if edge.on_delete == "c" and top not in found and edge.child not in own:
                found.append(top)
                todo += shape.whole(top)
    return tuple(
        Work(oid, shape.tables[oid].sql, "delete", 0, "", "", "", "", (), tuple(shape.leaves(oid)))
        for oid in found
        if oid in shape.tables
    )
