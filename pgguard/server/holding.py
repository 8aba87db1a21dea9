"""How a plan stands on a server, and whether what was applied still holds: reading only."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

import psycopg

from pgguard.errors import ConnectError, InputError, Unread
from pgguard.plan.script import script
from pgguard.plan.standing import Standing, standing
from pgguard.server import ledger
from pgguard.server.applying import belongs, home_of
from pgguard.server.refusal import is_ours, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.plan.folder import Entry, Folder
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[str, ...]]


class Held(NamedTuple):
    """Whether a file's verification holds; `why` it does not, or why that is not known."""

    entry: Entry
    result: Literal["holds", "does not hold", "unknown"]
    why: str = ""


def standings(target: Target, folder: Folder) -> list[Standing]:
    """How the files of the folder stand.

    Raises `ConnectError`, `InputError` when the folder is another cluster's, `Unread` when a ledger does
    not let us read it.
    """
    pinned, home = _home(target, folder)
    entries = folder.manifest.migrations
    records = {}
    for database in dict.fromkeys(one.database for one in entries):
        with closing(_reading(pinned, database or home)) as connection:
            try:
                records[database] = ledger.records(connection, folder.digest)
            except psycopg.Error as error:
                part = "pgguard.migration"
                raise Unread(part, refusal(error), database or home) from None
    return [standing(one, records[one.database]) for one in entries]


def verify(target: Target, folder: Folder, entries: Sequence[Entry]) -> Iterator[Held]:
    """Run the verifications of files, each in a transaction that cannot write.

    Raises `ConnectError`, and `InputError` when the folder is another cluster's.
    """
    pinned, home = _home(target, folder)
    connection: Connection | None = None
    try:
        for entry in entries:
            database = entry.database or home
            if connection is None or connection.closed or connection.info.dbname != database:
                if connection is not None:
                    connection.close()
                connection = _reading(pinned, database)
            yield _verified(connection, folder, entry)
    finally:
        if connection is not None:
            connection.close()


def _verified(connection: Connection, folder: Folder, entry: Entry) -> Held:
    try:
        statements = script(folder.text(entry, "verify"), f"{entry.name}.verify", transactional=False)
        for statement in statements:
            connection.execute(statement.encode())
    except InputError as error:
        return Held(entry, "unknown", str(error))
    except psycopg.Error as error:
        beginning = f"{entry.name} does not hold: "
        why = refusal(error)
        failed = is_ours(error) and why.startswith(beginning)
        return Held(entry, "does not hold" if failed else "unknown", why.removeprefix(beginning))
    finally:
        if not connection.closed:
            connection.rollback()
    return Held(entry, "holds")


def _home(target: Target, folder: Folder) -> tuple[Target, str]:
    with closing(_reading(target, "")) as first:
        home, databases, major = home_of(first)
        belongs(first, folder, databases, major)
        return target.pinned(first), home


def _reading(target: Target, database: str) -> Connection:
    connection = target.connect(database)
    try:
        # outside of a transaction, so that it stays; what follows is one that reads
        connection.autocommit = True
        connection.execute(ledger.sql("session"))
        connection.autocommit = False
    except psycopg.Error as error:
        connection.close()
        raise ConnectError(refusal(error)) from None
    return connection
