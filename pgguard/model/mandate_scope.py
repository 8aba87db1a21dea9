"""What a mandate comes to in a database: through what each table is read, and what else could be."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.model.mandate_names import policy_of, schema_of, view_of
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.mandate import Mandate

Form = Literal["view", "policy"]


class Standing(NamedTuple):
    """What a database has of a mandate already: its role, its schema, and whether they are its own.

    They are its own by the comment that `open` writes. `several` are the tables (database, schema, name) with
    children that inherit from another table first: a snapshot has only the first parent of each.
    """

    role: bool = False
    own_role: bool = False
    schema: bool = False
    own_schema: bool = False
    several: frozenset[tuple[str, str, str]] = frozenset()


class Look(NamedTuple):
    """A mandated column that may hold more than was instructed, and why; `reviewed` says somebody looked."""

    column: str
    reason: str
    reviewed: bool


class Door(NamedTuple):
    """Something besides the mandate that its role gets at: where, what, and whether it keeps it closed."""

    name: str
    reason: str
    refuses: bool


class ScopeTable(NamedTuple):
    """What is taken of one table: `written` is its name in the policy, `rows` the condition as SQL.

    `why` tells why this form. `encloses` says that row security was off and is switched on by the mandate,
    with a companion policy that keeps everybody else as they were; `names_schema` that PUBLIC has no USAGE
    on the table's schema. `parts` are partitions and tables that inherit, whose rows are the table's too.
    """

    written: str
    schema: str
    name: str
    owner: str
    columns: tuple[str, ...]
    rows: str
    ceiling: int | None
    form: Form
    why: str
    encloses: bool
    names_schema: bool
    parts: int
    looks: tuple[Look, ...]

    @property
    def table(self) -> str:
        """The table's SQL name."""
        return qualified(self.schema, self.name)

    def source(self, mandate: str) -> tuple[str, str]:
        """Schema and name of what the role reads: a view, or the table itself."""
        if self.form == "view":
            return schema_of(mandate), view_of(self.written)
        return self.schema, self.name

    @property
    def listed(self) -> str:
        """The columns as SQL."""
        return ", ".join(map(ident, self.columns))


class Scope(NamedTuple):
    """A mandate against a database: `reasons` keep it from being opened, all of them at once.

    `connects` says that PUBLIC may not connect to the database, so that the role has to be granted it.
    """

    mandate: Mandate
    database: str
    tables: tuple[ScopeTable, ...]
    doors: tuple[Door, ...]
    reasons: tuple[str, ...]
    connects: bool
    by_superuser: bool
    opener: str

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it is not opened: reasons, columns that nobody looked at, doors that lead to more."""
        unseen = [
            f"{one.table}.{ident(look.column)}: {look.reason}; nobody looked whether it holds more than was "
            "instructed: name it in reviewed"
            for one in self.tables
            for look in one.looks
            if not look.reviewed
        ]
        doors = [f"{one.name}: {one.reason}" for one in self.doors if one.refuses]
        return (*self.reasons, *unseen, *doors)


class Count(NamedTuple):
    """How many rows the condition of a mandate finds in a table, and the most that may leave."""

    table: str
    rows: int
    ceiling: int | None


def beyond(mandate: Mandate, counts: Iterable[Count]) -> list[str]:
    """Where there are more rows than the mandate allows."""
    found = list(counts)
    said = [
        f"{one.table}: {one.rows} rows, and at most {one.ceiling} may leave"
        for one in found
        if one.ceiling is not None and one.rows > one.ceiling
    ]
    total = sum(one.rows for one in found)
    if total > mandate.ceiling:
        said.append(f"all tables together: {total} rows, and at most {mandate.ceiling} may leave")
    return said


def mark(mandate: str) -> str:
    """The beginning of the comment by which a role, a schema or a policy says that it is a mandate's."""
    return f"pgguard mandate {mandate}"


def digest(table: ScopeTable) -> str:
    """What tells one scope of a table from another: of its columns and condition, without saying them."""
    parts = (table.table, *table.columns, table.rows)
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]


def ends_at(mandate: Mandate) -> str:
    """The end of its window, in UTC, as PostgreSQL reads it whatever DateStyle says."""
    return f"{mandate.until + datetime.timedelta(days=1):%Y-%m-%d} 00:00:00+00"


def policies_of(mandate: str) -> tuple[str, str, str]:
    """The names of the row policies: those for the role, and the one for everybody else."""
    return policy_of(mandate, "rows"), policy_of(mandate, "limit"), policy_of(mandate, "others")
