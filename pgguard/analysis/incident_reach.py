"""Which columns with personal data a login could reach, by which way, and whether it could open them.

Rights are those of the snapshot. Where a right, a role or row security cannot be judged, more is taken for
reachable, not less: the answer is an upper bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog, routes
from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.membership import all_roles
from pgguard.analysis.names import relation_name
from pgguard.analysis.privileges import holder_names, may_name, of_column, of_function
from pgguard.analysis.read_audit import shown_as
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.usage.grants import named
from pgguard.analysis.views import both, rows_limited
from pgguard.errors import Unread
from pgguard.model.encryption_names import SCHEMA, function
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.incident import Keeping
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# whoever reads the server's files, or runs programs on it, reads every table (manual, 22.5)
_FILES = frozenset({"pg_read_server_files", "pg_execute_server_program"})
_KEEPING: dict[Stored, Keeping] = {
    Stored.CLEAR: "clear",
    Stored.ENCRYPTED: "encrypted",
    Stored.HASHED: "hashed",
    Stored.UNKNOWN: "unknown",
}


class Cell(NamedTuple):
    """A column with personal data under the names that people use, and where it is stored.

    `opener` is the function that gives its clear value, empty where it is not pgguard that encrypted it.
    """

    database: str
    table: str
    column: str
    category: str
    relation: Relation
    stored: Column
    keeping: Keeping
    opener: str


class Reached(NamedTuple):
    """A cell that a login could reach.

    `way` says how in a few words; `limited` that row security keeps some rows from it; `key` whether it could
    open what is encrypted: no, yes, unknown, empty where there is nothing to open.
    """

    login: str
    cell: Cell
    way: str
    limited: bool
    key: str


def cells(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> tuple[Cell, ...]:
    """The columns with personal data of a database, each once: an encrypted one by its clear name.

    Raises `Unread` when relations, columns, definitions or marks could not be read.
    """
    key = ("incident cells", policy.column, policy.discovery.lexicons)
    known: tuple[Cell, ...] | None = database._memo.get(key)
    if known is None:
        known = database._memo[key] = tuple(_cells(snapshot, database, policy))
    return known


def _cells(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Cell]:
    relations = catalog.relations(database)
    names = shown_as(database)
    kept = {(one.relation.oid, one.clear.number): one.stored for one in encrypted(database) if one.clear}
    categories = {(one.relation.oid, one.column.number): one for one in sensitive_columns(database, policy)}
    # the clear name tells what the stored column holds
    told_by_clear = {(oid, one.number) for (oid, number), one in kept.items() if (oid, number) in categories}
    for (oid, number), found in categories.items():
        if (oid, number) in told_by_clear:
            continue
        view, columns = names.get(oid, (0, {}))
        relation = relations[oid]
        column = kept.get((oid, number), found.column)
        table = relation_name(relations[view]) if view in relations else relation_name(relation)
        name = columns.get(column.name, found.column.name)
        shown = named(database, table) or relation
        opener = function("open", shown.schema, shown.name, name)
        keeping = _KEEPING[stored(snapshot, database, relation, column)]
        yield Cell(
            database.name,
            table,
            name,
            found.category,
            relation,
            column,
            keeping,
            opener if opener in _functions(database) else "",
        )


def _functions(database: DatabaseSnapshot) -> dict[str, int]:
    known: dict[str, int] | None = database._memo.get("functions of pgguard")
    if known is None:
        known = {
            qualified(one.schema, one.name): one.oid for one in database.functions if one.schema == SCHEMA
        }
        database._memo["functions of pgguard"] = known
    return known


def is_everywhere(snapshot: Snapshot, login: str) -> bool:
    """Whether a login can have everything of every database: as superuser, by replication, or from the files.

    Raises `Unread` when roles or memberships could not be read.
    """
    row = snapshot.role(login)
    if row is None:
        return False
    return row.superuser or row.replication or not _FILES.isdisjoint(all_roles(snapshot, login))


class Doubt(NamedTuple):
    """What could not be judged about a table of a database (empty: all of it); why, which may name others."""

    database: str
    table: str
    text: str
    reason: str


class Reach:
    """What logins could reach in the databases of a snapshot; `doubts` collects what could not be judged."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._snapshot, self._policy = snapshot, policy
        self._routes: dict[tuple[str, int, int], tuple[routes.Route, ...]] = {}
        self._told: dict[str, frozenset[int]] = {}
        self.doubts: dict[Doubt, None] = {}
        # databases of which nothing is known
        self.blind: set[str] = set()

    def of(self, login: str, database: DatabaseSnapshot) -> tuple[Reached, ...]:
        """What a login could reach in a database: everything, where the role is not there any more."""
        try:
            found = cells(self._snapshot, database, self._policy)
        except Unread as unread:
            self._doubt(database, "", "which columns hold personal data", str(unread))
            self.blind.add(database.name)
            return ()
        try:
            row = self._snapshot.role(login)
            held = frozenset(all_roles(self._snapshot, login, database.name)) | {login}
        except Unread as unread:
            text = f"what {ident(login)} could reach; everything is taken for reachable"
            self._doubt(database, "", text, str(unread))
            return tuple(Reached(login, one, "not known", False, _key_unknown(one)) for one in found)
        if row is None:
            text = f"what {ident(login)} could reach: its role is gone; everything is taken for reachable"
            self._doubt(database, "", text, "")
            return tuple(Reached(login, one, "not known", False, _key_unknown(one)) for one in found)
        if is_everywhere(self._snapshot, login):
            way = "by its power over the whole server"
            return tuple(Reached(login, one, way, False, self._key(held, database, one)) for one in found)
        return tuple(
            reached for one in found if (reached := self._one(login, held, database, one)) is not None
        )

    def _doubt(self, database: DatabaseSnapshot, table: str, text: str, reason: str) -> None:
        self.doubts[Doubt(database.name, table, text, reason)] = None

    def _one(
        self, login: str, held: frozenset[str], database: DatabaseSnapshot, cell: Cell
    ) -> Reached | None:
        try:
            way, limited = self._direct(login, held, database, cell)
            if not way or limited:
                other, narrow = self._around(held, database, cell)
                if other and not (way and narrow):
                    way, limited = other, narrow
        except Unread as unread:
            text = f"how far {cell.table} of {ident(database.name)} was open; it is taken to be"
            self._doubt(database, cell.table, text, str(unread))
            way, limited = "not known", False
        return Reached(login, cell, way, limited, self._key(held, database, cell)) if way else None

    def _direct(
        self, login: str, held: frozenset[str], database: DatabaseSnapshot, cell: Cell
    ) -> tuple[str, bool]:
        thing = of_column(database, cell.relation, cell.stored)
        naming = may_name(self._snapshot, thing)
        holding = held & holder_names(self._snapshot, thing, "SELECT") if held & naming else frozenset()
        if not holding:
            return "", False
        limited = all(rows_limited(self._snapshot, database, cell.relation, one) for one in holding)
        return ("by its own rights" if login in holding else "after SET ROLE"), limited

    def _around(self, held: frozenset[str], database: DatabaseSnapshot, cell: Cell) -> tuple[str, bool]:
        key = (database.name, cell.relation.oid, cell.stored.number)
        if key not in self._routes:
            self._routes[key] = routes.to_columns(
                self._snapshot, database, cell.relation, frozenset({cell.stored.number}), "SELECT"
            )
        best = ("", True)
        if database.name not in self._told:
            own = cells(self._snapshot, database, self._policy)
            self._told[database.name] = frozenset(one.relation.oid for one in own)
        told = self._told[database.name]
        for route in self._routes[key]:
            # a copy or a part that stores the rows itself is told by itself
            if route.relation is not None and route.relation.oid in told:
                continue
            users = both(may_name(self._snapshot, route.thing), route.users) or frozenset()
            through = [one for one in held & users if route.lets(self._snapshot, one)]
            for one in through:
                limited = route.limited(one)
                if not best[0] or (best[1] and not limited):
                    best = (f"through {route.thing.name}", limited)
        return best

    def _key(self, held: frozenset[str], database: DatabaseSnapshot, cell: Cell) -> str:
        if cell.keeping == "clear":
            return ""
        if cell.keeping != "encrypted" or not cell.opener:
            return "unknown"
        opening = of_function(database, catalog.functions(database)[_functions(database)[cell.opener]])
        return "yes" if held & holder_names(self._snapshot, opening, "EXECUTE") else "no"


def _key_unknown(cell: Cell) -> str:
    return "" if cell.keeping == "clear" else "unknown"
