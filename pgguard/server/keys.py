"""The keys of one database: made, looked at, replaced, opened with an escrow copy, and destroyed.

The key-encryption key comes from outside and is not kept by the server; data keys and index keys lie wrapped
under it in pgguard.key. sql/install/010_encryption.sql has the functions, which plain psql can call as well.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import ApplyStopped, InputError, UsageError
from pgguard.model.encryption_names import SUBJECT_GROUP
from pgguard.model.quote import ident
from pgguard.server import keys_subject
from pgguard.server.keys_session import alone, call, call_with_key, require, rows, session
from pgguard.server.keys_state import (
    MAKING,
    clock,
    count_values,
    key_of,
    read_columns,
    read_epochs,
    read_installation,
    read_keys,
    read_status,
    rewritten,
)
from pgguard.store.kek_escrow import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pgguard.server.connect import Target
    from pgguard.server.keys_state import Column, Key, Status
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]

_GROUP = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
_DRILL_VALUES = 100


class Session(NamedTuple):
    """An open session that may hold keys from before; its user and program where we may see them."""

    pid: int
    user: str
    application: str


class Rotation(NamedTuple):
    """What a rotation came to: `used` is false while the new key only opens, and then why."""

    key: Key
    made: bool
    used: bool
    sessions: tuple[Session, ...] = ()
    standbys: int = 0
    indexed: tuple[str, ...] = ()


class Drill(NamedTuple):
    """What an escrow copy opened: keys, and by column how many values were tried."""

    epoch: int
    keys: int
    values: dict[str, int]


def check_group(name: str) -> str:
    """The name of a key group.

    Raises `UsageError` for one that cannot be part of a setting's name.
    """
    if not _GROUP.match(name):
        msg = f"{name}: a key group has up to 31 small letters, digits and underscores, a letter first"
        raise UsageError(msg)
    return name


def status(target: Target, *, count: bool = True, say: Say = lambda text: None) -> Status:
    """The keys as they stand, with every value counted by its key id unless `count` is false.

    Raises `UsageError` where there are none or we may not look.
    """
    with session(target) as (connection, found):
        require(found, writes=False)
        return read_status(connection, found, count=count, say=say)


def check_init(target: Target, groups: Sequence[str], *, say: Say) -> bool:
    """Whether keys are in the database already; asked before anybody looks for the key.

    Raises `UsageError` where they could not be made.
    """
    for name in groups:
        check_group(name)
    with session(target, say=say) as (_, found):
        if found.standby or found.installed:
            require(found._replace(installed=True))
        return found.installed


def init(target: Target, kek: Kek, groups: Sequence[str], *, subjects: bool = False, say: Say) -> list[str]:
    """Install what encryption needs, begin an epoch, and make the keys of the groups that have none.

    All of it or nothing. With an epoch there already the key has to be its own. With `subjects` the keys are
    made that persons' keys rest on. Returns the new groups.
    """
    script = resources.files("pgguard").joinpath("sql/install/010_encryption.sql").read_bytes()
    with session(target, say=say) as (connection, _), alone(connection):
        connection.execute(script)
        if any(one.state == "current" for one in read_epochs(connection)):
            call_with_key(connection, "require_kek", kek)
        else:
            call_with_key(connection, "new_kek", kek)
        existing = {(one.group, one.purpose) for one in read_keys(connection) if one.state == "current"}
        made = []
        for group in dict.fromkeys(groups):
            lacking = [one for one in ("data", "index") if (group, one) not in existing]
            for purpose in lacking:
                call_with_key(connection, "new_key", kek, group, purpose)
            if lacking:
                made.append(group)
        if subjects and keys_subject.install(connection, kek):
            made.append(SUBJECT_GROUP)
    return made


def origin(target: Target, kek: Kek, *, say: Say) -> Origin:
    """What the key opens, for its escrow copy.

    Raises `InputError` unless it is the key of the current epoch.
    """
    with session(target, say=say) as (connection, found):
        require(found)
        epoch = int(call_with_key(connection, "require_kek", kek))
        return Origin(read_installation(connection)[0], found.database, epoch)


def escrowed(target: Target, epoch: int) -> None:
    """Note that there is an escrow copy of the key of an epoch."""
    with session(target) as (connection, found):
        require(found)
        connection.execute("UPDATE pgguard.kek SET escrow_at = pg_catalog.now() WHERE epoch = %s", (epoch,))


def drill(target: Target, kek: Kek, *, say: Say) -> Drill:
    """Open every wrapped key with an escrow copy, and decrypt some values of each column with them.

    No value leaves the server. Raises `InputError` when one does not open, `ApplyStopped` when a column
    cannot be read: then the drill does not count.
    """
    with session(target, say=say) as (connection, found):
        require(found)
        epoch = int(call_with_key(connection, "require_kek", kek))
        call_with_key(connection, "unlock", kek)
        opened = [one for one in read_keys(connection) if one.state != "destroyed"]
        values = {}
        gone = tuple(
            one.number.to_bytes(4, "big", signed=True)
            for one in read_keys(connection)
            if one.state == "destroyed"
        )
        for column in read_columns(connection):
            tried, right = _tried(connection, column, gone)
            if tried != right:
                msg = (
                    f"{column.name}: {tried - right} of {tried} values do not open; the drill does not count"
                )
                raise InputError(msg)
            values[column.name] = tried
        call(connection, "lock")
        connection.execute("UPDATE pgguard.kek SET drill_at = pg_catalog.now() WHERE epoch = %s", (epoch,))
        return Drill(epoch, len(opened), values)


def rotate(
    target: Target, kek: Callable[[], Kek], group: str, purpose: str, *, at_once: bool, say: Say
) -> Rotation:
    """Make a new key for a group, or use the one that waits to be used.

    A session that was unlocked before the key was made cannot open what it seals. So it only opens (`next`)
    as long as there are such sessions, unless it is to be used `at_once`. An index key is not used while
    values are indexed with the one before.
    """
    with session(target, say=say) as (connection, found):
        require(found)
        key = key_of(read_keys(connection), group, purpose, "next")
        made = key is None
        if key is None:
            _of_group(connection, group, purpose)
            secret = kek()
            with alone(connection):
                call_with_key(connection, "new_key", secret, group, purpose, "next")
            key = key_of(read_keys(connection), group, purpose, "next")
            if key is None:
                msg = "somebody else made this key current at the same time: pgguard keys status"
                raise ApplyStopped(msg)
            since = clock(connection)
        else:
            since = key.created_at + MAKING
        indexed = _indexed(connection, key) if purpose == "index" else ()
        sessions = tuple(Session(*one) for one in rows(connection, "sessions", since))
        standbys = int(rows(connection, "standbys")[0][0])
        if indexed or ((sessions or standbys) and not at_once):
            return Rotation(key, made, False, sessions, standbys, indexed)
        with alone(connection):
            # nobody indexes a first value with the key before while it is asked
            if purpose == "index" and (indexed := _indexed(connection, key, lock=True)):
                return Rotation(key, made, False, sessions, standbys, indexed)
            call(connection, "use_key", key.number)
            rows(connection, "replan")
        return Rotation(key, made, True, sessions, standbys)


def rotate_kek(target: Target, old: Kek, new: Kek, *, host_file: str, say: Say) -> tuple[int, bool]:
    """Wrap every key under a new key-encryption key: the epoch, and whether the old wrappings are gone.

    Where programs take the key from a file of the server, `host_file` is the one with the new key: both
    change in one transaction. Raises `UsageError` without it.
    """
    from pgguard.server.keys_host import read_from

    with session(target, say=say) as (connection, found):
        require(found, superuser=bool(host_file))
        before = read_installation(connection)[1]
        if before and not host_file:
            msg = (
                f"programs take the key from {before} on the server: put the new one into another file "
                "there, and give --host-file"
            )
            raise UsageError(msg)
        with alone(connection):
            epoch = int(call_with_key(connection, "rewrap", old, new))
            if host_file:
                read_from(connection, host_file)
        return epoch, rewritten(connection)


def _tried(connection: Connection, column: Column, gone: Sequence[bytes]) -> tuple[int, int]:
    if column.relation is None:
        msg = f"{column.name}: {column.why}; the drill does not count"
        raise ApplyStopped(msg)
    # the accessor also asks whether the value is in its place; its names are those that the server quoted
    key = rows(connection, "opener", column.opener, *column.relation)
    stored = sql.Identifier(column.stored)
    opens = keys_subject.opens(connection, column) or (
        sql.SQL("{}(t.{}, {}) IS NOT NULL").format(
            sql.SQL(column.opener),
            stored,
            sql.SQL(key[0][0]),
        )
        if key
        else sql.SQL("pgguard.decrypts(t.{}, {})").format(stored, sql.Literal(f"pgguard.data_{column.group}"))
    )
    query = sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE {opens}) FROM (SELECT * FROM {table} "
        "WHERE {stored} IS NOT NULL AND pg_catalog.substr({stored}, 2, 4) <> ALL ({gone}) LIMIT {limit}) AS t"
    ).format(
        opens=opens,
        stored=stored,
        table=sql.Identifier(*column.relation),
        gone=sql.Literal(list(gone)) + sql.SQL("::bytea[]"),
        limit=sql.Literal(_DRILL_VALUES),
    )
    row: Any = connection.execute(query).fetchone()
    return int(row[0]), int(row[1])


def _of_group(connection: Connection, group: str, purpose: str) -> None:
    if key_of(read_keys(connection), group, purpose, "current") is None:
        msg = f"the group {group} has no {purpose} key in use: pgguard keys init --group {ident(group)}"
        raise UsageError(msg)


def _indexed(connection: Connection, new: Key, *, lock: bool = False) -> tuple[str, ...]:
    """The columns of the group that are not indexed with the new key alone; with `lock` nobody writes."""
    columns = []
    for one in read_columns(connection):
        if one.group == new.group and one.indexed_by and (one.index_key != new.number or one.second):
            if lock and one.relation:
                table = sql.Identifier(*one.relation)
                connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(table))
            columns.append(count_values(connection, one))
    # one that is bound to another key is so even while it holds nothing
    return tuple(
        one.name
        for one in columns
        if one.counts is None or one.indexed or one.second or one.index_key is not None
    )
