"""The keys of persons: one destroyed erases one person's values; a new epoch closes what was copied before.

sql/install/011_subject_keys.sql has the functions. What a person is called comes as a bound parameter and is
in no message; the table of persons' keys holds an HMAC of it.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import ApplyStopped, InputError, UsageError
from pgguard.model.encryption_names import SUBJECT_GROUP, function
from pgguard.model.quote import ident, qualified
from pgguard.server.keys_session import alone, call, call_with_key, require, rows, session
from pgguard.server.keys_state import MAKING, clock, key_of, read_epochs, read_keys, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.server.connect import Target
    from pgguard.server.keys_state import Column, Key
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]

# up to this size the table of persons' keys is rewritten at once: nobody reads encrypted values meanwhile
_SMALL = 64 * 1024 * 1024
_BATCH = 1000
_NO_VALUE = "PGG07"


class ErasedTable(NamedTuple):
    """What a table holds of a person: rows, values in them, and values with a blind index."""

    name: str
    rows: int
    values: int
    indexed: int


class Erasure(NamedTuple):
    """One person erased: `before` when the key was destroyed earlier already.

    `rewritten` tells whether the page holds the wrapped secret no more; `epoch` is that of the key-encryption
    key, with which copies from before open.
    """

    tables: tuple[ErasedTable, ...]
    before: bool
    epoch: int
    rewritten: bool


class NewEpoch(NamedTuple):
    """A new subject key: `used` is false while it only opens, because of these sessions and standbys."""

    key: Key
    used: bool
    wrapped: int
    sessions: int
    standbys: int
    epoch: int
    rewritten: bool


class _Table(NamedTuple):
    schema: str
    name: str
    subject: str
    relation_schema: str | None
    relation: str | None
    type: str | None
    clear: tuple[str, ...]
    stored: tuple[str, ...]
    indexes: tuple[str, ...]

    @property
    def told(self) -> str:
        return qualified(self.schema, self.name)

    @property
    def storage(self) -> sql.Identifier:
        return sql.Identifier(str(self.relation_schema), str(self.relation))

    def whose(self) -> sql.Composed:
        """The condition for the rows of $1; the type's name is the server's own."""
        return sql.SQL("t.{} = CAST($1::text AS {})").format(
            sql.Identifier(self.subject), sql.SQL(str(self.type))
        )


def install(connection: Connection, kek: Kek) -> bool:
    """Install what keys for persons need, and make them; whether they are new. Run in a transaction."""
    connection.execute(resources.files("pgguard").joinpath("sql/install/011_subject_keys.sql").read_bytes())
    lacking = [
        one
        for one in ("subject", "name")
        if key_of(read_keys(connection), SUBJECT_GROUP, one, "current") is None
    ]
    for purpose in lacking:
        call_with_key(connection, "new_key", kek, SUBJECT_GROUP, purpose)
    return bool(lacking)


def destroy_subject(
    target: Target, kek: Kek, table: str, person: str, *, erase: int | None, say: Say
) -> Erasure:
    """Destroy the key of one person, in all tables that share it, and empty the blind indexes of their rows.

    `person` is the value of the table's subject column, as text. Refused (`UsageError`) unless `erase` is the
    number of values that are lost, and while clear values are still beside the sealed ones. Writers of the
    tables wait for a moment. Raises `InputError` when nobody of that key has values here.
    """
    with session(target, say=say) as (connection, found):
        require(found)
        _require_subjects(connection)
        tables = [_Table(*one) for one in rows(connection, "subject_tables", table)]
        if not tables:
            msg = f"--table {table}: its values have no key for each person ([[encrypt_table]] subject)"
            raise UsageError(msg)
        call_with_key(connection, "unlock", kek)
        # a plan with the value in it would be printed by auto_explain
        connection.execute("SET plan_cache_mode = force_generic_plan")
        with alone(connection):
            tables, names = _named(connection, tables, person)
            held = tuple(_held(connection, one, person) for one in tables)
            # only now: somebody may have been at the person's first value
            known = [bool(one[0]) for one in rows(connection, "known_subject", names)]
            if not known:
                msg = f"nobody of that key has a key in {table}: nothing was changed"
                raise InputError(msg)
            _agreed(held if any(known) else (), erase)
            rows(connection, "destroy_subject", names)
            for one in tables:
                _unindex(connection, one, person)
        call(connection, "lock")
        for one in tables:
            # the statistics of an index column hold its most common values
            if one.indexes:
                listed = sql.SQL(", ").join(map(sql.Identifier, one.indexes))
                connection.execute(sql.SQL("ANALYZE {} ({})").format(one.storage, listed))
        small = int(rows(connection, "subject_size")[0][0]) <= _SMALL
        # every reader of an encrypted value comes by this table, and would wait behind us
        connection.execute("SET lock_timeout = '300ms'")
        gone = small and rewritten(connection, "pgguard.subject_key")
        return Erasure(held, not any(known), _epoch(connection), gone)


def new_epoch(target: Target, kek: Kek, *, at_once: bool, say: Say) -> NewEpoch:
    """Make a new subject key, seal all secrets with it, and destroy the one before.

    As with a rotation the new key only opens while sessions are open that do not have it, unless `at_once`.
    Broken off it goes on where it was. Afterwards a copy from before opens an erased person's values only
    with the key-encryption key of its time. Raises `ApplyStopped` while a long transaction makes a
    person's key.
    """
    with session(target, say=say) as (connection, found):
        require(found)
        _require_subjects(connection)
        if key_of(read_keys(connection), SUBJECT_GROUP, "subject", "retired") is None:
            key, since = _next(connection, kek)
            sessions, standbys = (
                len(rows(connection, "sessions", since)),
                int(rows(connection, "standbys")[0][0]),
            )
            if (sessions or standbys) and not at_once:
                return NewEpoch(key, False, 0, sessions, standbys, _epoch(connection), False)
            with alone(connection):
                call(connection, "use_key", key.number)
                rows(connection, "replan")
        call_with_key(connection, "unlock", kek)
        wrapped = _rewrap(connection)
        with alone(connection):
            before = [one[0] for one in rows(connection, "subject_keys_before")]
            wrapped += _rewrap(connection)
            rows(connection, "destroy", before)
            rows(connection, "replan")
        call(connection, "lock")
        connection.execute("VACUUM pgguard.subject_key")
        key_now = key_of(read_keys(connection), SUBJECT_GROUP, "subject", "current")
        if key_now is None:
            msg = "the subject key was destroyed by somebody else meanwhile: pgguard keys status"
            raise ApplyStopped(msg)
        left = len(rows(connection, "sessions", key_now.created_at + MAKING))
        return NewEpoch(key_now, True, wrapped, left, 0, _epoch(connection), rewritten(connection))


def opens(connection: Connection, column: Column) -> sql.Composed | None:
    """Whether a value of the table t opens, as SQL, where each person has a key; None elsewhere.

    Values of erased persons count as right: they are not to open.
    """
    if column.relation is None or not rows(connection, "has_subjects")[0][0]:
        return None
    found = rows(connection, "opener_subject", column.opener, *column.relation, column.stored)
    if not found:
        return None
    key, person, schema, table = found[0]
    return sql.SQL("({}(t.{}, {}) IS NOT NULL OR {}({}))").format(
        sql.SQL(column.opener),
        sql.Identifier(column.stored),
        sql.SQL(key),
        sql.SQL(function("erased", schema, table)),
        sql.SQL(person),
    )


def _require_subjects(connection: Connection) -> None:
    there = bool(rows(connection, "has_subjects")[0][0])
    if not there or key_of(read_keys(connection), SUBJECT_GROUP, "name", "current") is None:
        msg = "there are no keys for persons in this database: pgguard keys init --subjects"
        raise UsageError(msg)


def _named(connection: Connection, tables: Sequence[_Table], person: str) -> tuple[list[_Table], list[bytes]]:
    """The tables that can hold the person, and how the table of persons' keys calls the person for them."""
    found, names = [], []
    for one in tables:
        query = sql.SQL("SELECT {}($1)").format(sql.SQL(function("subject", one.schema, one.name)))
        try:
            with connection.transaction():
                row: Any = psycopg.RawCursor(connection).execute(query, (person,)).fetchone()
        except psycopg.Error as error:
            # too large a number for one of them: nobody of that key is in it
            if error.sqlstate != _NO_VALUE:
                raise
            continue
        found.append(one)
        names.append(bytes(row[0]))
    if not found:
        msg = f"what was given is no value of type {tables[0].type}: nothing was changed"
        raise InputError(msg)
    return found, names


def _epoch(connection: Connection) -> int:
    return next((one.epoch for one in read_epochs(connection) if one.state == "current"), 0)


def _held(connection: Connection, table: _Table, person: str) -> ErasedTable:
    if table.relation is None or table.type is None:
        msg = f"{table.told}: its table or column is not there any more, and what is in it is not known"
        raise UsageError(msg)
    # those who began to seal something for the person are waited for, and nobody begins
    connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table.storage))

    def filled(names: Sequence[str]) -> sql.Composable:
        if not names:
            return sql.SQL("0")
        return sql.SQL(" + ").join(sql.SQL("count(t.{})").format(sql.Identifier(one)) for one in names)

    query = sql.SQL("SELECT count(*), {}, {}, {} FROM {} AS t WHERE {}").format(
        filled(table.clear), filled(table.stored), filled(table.indexes), table.storage, table.whose()
    )
    row = psycopg.RawCursor(connection).execute(query, (person,)).fetchone()
    count, clear, sealed, indexed = (int(one) for one in row or (0, 0, 0, 0))
    if clear:
        msg = (
            f"{table.told} still has the clear values of that person beside the sealed ones, and a key "
            "destroyed now would erase nothing: apply the contract first"
        )
        raise UsageError(msg)
    return ErasedTable(table.told, count, sealed, indexed)


def _agreed(held: Sequence[ErasedTable], erase: int | None) -> None:
    values = sum(one.values for one in held)
    if values and erase != values:
        where = ", ".join(f"{one.values} in {one.name}" for one in held if one.values)
        msg = (
            f"{values} values of that person would be lost for good ({where}): if that is what you want, "
            f"--yes-erase-values {values}"
        )
        raise UsageError(msg)


def _unindex(connection: Connection, table: _Table, person: str) -> None:
    """A digest under the index key would still tell a value to who guesses it."""
    if table.indexes:
        empty = sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(one)) for one in table.indexes)
        query = sql.SQL("UPDATE {} AS t SET {} WHERE {}").format(table.storage, empty, table.whose())
        psycopg.RawCursor(connection).execute(query, (person,))


def _next(connection: Connection, kek: Kek) -> tuple[Key, object]:
    """The subject key that waits to be used, made when there is none, and since when sessions have it."""
    key = key_of(read_keys(connection), SUBJECT_GROUP, "subject", "next")
    if key is not None:
        return key, key.created_at + MAKING
    with alone(connection):
        call_with_key(connection, "new_key", kek, SUBJECT_GROUP, "subject", "next")
    key = key_of(read_keys(connection), SUBJECT_GROUP, "subject", "next")
    if key is None:
        msg = f"somebody else used the key of the group {ident(SUBJECT_GROUP)} at the same time: try again"
        raise ApplyStopped(msg)
    return key, clock(connection)


def _rewrap(connection: Connection) -> int:
    """All secrets that are not sealed with the key in use, in batches; how many there were."""
    after: Any = b""
    count = 0
    while True:
        last, done = rows(connection, "subject_rewrap", after, _BATCH)[0]
        count += int(done)
        if last is None:
            return count
        after = last
