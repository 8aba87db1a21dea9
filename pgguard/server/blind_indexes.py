"""The blind indexes of a database, and the tables that those with an old key are in."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.errors import InputError
from pgguard.model.encryption import BlindIndex
from pgguard.model.quote import qualified
from pgguard.plan.encryption.reindexable import moved_tables, outdated
from pgguard.server import keys_session
from pgguard.server.shapes import read_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.encryption import MovedTable
    from pgguard.server.connect import Target


def read_outdated(
    target: Target, databases: Sequence[str], tables: Sequence[str] = ()
) -> tuple[MovedTable, ...]:
    """The tables with blind indexes that are made with another key than the newest of their group.

    With `tables` only of these, as SQL names them in clear. Raises `ConnectError`, `UsageError`,
    `psycopg.Error`, and `InputError` for a table that has no blind index.
    """
    found: list[MovedTable] = []
    known: set[str] = set()
    for database in databases:
        indexes = read_blind_indexes(target, database)
        known |= {qualified(one.schema, one.table) for one in indexes}
        old = outdated(indexes, tables)
        names = list(dict.fromkeys(qualified(one.schema, one.storage) for one in old))
        shapes = read_shapes(target, database, names)
        found += moved_tables(database, old, dict(zip(names, shapes, strict=True)))
    if absent := [one for one in tables if one not in known]:
        msg = f"--table: {', '.join(absent)} has no blind index: give schema.table as it was called in clear"
        raise InputError(msg)
    return tuple(found)


def read_blind_indexes(target: Target, database: str) -> tuple[BlindIndex, ...]:
    """What the register of a database says of its blind indexes; nothing where encryption is not installed.

    Raises `ConnectError`, and `UsageError` for a role that may not read the register.
    """
    query = resources.files("pgguard").joinpath("sql", "encrypt", "indexed.sql").read_bytes()
    with closing(target.connect(database)) as connection, keys_session.told():
        found = keys_session.place(connection)
        if not found.installed:
            return ()
        keys_session.require(found, writes=False)
        rows: list[Any] = connection.execute(query).fetchall()
        persons = {}
        if keys_session.rows(connection, "has_subjects")[0][0]:
            persons = {one[:2]: one[2:] for one in keys_session.rows(connection, "subjects")}
        return tuple(BlindIndex(*one, *persons.get(one[:2], ("", ""))) for one in rows)
