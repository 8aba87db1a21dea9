"""What there is of keys in one database: epochs, keys, columns and how many values are under each key."""

from __future__ import annotations

import datetime
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import InputError
from pgguard.model.quote import qualified
from pgguard.plan.encryption.naming import function
from pgguard.server.connect import said
from pgguard.server.keys_session import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import LiteralString

    from pgguard.server.keys_session import Place

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]

# a transaction that makes a key is over in this time: sessions from before may not have seen it
MAKING = datetime.timedelta(minutes=1)
_REWRITES = 5


class Epoch(NamedTuple):
    """A generation of the key-encryption key; `state` is current or retired."""

    epoch: int
    state: str
    escrow_at: datetime.datetime | None
    drill_at: datetime.datetime | None
    created_at: datetime.datetime


class Key(NamedTuple):
    """A data key or an index key, by its number; `state` is next, current, retired or destroyed."""

    number: int
    group: str
    purpose: str
    state: str
    epoch: int
    created_at: datetime.datetime
    destroyed_at: datetime.datetime | None

    @property
    def id(self) -> str:
        """The key's id as stored values have it, in hexadecimal."""
        return f"{self.number & 0xFFFFFFFF:08x}"


class Column(NamedTuple):
    """An encrypted column: `counts` are its values by key id, None where they could not be counted (`why`).

    `indexed` are its values with a blind index, made with `index_key` (None: the current one of the group);
    while that key is replaced, `second_indexed` are those of the second index column, made with `second_key`.
    `opener` is its accessor.
    """

    name: str
    group: str
    relation: tuple[str, str] | None
    stored: str
    indexed_by: str
    opener: str
    index_key: int | None = None
    second: str = ""
    second_key: int | None = None
    counts: dict[str, int] | None = None
    indexed: int = 0
    second_indexed: int = 0
    why: str = ""

    def made_with(self, current: Key) -> int:
        """The number of the key that its index is made with, given the current one of its group."""
        return current.number if self.index_key is None else self.index_key


class Status(NamedTuple):
    """Everything about the keys of one database, but no key."""

    database: str
    installation: str
    host_key_file: str
    epochs: tuple[Epoch, ...]
    keys: tuple[Key, ...]
    columns: tuple[Column, ...]
    persons: dict[int, int] = {}  # noqa: RUF012 - never changed: by key, the persons' secrets under it

    @property
    def current(self) -> Epoch | None:
        """The epoch of the key-encryption key in use."""
        return next((one for one in self.epochs if one.state == "current"), None)

    def values_under(self, key: Key) -> int:
        """How many values are lost with a key: those under it, the blind indexes made with it, or persons."""
        if key.purpose in ("subject", "name"):
            return self.persons.get(key.number, 0)
        if key.purpose == "index":
            current = key_of(self.keys, key.group, "index", "current") or key
            return sum(
                (one.indexed if one.made_with(current) == key.number else 0)
                + (one.second_indexed if one.second_key == key.number else 0)
                for one in self.columns
                if one.group == key.group
            )
        return sum((one.counts or {}).get(key.id, 0) for one in self.columns)

    @property
    def strange(self) -> dict[str, int]:
        """Values under keys that the table of keys does not have, by key id."""
        known = {one.id for one in self.keys}
        found: dict[str, int] = {}
        for column in self.columns:
            for id_, count in (column.counts or {}).items():
                if id_ not in known:
                    found[id_] = found.get(id_, 0) + count
        return found


def read_status(connection: Connection, found: Place, *, count: bool, say: Say) -> Status:
    """Everything of a database whose keys we may use; with `count`, every value by its key."""
    installation, host_key_file = read_installation(connection)
    columns = []
    for one in read_columns(connection):
        if count:
            say(f"counting the values of {one.name}")
        columns.append(count_values(connection, one) if count else one)
    return Status(
        found.database,
        installation,
        host_key_file,
        read_epochs(connection),
        read_keys(connection),
        tuple(columns),
        read_persons(connection),
    )


def read_persons(connection: Connection) -> dict[int, int]:
    """How many persons have a secret under each subject key; empty where there are none."""
    if not rows(connection, "has_subjects")[0][0]:
        return {}
    return {int(number): int(count) for number, count in rows(connection, "persons")}


def read_installation(connection: Connection) -> tuple[str, str]:
    """The installation's id, and the host key file or an empty string.

    Raises `InputError` when its row is lost.
    """
    found = rows(connection, "installation")
    if not found:
        msg = "pgguard.installation is empty: its row is lost, or the keys were restored without it"
        raise InputError(msg)
    return str(found[0][0]), str(found[0][1])


def read_epochs(connection: Connection) -> tuple[Epoch, ...]:
    """All generations of the key-encryption key, the oldest first."""
    return tuple(Epoch(*one) for one in rows(connection, "keks"))


def read_keys(connection: Connection) -> tuple[Key, ...]:
    """All data keys and index keys, by group, purpose and age."""
    return tuple(Key(*one) for one in rows(connection, "keys"))


def read_columns(connection: Connection) -> list[Column]:
    """All encrypted columns with where they are stored, not counted."""
    columns = []
    for schema, table, name, group, place, relation, stored, *index in rows(connection, "storage"):
        at = (str(place), str(relation)) if relation is not None else None
        why = "" if at else "its table or column is not there any more"
        opener = function("open", schema, table, name)
        by, key, second, second_key = index
        column = Column(
            qualified(schema, table, name), group, at, stored, by, opener, key, second, second_key
        )
        columns.append(column._replace(why=why))
    return columns


def count_values(connection: Connection, column: Column) -> Column:
    """The column with its values counted, or why that was refused; reads the whole table."""
    if column.relation is None:
        return column
    table, stored = sql.Identifier(*column.relation), sql.Identifier(column.stored)
    counting = sql.SQL(
        "SELECT pg_catalog.encode(pg_catalog.substr({1}, 2, 4), 'hex'), count(*) FROM {0} "
        "WHERE {1} IS NOT NULL GROUP BY 1"
    ).format(table, stored)
    try:
        with connection.transaction():
            counts = {str(row[0]): int(row[1]) for row in connection.execute(counting).fetchall()}
            indexed = _counted(connection, table, column.indexed_by)
            second = _counted(connection, table, column.second)
    except psycopg.errors.InsufficientPrivilege as error:
        return column._replace(why=said(error))
    return column._replace(counts=counts, indexed=indexed, second_indexed=second)


def _counted(connection: Connection, table: sql.Identifier, column: str) -> int:
    if not column:
        return 0
    query = sql.SQL("SELECT count({1}) FROM {0}").format(table, sql.Identifier(column))
    row: Any = connection.execute(query).fetchone()
    return int(row[0])


def key_of(keys: Sequence[Key], group: str, purpose: str, state: str) -> Key | None:
    """The key of a group and purpose in a state, of which there is one at most but for retired ones."""
    return next((one for one in keys if (one.group, one.purpose, one.state) == (group, purpose, state)), None)


def clock(connection: Connection) -> datetime.datetime:
    """The server's time now, whatever transaction runs."""
    row: Any = connection.execute("SELECT pg_catalog.clock_timestamp()").fetchone()
    found: datetime.datetime = row[0]
    return found


def rewritten(connection: Connection, table: LiteralString = "pgguard.key") -> bool:
    """Rewrite pgguard.key, or another table of ours; whether it holds its earlier rows no more.

    A plain VACUUM leaves their bytes in the page.

    Rows that an older transaction may still see stay; so does the table while somebody uses it.
    """
    left: list[int] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        # "N dead row versions cannot be removed yet", in whatever language
        number = re.search(r"\d+", diagnostic.message_detail or "")
        if number:
            left.append(int(number[0]))

    connection.add_notice_handler(note)
    try:
        for attempt in range(_REWRITES):
            time.sleep(0.2 * attempt)
            left.clear()
            try:
                connection.execute(f"VACUUM (FULL, VERBOSE) {table}")
            except psycopg.errors.LockNotAvailable:
                continue
            if left == [0]:
                return True
    finally:
        connection.remove_notice_handler(note)
    return False
