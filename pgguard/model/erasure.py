"""Erasure (GDPR art. 5(1)(e), 17): what the catalog tells of it, what is to be done, and what became of it.

Nothing here holds a value of a row: names, counts and places only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pgguard.model.quote import qualified

Method = Literal["delete", "anonymise", "crypto-erase"]
# there: known to hold erased values. maybe: nothing proves that they are gone. gone: proved by what was done
State = Literal["there", "maybe", "gone", "unknown"]


class Table(NamedTuple):
    """A relation as an erasure sees it: kind is relkind; `hidden`: row security hides rows from this login.

    `ruled` tells that a rule changes what DELETE or UPDATE does to it.
    """

    oid: int
    schema: str
    name: str
    kind: str
    hidden: bool
    may_read: bool
    may_delete: bool
    may_update: bool
    ruled: bool
    temporary: bool

    @property
    def sql(self) -> str:
        """Its name as SQL writes it."""
        return qualified(self.schema, self.name)


class Column(NamedTuple):
    """A column: `type` as format_type prints it, `base` that of the type behind its domains.

    `keyed`: a key, a unique index or a foreign key is made of it. `written` is false where no UPDATE may set
    it.
    """

    relation: int
    name: str
    type: str
    base: str
    not_null: bool
    keyed: bool
    written: bool


class Edge(NamedTuple):
    """A foreign key: `child` references `parent`. `on_delete` is confdeltype: a r c n d.

    `operators` compare a referenced column with the one that references it. `emptied`: SET NULL can work,
    for none of the columns is NOT NULL. `indexed`: an index of the child begins with its columns.
    """

    name: str
    child: int
    columns: tuple[str, ...]
    parent: int
    parent_columns: tuple[str, ...]
    operators: tuple[str, ...]
    on_delete: str
    deferrable: bool
    emptied: bool
    indexed: bool


class Fires(NamedTuple):
    """A trigger that DELETE or UPDATE of rows sets off, and its function."""

    relation: int
    name: str
    events: tuple[str, ...]
    function: str
    audits: bool


class Part(NamedTuple):
    """A partition (or a table that inherits) and what it is a part of."""

    oid: int
    of: int
    partition: bool


class Stored(NamedTuple):
    """An encrypted column: the table's name in clear, and where its ciphertext and blind index are."""

    schema: str
    table: str
    column: str
    storage: int
    stored: str
    blind: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one database's catalog says, read in one transaction; `now` is the server's time, in its zone."""

    database: str
    major: int
    now: str
    zone: str
    superuser: bool
    tables: tuple[Table, ...]
    columns: tuple[Column, ...]
    edges: tuple[Edge, ...]
    fires: tuple[Fires, ...]
    parts: tuple[Part, ...]
    stored: tuple[Stored, ...]


class Emptied(NamedTuple):
    """A column that is emptied, and the SQL of what it then holds: NULL, or the zero of its type."""

    column: str
    value: str


class Held(NamedTuple):
    """A hold: its condition with $1, $2 ... for `values` (empty: all rows), why, and until when."""

    table: int
    condition: str
    values: tuple[str, ...]
    reason: str
    owner: str
    until: str

    def __repr__(self) -> str:
        """Without the values."""
        return f"Held({self.table}, {self.reason!r})"


class Work(NamedTuple):
    """What is to be done to one table and its parts.

    Rows go by age: `age_column` before `cutoff` (empty for a person's erasure). `leaves` are the tables that
    hold the rows.
    """

    table: int
    name: str
    method: Method
    months: int
    basis: str
    age_column: str
    age_type: str
    cutoff: str
    emptied: tuple[Emptied, ...]
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """All work of one run in its order: children before what they reference.

    With a person: `key` is the column of `subject` that a request names, `keyed` the columns of other tables
    that hold the same key. `digest` stands for the catalog and the rules that it was made from.
    """

    catalog: Catalog
    works: tuple[Work, ...]
    holds: tuple[Held, ...]
    subject: int = 0
    key: str = ""
    keyed: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""


class Counted(NamedTuple):
    """Rows of one table at one moment: of `due`, some are `held`, some `blocked` by rows that stay.

    `ageless` rows have no age (NULL): they are never erased. `due` = held + blocked + going.
    """

    table: str
    method: Method
    cutoff: str
    rows: int
    ageless: int
    due: int
    held: int
    blocked: int
    going: int


class Along(NamedTuple):
    """Rows of a table without a rule that are changed: gone by CASCADE, or a reference set to NULL."""

    table: str
    constraint: str
    what: Literal["cascade", "set null"]
    rows: int


class WholePart(NamedTuple):
    """A partition of which every row is to go, and the SQL that a person may run in place of the batches."""

    table: str
    rows: int
    sql: str


class Files(NamedTuple):
    """The files of a table (its parts together): numbers of the main files, bytes of rows, TOAST, indexes."""

    nodes: tuple[int, ...]
    heap: int
    toast: int
    indexes: int


class Dry(NamedTuple):
    """A dry run: counts of one moment, what goes along, partitions that are wholly due, dependents, files."""

    counts: tuple[Counted, ...]
    along: tuple[Along, ...]
    whole: tuple[WholePart, ...]
    fires: tuple[str, ...]
    unindexed: tuple[str, ...]


class Dependent(NamedTuple):
    """Something beside the tables that holds, or may hold, the same data, and what removes it there."""

    kind: str
    name: str
    until: str


class Done(NamedTuple):
    """What a run did to one table.

    `before` and `after` are all its rows; `changed` those that this run erased or emptied; of what is due and
    still there some are held, blocked, locked by others, or `refused` by the server.
    """

    table: str
    method: Method
    before: int
    after: int
    changed: int
    held: int
    blocked: int
    locked: int
    refused: int
    ageless: int
    files_before: Files
    files_after: Files
    vacuumed: bool
    rewritten: bool
    # no snapshot was older than the erasure when the table was vacuumed or written anew
    clear: bool
    statistics: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def left(self) -> int:
        """Rows that should have gone and did not, holds aside."""
        return self.locked + self.refused


class Claim(NamedTuple):
    """What is known of erased values in one place, why, and until when."""

    table: str
    place: str
    state: State
    why: str
