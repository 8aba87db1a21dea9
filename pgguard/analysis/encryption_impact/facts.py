"""What is said about a statement, or about an object, whose table has encrypted columns."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from pgguard.model.encryption_names import beside, function, storage
from pgguard.model.quote import ident, qualified

# a view reads with its owner's rights before (manual, CREATE VIEW: security_invoker)
INVOKER_SINCE = 15


class Form(enum.Enum):
    """How a table with encrypted columns meets its programs.

    VIEW: a view of the table's name shows the values in clear, with INSTEAD OF triggers for INSERT and
    UPDATE; the table itself is renamed. IN_PLACE: the table keeps its name; programs write the clear value
    into the column as before, where nothing stays of it, and read with a function.
    """

    VIEW = "view"
    IN_PLACE = "in-place"


@dataclass(frozen=True, slots=True)
class Target:
    """A table of which columns are to be encrypted.

    `columns` are those; `searchable` those of them with a blind index; `keys` the primary key; `unique` the
    encrypted columns that are UNIQUE by themselves; `row_security` tells that policies filter the table's
    rows.
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    searchable: frozenset[str]
    keys: tuple[str, ...]
    form: Form
    unique: frozenset[str]
    row_security: bool

    @property
    def name(self) -> str:
        """schema.table, quoted where SQL needs it."""
        return qualified(self.schema, self.table)

    @property
    def storage(self) -> str:
        """Where the rows are: under another name behind a view."""
        return storage(self.schema, self.table) if self.form is Form.VIEW else self.name

    def stored(self, column: str) -> str:
        """The column that holds a column's encrypted values."""
        return ident(beside(column, "pgg1"))

    def erased(self, column: str) -> str:
        """What SET has to say to erase a value."""
        index = [ident(beside(column, "find"))] if column in self.searchable else []
        return ", ".join(f"{one} = NULL" for one in (self.stored(column), *index))

    def opened(self, column: str) -> str:
        """The expression that gives a column's value in clear from the stored row."""
        given = ", ".join((self.stored(column), *(ident(one) for one in self.keys)))
        return f"{function('open', self.schema, self.table, column)}({given})"

    def found(self, column: str) -> str:
        """The call that gives the rows with a value of a searchable column."""
        return f"{function('find', self.schema, self.table, column)}($1)"


class Verdict(enum.Enum):
    """What becomes of a statement.

    SLOWER: same rows, more time. SILENTLY_WRONG: no error, other rows or another effect. NOT_UNDERSTOOD: it
    could not be read, so nothing is known of it.
    """

    WORKS = "works"
    SLOWER = "slower"
    BREAKS = "breaks"
    SILENTLY_WRONG = "silently-wrong"
    NOT_UNDERSTOOD = "not-understood"


class Impact(NamedTuple):
    """What becomes of one statement, and what to write in its place (empty where nothing need be).

    `kind` is a stable word by which the policy acknowledges it. `statement` has $1 for every constant and no
    comment; of a statement that was not understood only the words of SQL and the names of the tables are
    repeated.
    """

    verdict: Verdict
    kind: str
    why: str
    instead: str
    statement: str


class Dependent(NamedTuple):
    """What becomes of an object that depends on the table; `kind` as in `Impact`, or the kind of object."""

    verdict: Verdict
    kind: str
    name: str
    why: str
    instead: str
