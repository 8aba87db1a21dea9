"""Whose data they are: controllers by the activities of the register, and what of a file is for one of them.

A processor notifies each controller (GDPR art. 33(2)) and may tell none of them about another's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.register import is_whole, of_database, table_names
from pgguard.errors import UsageError
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.incident_reach import Cell, Reached
    from pgguard.model.policy import Policy
    from pgguard.model.register import Activity
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# the part of a processor's incident that the register gives to nobody
NOBODY = "no controller"


def controllers_of(policy: Policy, activity: Activity) -> frozenset[str]:
    """Who answers for an activity: those it names, else those of its contracts, else the only one."""
    if activity.controllers:
        return frozenset(activity.controllers)
    under = {one.controller for one in policy.contract if activity.name in one.activities and one.controller}
    return frozenset(under or ([policy.controller[0].name] if len(policy.controller) == 1 else ()))


def require_controller(policy: Policy, name: str) -> None:
    """Raises `UsageError` for a controller that the register does not declare."""
    known = [one.name for one in policy.controller]
    if name not in known:
        msg = f"--controller: the register has no controller {name}; there are: {', '.join(known) or 'none'}"
        raise UsageError(msg)


class Division:
    """Which controllers answer for which columns; `chosen` is the one that a file is for, empty for all."""

    def __init__(self, snapshot: Snapshot | None, policy: Policy, cells: Iterable[Cell], chosen: str) -> None:
        self._snapshot, self._policy, self.chosen = snapshot, policy, chosen
        self._owners: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
        for one in cells:
            self._owners.setdefault((one.database, one.table), {})[one.column] = self._of(one)

    @property
    def is_whole(self) -> bool:
        """Whether the file is for nobody in particular."""
        return not self.chosen

    def takes_cell(self, cell: Cell) -> bool:
        """Whether a column is told in the file."""
        return self._takes(self._owners[cell.database, cell.table][cell.column])

    def takes_column(self, database: str, table: str, column: str) -> bool:
        """Whether a column is told, that may hold no personal data or be gone."""
        known = self._owners.get((database, table), {})
        return self._takes(known[column]) if column in known else self.takes_table(database, table)

    def takes_table(self, database: str, table: str) -> bool:
        """Whether something of a table is told in the file."""
        known = self._owners.get((database, table))
        if known is not None:
            return any(map(self._takes, known.values()))
        return self._takes(self._by_name(database, table))

    @property
    def tables(self) -> frozenset[str]:
        """The tables of which something is told."""
        return frozenset(table for database, table in self._owners if self.takes_table(database, table))

    def takes_database(self, database: str) -> bool:
        """Whether a database has something that is told in the file."""
        if self.is_whole:
            return True
        told = any(self.takes_table(*key) for key in self._owners if key[0] == database)
        return told or any(
            self._takes(controllers_of(self._policy, one)) for one in self._activities(database)
        )

    def is_shared(self, database: str, table: str) -> bool:
        """Whether a table that is told holds data of other controllers too."""
        owners = frozenset().union(*self._owners.get((database, table), {}).values())
        return bool(self.chosen) and bool(owners - {self.chosen})

    def strangers(self, reached: Iterable[Reached]) -> frozenset[str]:
        """The logins of others that come near the controller's data only where row security sets rows apart.

        They reach what is another's alone, nothing that is the controller's alone, and of shared tables no
        more than their rows: their names are the other's.
        """
        own: set[str] = set()
        elsewhere: set[str] = set()
        for one in reached:
            owners = self._owners.get((one.cell.database, one.cell.table), {}).get(one.cell.column)
            if owners is None or self.is_whole or self.chosen == NOBODY:
                continue
            if self.chosen not in owners:
                elsewhere |= {one.login} if owners else set()
            elif not (one.limited and self.is_shared(one.cell.database, one.cell.table)):
                own.add(one.login)
        return frozenset(elsewhere - own)

    @property
    def has_others(self) -> bool:
        """Whether other controllers answer for something of what is known."""
        return any(self._is_others(owners) for owners in self._all())

    @property
    def has_nobodys(self) -> bool:
        """Whether there is something that the register gives to nobody."""
        return any(not owners for owners in self._all())

    @property
    def controllers(self) -> tuple[str, ...]:
        """The controllers of what is known, in the order of the register."""
        found = frozenset[str]().union(*self._all())
        return tuple(one.name for one in self._policy.controller if one.name in found)

    def persons(self, tables: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The categories of persons that the register declares of some tables, for the file's controller."""
        found: dict[str, None] = {}
        for database, table in tables:
            for one in self._activities(database):
                told = self._names(database, table)
                about = (
                    is_whole(one)
                    or not told.isdisjoint(one.tables)
                    or any(name.startswith(f"{each}.") for name in one.columns for each in told)
                )
                if about and (self.is_whole or self.chosen in controllers_of(self._policy, one)):
                    found |= dict.fromkeys(one.persons)
        return tuple(found)

    def _takes(self, owners: frozenset[str]) -> bool:
        if self.is_whole:
            return True
        return not owners if self.chosen == NOBODY else self.chosen in owners

    def _is_others(self, owners: frozenset[str]) -> bool:
        return bool(self.chosen) and bool(owners - {self.chosen})

    def _all(self) -> Iterator[frozenset[str]]:
        for columns in self._owners.values():
            yield from columns.values()

    def _activities(self, database: str) -> tuple[Activity, ...]:
        return of_database(self._policy, database)

    def _of(self, cell: Cell) -> frozenset[str]:
        names = self._names(cell.database, cell.table) | self._family(cell)
        columns = {f"{name}.{column}" for name in names for column in (cell.column, ident(cell.column))}
        found: set[str] = set()
        for one in self._activities(cell.database):
            if is_whole(one) or not names.isdisjoint(one.tables) or not columns.isdisjoint(one.columns):
                found |= controllers_of(self._policy, one)
        if not found and not self._policy.activity and len(self._policy.controller) == 1:
            found.add(self._policy.controller[0].name)
        return frozenset(found)

    def _by_name(self, database: str, table: str) -> frozenset[str]:
        found: set[str] = set()
        for one in self._activities(database):
            if (
                is_whole(one)
                or table in one.tables
                or any(col.startswith(f"{table}.") for col in one.columns)
            ):
                found |= controllers_of(self._policy, one)
        return frozenset(found)

    def _family(self, cell: Cell) -> frozenset[str]:
        """The names of the table and of those it is a part of."""
        found = table_names(cell.relation)
        database = self._database(cell.database)
        relation = cell.relation
        while database is not None and relation.parent in catalog.relations(database):
            relation = catalog.relations(database)[relation.parent]
            found |= table_names(relation)
        return found

    def _names(self, database: str, table: str) -> frozenset[str]:
        inspected = self._database(database)
        if inspected is None or "relations" in inspected.missing():
            return frozenset({table})
        known: dict[str, frozenset[str]] | None = inspected._memo.get("names by SQL name")
        if known is None:
            known = {}
            for one in inspected.relations:
                names = table_names(one)
                known |= dict.fromkeys(names, names)
            inspected._memo["names by SQL name"] = known
        return known.get(table, frozenset({table}))

    def _database(self, name: str) -> DatabaseSnapshot | None:
        inspected = self._snapshot.inspected if self._snapshot is not None else ()
        return next((one for one in inspected if one.name == name), None)
