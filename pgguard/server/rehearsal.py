"""A dry run: the files are really run, in one transaction a database, and then rolled back."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped
from pgguard.plan.script import cannot_be_tried
from pgguard.plan.standing import Choice, Standing, to_apply
from pgguard.server import ledger
from pgguard.server.apply import files_of, found
from pgguard.server.applying import opened
from pgguard.server.preflight import check
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.plan.folder import Entry, Folder
    from pgguard.server.apply import Files
    from pgguard.server.applying import Sessions
    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[str, ...]]


class Tried(NamedTuple):
    """A file of a dry run: it works, it fails, or it could not be tried; and why."""

    entry: Entry
    result: Literal["works", "fails", "not tried"]
    seconds: float
    why: str = ""


def rehearse(
    target: Target, folder: Folder, choice: Choice, *, wait: bool = False, say: Callable[[str], None]
) -> Iterator[Tried]:
    """Run the chosen files in one transaction a database that is rolled back, its row in the ledger too.

    It takes the locks that applying takes, until all files of the database were tried. Raises what
    applying raises before anything is changed.
    """
    with opened(target, folder, wait=wait, say=say) as sessions:
        chosen = to_apply(found(sessions), choice)
        files = files_of(folder, chosen, "apply")
        check(sessions, chosen, "apply")
        results: dict[str, Tried] = {}
        for database in dict.fromkeys(sessions.database(one.entry.database) for one in chosen):
            own = [one for one in chosen if sessions.database(one.entry.database) == database]
            elsewhere = [one for one in chosen if one not in own and one.number < own[-1].number]
            for tried in _database(sessions, own, files, rests_on=elsewhere):
                results[tried.entry.name] = tried
        yield from (results[one.entry.name] for one in chosen)


def _database(
    sessions: Sessions, own: Sequence[Standing], files: dict[str, Files], *, rests_on: Sequence[Standing]
) -> Iterator[Tried]:
    connection = sessions.within(own[0].entry.database)
    connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    stopped = ""
    try:
        ledger.install(connection)
        for one in own:
            entry = one.entry
            reason = "PostgreSQL runs it in no transaction, and so it cannot be rolled back"
            if entry.transactional:
                reason = stopped or cannot_be_tried(sessions.folder.text(entry, "up"))
            if reason:
                yield Tried(entry, "not tried", 0.0, reason)
                continue
            tried = _file(sessions, connection, entry, files[entry.name])
            if tried.result == "fails":
                stopped = f"it comes after {entry.name}"
                before = [other.entry.name for other in rests_on if other.number < one.number]
                if before:
                    # what those do for the whole cluster is not seen from here before they are committed
                    why = f"{tried.why}; it may rest on {', '.join(before)}, which a dry run takes back"
                    tried = tried._replace(result="not tried", why=why)
            yield tried
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        sessions.leave()


def _file(sessions: Sessions, connection: Connection, entry: Entry, files: Files) -> Tried:
    started = time.monotonic()
    try:
        connection.execute("SAVEPOINT file")
        for statement in (*files.statements, *files.verify):
            connection.execute(statement.encode())
        ledger.add(connection, sessions.folder.digest, entry, "apply", "applied")
    except psycopg.Error as error:
        if connection.closed:
            msg = f"{entry.name}: the connection was lost; nothing was changed"
            raise ApplyStopped(msg) from None
        why = refusal(error)
        connection.execute("ROLLBACK TO SAVEPOINT file")
        return Tried(entry, "fails", time.monotonic() - started, why)
    return Tried(entry, "works", time.monotonic() - started)
