"""How many records and persons can be concerned at most: the rows that rights let a login see, and whose.

A table has no more records than rows, and a row with a key leads to one person. Tables that lead to the
declared table of persons ([[data_subject]]) hold the data of those persons, and of rows without a key; of
others each row, or each different key, may be somebody else. A row can tell of third persons besides, in free
text: that no count shows. What statements gave is no upper bound: one row can hold what was put together of
many. Row security is taken to hide nothing, for its conditions may be open to whoever sets a parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.names import relation_name
from pgguard.analysis.read_audit import shown_as
from pgguard.analysis.register import column_names, table_names
from pgguard.model.incident import Bound, CountAsked
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.incident_reach import Cell
    from pgguard.model.incident import AuditSeen, Counted
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# whose comparison is PostgreSQL's own: a type of somebody else would run his operator with our rights
_COMPARED = ("smallint", "integer", "bigint", "uuid", "text", "numeric", "character", "date")


class Pile(NamedTuple):
    """A table to be counted, with what it holds of others; `persons` is the table of persons it leads to."""

    table: str
    relation: Relation
    asked: CountAsked
    persons: Relation | None
    countable: bool


class Amount(NamedTuple):
    """So many rows of a table at most; None where that is not known."""

    rows: int | None
    exact: bool
    basis: str


class Piles:
    """The tables of some cells, and how many rows and persons they hold at most."""

    def __init__(self, snapshot: Snapshot, policy: Policy, cells: Iterable[Cell]) -> None:
        self._policy = policy
        self._databases = {one.name: one for one in snapshot.inspected}
        self._piles: dict[tuple[str, int], Pile] = {}
        for cell in cells:
            key = (cell.database, cell.relation.oid)
            if key not in self._piles:
                self._piles[key] = self._pile(self._databases[cell.database], cell.relation, cell.table)

    def asked(self) -> list[CountAsked]:
        """What has to be counted, tables of persons among it."""
        found = [one.asked for one in self._piles.values() if one.countable]
        for one in self._piles.values():
            if one.persons is not None:
                found.append(CountAsked(one.asked.database, one.persons.schema, one.persons.name))
        known = {one[:3] for one in found if one.key or one.nullable}
        return sorted({one for one in found if one.key or one.nullable or one[:3] not in known})

    def amount(self, cell: Cell, counts: Counts) -> Amount:
        """How many rows the table of a cell has at most."""
        return counts.rows(self._piles[cell.database, cell.relation.oid])

    def bound(self, cells: Iterable[Cell], counts: Counts) -> Bound:
        """The upper bound over the tables of some cells."""
        chosen = {(one.database, one.relation.oid) for one in cells}
        piles = [self._piles[key] for key in sorted(chosen) if not self._is_part(key, chosen)]
        amounts = [(one, counts.rows(one)) for one in piles]
        records = _sum(amount.rows for _, amount in amounts)
        exact = all(amount.exact for _, amount in amounts)
        basis = [f"{one.table}: {amount.basis}" for one, amount in amounts]
        persons: list[int | None] = []
        for home, members in _grouped(amounts).items():
            own = _sum(counts.persons(one, amount) for one, amount in members)
            if home is not None:
                database, relation = home
                table = Pile(
                    relation_name(relation),
                    relation,
                    CountAsked(database, relation.schema, relation.name),
                    None,
                    True,
                )
                there = counts.rows(table)
                strays = _sum(counts.strays(one) for one, _ in members)
                together = _sum((there.rows, strays))
                # an estimate of the one table is no reason to go below what the others were counted to
                surer = there.exact or not all(amount.exact for _, amount in members)
                if together is not None and (own is None or (together < own and surer)):
                    own, exact = together, exact and there.exact
                    names = ", ".join(one.table for one, _ in members)
                    told = (database, relation.oid) in chosen
                    whose = table.table if told else "the table of persons that they lead to"
                    basis.append(f"persons of {names}: those of {whose}, {there.basis}")
            persons.append(own)
        return Bound(records, _sum(persons), exact, tuple(basis))

    def _is_part(self, key: tuple[str, int], chosen: set[tuple[str, int]]) -> bool:
        """Whether a table that is counted has these rows too."""
        database, relation = self._databases[key[0]], self._piles[key].relation
        while relation.parent in catalog.relations(database):
            if (key[0], relation.parent) in chosen:
                return True
            relation = catalog.relations(database)[relation.parent]
        return False

    def _pile(self, database: DatabaseSnapshot, relation: Relation, table: str) -> Pile:
        name = relation.schema, relation.name
        countable = all(one.kind in "rpm" for one in _family(database, relation))
        if self._is_of_persons(database, relation):
            return Pile(table, relation, CountAsked(database.name, *name), relation, countable)
        linked = self._linked(database, relation)
        if linked is not None:
            persons, nullable = linked
            asked = CountAsked(database.name, *name, nullable=nullable)
            return Pile(table, relation, asked, persons, countable)
        key = self._key(database, relation)
        return Pile(table, relation, CountAsked(database.name, *name, key=key), None, countable)

    def _is_of_persons(self, database: DatabaseSnapshot, relation: Relation) -> bool:
        names = _names(database, relation)
        return any(
            one.table in names and one.database in ("", database.name) for one in self._policy.data_subject
        )

    def _linked(self, database: DatabaseSnapshot, relation: Relation) -> tuple[Relation, str] | None:
        """The table of persons that foreign keys lead to, and the column that may be NULL on the way."""
        relations = catalog.relations(database)
        # what inherits has no foreign key of its parent's
        if "constraints" in database.missing() or any(
            not one.is_partition for one in _family(database, relation)[1:]
        ):
            return None
        todo: list[tuple[Relation, str, bool]] = [(relation, "", True)]
        seen = {relation.oid}
        while todo:
            here, nullable, is_first = todo.pop(0)
            for one in database.constraints:
                if one.relation != here.oid or one.kind != "f" or not one.validated:
                    continue
                next_ = relations.get(one.references)
                columns = [c for c in catalog.columns(database, here.oid) if c.number in one.columns]
                open_ = [c.name for c in columns if not c.not_null]
                if next_ is None or next_.oid in seen or (open_ and not (is_first and len(columns) == 1)):
                    continue
                stray = open_[0] if open_ else nullable
                if self._is_of_persons(database, next_):
                    return next_, stray
                seen.add(next_.oid)
                todo.append((next_, stray, False))
        return None

    def _key(self, database: DatabaseSnapshot, relation: Relation) -> str:
        """The column that the policy declares to hold the person's key, when it can be compared safely."""
        names = _names(database, relation)
        tables = [one for one in self._policy.audit_table if one.subject and one.table in names]
        declared = {one.subject for one in tables if one.database in ("", database.name)}
        columns = {one.column for one in self._policy.subject_column if one.database in ("", database.name)}
        for column in catalog.columns(database, relation.oid):
            told = column.name in declared or ident(column.name) in declared
            if (told or not column_names(relation, column).isdisjoint(columns)) and _is_compared(column.type):
                return column.name
        return ""


class Counts:
    """What is known of numbers of rows: counted, or estimated by the planner; and what was deleted since."""

    def __init__(
        self,
        snapshot: Snapshot,
        counted: Iterable[Counted],
        audits: Iterable[AuditSeen],
    ) -> None:
        self._snapshot = snapshot
        self._counted: dict[tuple[str, str, str], Counted] = {one.asked[:3]: one for one in counted}
        self._deleted: Mapping[str, Mapping[str, int]] = {one.database: one.deleted for one in audits}

    def rows(self, pile: Pile) -> Amount:
        """The rows of a table at most."""
        found = self._counted.get(pile.asked[:3])
        gone = self.deleted(pile.asked.database, pile.relation)
        if found is not None and found.rows >= 0:
            if gone < 0:
                return Amount(None, False, "a TRUNCATE since the window began hides how many rows there were")
            later = f" and {gone:,} deleted since the window began" if gone else ""
            return Amount(found.rows + gone, True, f"{found.rows:,} rows counted at {found.at}{later}")
        estimate = self._estimate(pile)
        why = f" ({found.reason})" if found is not None and found.reason else ""
        if not pile.countable:
            why = " (part of it lies on another server)"
        if estimate is None or gone < 0:
            return Amount(None, False, f"not counted{why}, and the planner has no estimate")
        return Amount(
            estimate + gone, False, f"about {estimate:,} rows by the planner's estimate, not counted{why}"
        )

    def persons(self, pile: Pile, amount: Amount) -> int | None:
        """The persons of a table by itself, at most: different keys and rows without one, or all rows."""
        found = self._counted.get(pile.asked[:3])
        if not pile.asked.key or found is None or found.keys < 0 or amount.rows is None:
            return amount.rows
        gone = max(0, amount.rows - found.rows)
        return min(amount.rows, found.keys + found.nulls + gone)

    def strays(self, pile: Pile) -> int | None:
        """The rows of a table that lead to nobody in the table of persons."""
        if not pile.asked.nullable:
            return 0
        found = self._counted.get(pile.asked[:3])
        gone = self.deleted(pile.asked.database, pile.relation)
        return found.nulls + gone if found is not None and found.rows >= 0 and gone >= 0 else None

    def deleted(self, database: str, relation: Relation) -> int:
        """The rows that the audit saw deleted since the window began; -1 for a number that is not known."""
        return self._deleted.get(database, {}).get(relation_name(relation), 0)

    def _estimate(self, pile: Pile) -> int | None:
        database = next(one for one in self._snapshot.inspected if one.name == pile.asked.database)
        parts = [one for one in _family(database, pile.relation) if one.kind != "p"]
        if any(one.estimated_rows < 0 or (not one.estimated_rows and not one.pages) for one in parts):
            return None
        return round(sum(one.estimated_rows for one in parts))


def _names(database: DatabaseSnapshot, relation: Relation) -> frozenset[str]:
    """How a table may be called, by the view in its place too where it stores encrypted columns."""
    view = catalog.relations(database).get(shown_as(database).get(relation.oid, (0, {}))[0])
    return table_names(relation) | (table_names(view) if view is not None else frozenset())


def _family(database: DatabaseSnapshot, relation: Relation) -> list[Relation]:
    found = [relation]
    for one in catalog.children(database, relation.oid):
        found += _family(database, one)
    return found


def _grouped(
    amounts: list[tuple[Pile, Amount]],
) -> dict[tuple[str, Relation] | None, list[tuple[Pile, Amount]]]:
    found: dict[tuple[str, Relation] | None, list[tuple[Pile, Amount]]] = {}
    for pile, amount in amounts:
        home = (pile.asked.database, pile.persons) if pile.persons is not None else None
        found.setdefault(home, []).append((pile, amount))
    return found


def _sum(numbers: Iterable[int | None]) -> int | None:
    total = 0
    for one in numbers:
        if one is None:
            return None
        total += one
    return total


def _is_compared(type_: str) -> bool:
    return type_.split("(")[0] in (*_COMPARED, "character varying")


def undeclared(policy: Policy, cells: Iterable[Cell]) -> Iterator[str]:
    """The databases for which nobody declared the table of persons, so that each row may be somebody else."""
    for name in dict.fromkeys(one.database for one in cells):
        if not any(one.database in ("", name) for one in policy.data_subject):
            yield name
