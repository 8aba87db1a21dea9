"""Applying the files of a plan and taking them back, so that whatever breaks off can be finished.

A transactional file and its row in the ledger are one transaction: after a crash of either side there is
both or neither. Of a file that cannot be one transaction the ledger says first that it was started; each
of its statements can be run again, and applying goes on with it. What may work a moment later is tried
again; a lost connection is made anew, and then the ledger tells whether the COMMIT had arrived.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped, ConnectError, PgguardError
from pgguard.plan.script import script
from pgguard.plan.standing import Choice, Standing, standing, to_apply, to_undo
from pgguard.server import ledger
from pgguard.server.applying import opened
from pgguard.server.backfill import Throttle, run, task_of
from pgguard.server.preflight import check
from pgguard.server.refusal import passes, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.plan.folder import Entry, Folder
    from pgguard.plan.standing import Action, Record, RecordState
    from pgguard.server.applying import Sessions
    from pgguard.server.backfill import Standing as Progress
    from pgguard.server.connect import Target
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]
    Tell = Callable[["Done"], None]

_ATTEMPTS = 5
_LOSSES = 3
_RECONNECT_SECONDS = 30.0
_PAUSE_SECONDS = 0.5
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_DONE: dict[Action, RecordState] = {"apply": "applied", "rollback": "rolled-back"}


class Done(NamedTuple):
    """A file that was run: how long it took, and `note` where something is to be said of it."""

    entry: Entry
    action: Action
    seconds: float
    note: str = ""


class Files(NamedTuple):
    """What is run of a file: its statements, and those of its verification."""

    statements: tuple[str, ...]
    verify: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """How long work is done: the key for what is encrypted, how fast, and who is told how far it is."""

    kek: Kek | None = None
    throttle: Throttle = field(default_factory=Throttle)
    progress: Callable[[Progress], None] = lambda _: None


class _Failed(Exception):  # noqa: N818 - says how far a file got
    """A statement of a file failed for good."""


def apply(
    target: Target,
    folder: Folder,
    choice: Choice,
    *,
    wait: bool = False,
    say: Say,
    tell: Tell,
    work: Work | None = None,
) -> list[Standing]:
    """Apply the chosen files one after the other, `tell` of each that is done; what is left to apply.

    Raises `UsageError`, `InputError`, `ConnectError` and `ApplyStopped` before anything is changed;
    `ApplyStopped` later, with what is applied and what is not.
    """
    work = work or Work()
    with opened(target, folder, wait=wait, say=say, kek=work.kek) as sessions:
        standings = found(sessions)
        chosen = to_apply(standings, choice)
        _all(sessions, standings, chosen, "apply", tell, work)
    return [one for one in standings if one.open and one not in chosen]


def rollback(
    target: Target,
    folder: Folder,
    choice: Choice,
    accepted: Sequence[str],
    *,
    wait: bool = False,
    say: Say,
    tell: Tell,
    work: Work | None = None,
) -> None:
    """Take back the chosen files, last ones first; `tell` and errors as for `apply`.

    `accepted` names files that are taken back although something of them cannot be undone.
    """
    work = work or Work()
    with opened(target, folder, wait=wait, say=say, kek=work.kek) as sessions:
        standings = found(sessions)
        chosen = to_undo(standings, choice, accepted)
        if not chosen:
            say("there is nothing to take back")
        _all(sessions, standings, chosen, "rollback", tell, work)


def found(sessions: Sessions) -> list[Standing]:
    """How the files of the folder stand, from the ledgers of their databases.

    Raises `ApplyStopped` when a ledger cannot be read and written by us.
    """
    records: dict[str, list[Record]] = {}
    wrong: list[str] = []
    for entry in sessions.folder.manifest.migrations:
        if entry.database not in records:
            connection = sessions.within(entry.database)
            records[entry.database] = []
            if unfit := ledger.unfit(connection):
                wrong.append(unfit)
            else:
                records[entry.database] = ledger.records(connection, sessions.folder.digest)
    if wrong:
        msg = "; ".join(wrong) + "; nothing was changed"
        raise ApplyStopped(msg)
    return [standing(one, records[one.database]) for one in sessions.folder.manifest.migrations]


def files_of(folder: Folder, chosen: Sequence[Standing], action: Action) -> dict[str, Files]:
    """The statements of the chosen files by name, read now, so that nothing changes under our hands."""
    kind = "up" if action == "apply" else "down"
    texts = {}
    for one in chosen:
        entry = one.entry
        statements = script(folder.text(entry, kind), entry.name, transactional=entry.transactional)
        verify = script(folder.text(entry, "verify"), entry.name, transactional=False)
        texts[entry.name] = Files(statements, verify if action == "apply" else ())
    return texts


def _all(
    sessions: Sessions,
    standings: Sequence[Standing],
    chosen: Sequence[Standing],
    action: Action,
    tell: Tell,
    work: Work,
) -> None:
    files = files_of(sessions.folder, chosen, action)
    check(sessions, chosen, action)
    done: list[Entry] = []
    for one in chosen:
        try:
            started = time.monotonic()
            note = _one(sessions, one.entry, files[one.entry.name], action, work)
            done.append(one.entry)
            tell(Done(one.entry, action, time.monotonic() - started, note))
        except (Exception, KeyboardInterrupt) as error:
            told = [f"{one.entry.name}: {_reason(error)}"]
            if one.entry not in done:
                told.append(
                    f"{one.entry.name}: {_left_behind(one.entry, lost=isinstance(error, ConnectError))}"
                )
            msg = "\n".join([*told, _account(standings, done, chosen, action)])
            raise ApplyStopped(msg) from None


def _one(sessions: Sessions, entry: Entry, files: Files, action: Action, work: Work) -> str:
    """Run one file, as often as it takes; returns what is to be said of it."""
    attempts = losses = 0
    while True:
        try:
            sessions.still_alone()
            connection = sessions.within(entry.database)
            if losses and _arrived(connection, sessions.folder, entry, action):
                return "it was committed when the connection was lost"
            if entry.transactional:
                _in_transaction(connection, sessions.folder.digest, entry, files, action)
            else:
                _one_by_one(sessions, connection, entry, files, action, work)
                # it may have left settings behind
                sessions.leave()
        except (psycopg.Error, ConnectError) as error:
            if isinstance(error, ConnectError) or _is_lost(error, sessions):
                losses += 1
                if losses > _LOSSES:
                    msg = f"the connection was lost again and again: {_reason(error)}"
                    raise ConnectError(msg) from None
                sessions.say(f"{entry.name}: the connection was lost; connecting again")
                sessions.again(_RECONNECT_SECONDS)
                continue
            attempts += 1
            if not passes(error) or attempts >= _ATTEMPTS:
                reason = refusal(error)
                _note_failure(sessions, entry, action, reason)
                raise _Failed(reason) from None
            sessions.say(f"{entry.name}: {refusal(error)}; attempt {attempts + 1} of {_ATTEMPTS}")
            time.sleep(_PAUSE_SECONDS * 2 ** (attempts - 1))
        else:
            return ""


def _in_transaction(connection: Connection, plan: str, entry: Entry, files: Files, action: Action) -> None:
    ledger.install(connection)
    connection.execute(_BEGIN)
    try:
        for statement in (*files.statements, *files.verify):
            connection.execute(statement.encode())
        ledger.add(connection, plan, entry, action, _DONE[action])
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        raise


def _one_by_one(
    sessions: Sessions, connection: Connection, entry: Entry, files: Files, action: Action, work: Work
) -> None:
    plan = sessions.folder.digest
    ledger.install(connection)
    ledger.add(connection, plan, entry, action, "started")
    for statement in (*files.statements, *files.verify):
        if task := task_of(statement):
            run(lambda: sessions.beside(entry.database), task, work.throttle, progress=work.progress)
        connection.execute(statement.encode())
    ledger.add(connection, plan, entry, action, _DONE[action])


def _arrived(connection: Connection, folder: Folder, entry: Entry, action: Action) -> bool:
    # the lock of the files is ours again, so that the session that was lost has ended whatever it did
    now = standing(entry, ledger.records(connection, folder.digest))
    return now.state == ("applied" if action == "apply" else "rolled back")


def _is_lost(error: psycopg.Error, sessions: Sessions) -> bool:
    gone = sessions.work is None or sessions.work.closed or sessions.home.closed
    # admin_shutdown, crash_shutdown, cannot_connect_now, and what psycopg raises without a server
    return gone or (error.sqlstate or "08").startswith(("08", "57P0"))


def _note_failure(sessions: Sessions, entry: Entry, action: Action, reason: str) -> None:
    # it stands in our message as well: a ledger that cannot be written must not hide why
    with contextlib.suppress(psycopg.Error, PgguardError):
        connection = sessions.within(entry.database)
        ledger.add(connection, sessions.folder.digest, entry, action, "failed", reason)
    sessions.leave()


def _reason(error: BaseException) -> str:
    if isinstance(error, _Failed | PgguardError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return refusal(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"internal error ({type(error).__name__} at {place}): please report this line"


def _left_behind(entry: Entry, *, lost: bool) -> str:
    if not entry.transactional:
        return "it is not one transaction: what it did is kept, and running it again finishes it"
    if lost:
        return "it is there whole or not at all: `pgguard status` tells once the server answers"
    return "nothing of it was kept"


def _account(
    standings: Sequence[Standing], done: Sequence[Entry], chosen: Sequence[Standing], action: Action
) -> str:
    """What is applied and what is not, when a run stops."""
    names = {one.name for one in done}
    applied = {one.entry.name for one in standings if one.state == "applied"}
    applied = applied | names if action == "apply" else applied - names
    left = [one.entry.name for one in chosen if one.entry.name not in names]
    ordered = [one.entry.name for one in standings if one.entry.name in applied]
    verb = "applied" if action == "apply" else "taken back"
    return (
        f"applied: {_listed(ordered)}\nnot {verb}: {_listed(left)}\n"
        "once that is settled, run it again: it goes on where it stopped"
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) > 8:
        return f"{names[0]} ... {names[-1]} ({len(names)} files)"
    return ", ".join(names) or "none"
