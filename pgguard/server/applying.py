"""Sessions that apply migrations: one that keeps others away, and one in the database that is worked on."""

from __future__ import annotations

import contextlib
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from pgguard.errors import ApplyStopped, ConnectError, InputError
from pgguard.model.quote import ident
from pgguard.server import ledger
from pgguard.server.connect import Target
from pgguard.server.refusal import refusal
from pgguard.server.unlocking import unlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.plan.folder import Folder
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]

# a session that was killed ends its statement first, and ours end after 60 s
_PATIENCE_SECONDS = 75
# and a run that just ended may still be closing its sessions
_GRACE_SECONDS = 1.0
_HOME = "postgres"
# libpq notices within a minute that the other side is gone
_ALIVE = {"keepalives_idle": "20", "keepalives_interval": "10", "keepalives_count": "3"}


@dataclass
class Sessions:
    """The sessions of one run: `home` holds the lock of the run, `work` is where files are run."""

    target: Target
    folder: Folder
    say: Say
    home: Connection
    home_database: str
    databases: frozenset[str]
    work: Connection | None = None
    kek: Kek | None = None

    def database(self, name: str) -> str:
        """The database that a file runs in: its own, or for any of the cluster the home database."""
        return name or self.home_database

    def within(self, name: str) -> Connection:
        """A session in a database, alone there with the migrations' lock; the last one is used again.

        Raises `ConnectError`, `psycopg.Error`, and `ApplyStopped` when somebody else keeps the lock.
        """
        if self.work is not None and not self.work.closed and self.work.info.dbname == self.database(name):
            return self.work
        self.leave()
        self.work = self.beside(name)
        started = time.monotonic()
        told = False
        while not ledger.lock(self.work, ledger.FILES):
            other = ledger.holder(self.work, ledger.FILES)
            waited = time.monotonic() - started
            if waited > _PATIENCE_SECONDS:
                msg = f"{other or 'another session'} still applies migrations in {ident(self.database(name))}"
                raise ApplyStopped(msg)
            # our own last session there may still be closing
            if waited > _GRACE_SECONDS and not told:
                self.say(f"waiting for {other or 'another session'}, which has not ended yet")
                told = True
            time.sleep(0.02)
        return self.work

    def beside(self, name: str) -> Connection:
        """One more session in a database, unlocked when there is a key; whoever asks for it closes it.

        Raises `ConnectError`, `psycopg.Error`, and `UsageError` when the key would reach the server's log.
        """
        return beside(self.target, self.kek, self.database(name), say=self.say)

    def leave(self) -> None:
        """Close the session that works."""
        if self.work is not None:
            with contextlib.suppress(psycopg.Error):
                self.work.close()
            self.work = None

    def close(self) -> None:
        """Close everything; the locks go with it."""
        self.leave()
        with contextlib.suppress(psycopg.Error):
            self.home.close()

    def still_alone(self) -> None:
        """Raises `psycopg.OperationalError` when the session that keeps others away is gone."""
        if self.home.closed or not ledger.holds(self.home, ledger.RUN):
            msg = "the session that keeps others away is gone"
            raise psycopg.OperationalError(msg)

    def again(self, seconds: float) -> None:
        """Connect anew after a loss, trying for so long.

        Raises `ConnectError` when the server does not come back, `ApplyStopped` when somebody else took over.
        """
        self.close()
        deadline = time.monotonic() + seconds
        pause = 0.2
        while True:
            try:
                self.home, _, _ = _home(self.target, self.folder, wait=False, say=self.say)
            except (ConnectError, psycopg.Error, ApplyStopped) as error:
                if time.monotonic() > deadline:
                    if isinstance(error, psycopg.Error):
                        raise ConnectError(refusal(error)) from None
                    raise
                time.sleep(pause)
                pause = min(pause * 2, 3.0)
            else:
                return


@contextlib.contextmanager
def opened(
    target: Target, folder: Folder, *, wait: bool, say: Say, kek: Kek | None = None
) -> Iterator[Sessions]:
    """The sessions of a run on the cluster that the folder was planned for, alone there.

    Raises `ConnectError`; `InputError` when the folder is another cluster's; `ApplyStopped` for a server
    that cannot be written to, and when somebody else applies migrations, unless we `wait`.
    """
    steady = Target(make_conninfo(target.dsn, **_ALIVE))
    with closing(steady.connect()) as first:
        pinned = steady.pinned(first)
    sessions: Sessions | None = None
    try:
        home, database, databases = _home(pinned, folder, wait=wait, say=say)
        sessions = Sessions(pinned, folder, say, home, database, databases, kek=kek)
        yield sessions
    except psycopg.Error as error:
        # what comes later is told with what is applied and what is not
        msg = f"{refusal(error)}; nothing was changed"
        raise ApplyStopped(msg) from None
    finally:
        if sessions is not None:
            sessions.close()


def beside(target: Target, kek: Kek | None, database: str = "", *, say: Say) -> Connection:
    """One more session that applies, unlocked when there is a key; whoever asks for it closes it.

    Raises `ConnectError`, `psycopg.Error`, and `UsageError` when the key would reach the server's log.
    """
    connection = _ready(target, database)
    try:
        if kek is not None:
            unlock(connection, kek, say=say)
    except BaseException:
        connection.close()
        raise
    return connection


def identity(connection: Connection) -> str:
    """The number that initdb gave the cluster; empty where the server does not show it."""
    try:
        return str(ledger.rows(connection, "identity")[0][0])
    except psycopg.errors.InsufficientPrivilege:
        return ""


def cluster_identity(target: Target) -> str:
    """The number that initdb gave a cluster; empty where the server does not show it.

    Raises `ConnectError`.
    """
    with closing(target.connect()) as connection:
        return identity(connection)


def belongs(connection: Connection, folder: Folder, databases: frozenset[str], major: int) -> None:
    """Raises `InputError` unless the folder was planned for the cluster that the connection is to."""
    manifest = folder.manifest
    here = identity(connection)
    wrong = []
    if manifest.cluster and here and manifest.cluster != here:
        wrong.append("it was planned for another cluster")
    planned = manifest.server_version.partition(".")[0]
    if planned.isdigit() and int(planned) != major:
        wrong.append(f"it was planned for PostgreSQL {planned}, and this is {major}")
    wanted = dict.fromkeys(one.database for one in manifest.migrations if one.database)
    wrong += [f"this cluster has no database {ident(one)}" for one in wanted if one not in databases]
    if wrong:
        msg = f"{folder.path}: {'; '.join(wrong)}. Nothing was done: make a new plan here"
        raise InputError(msg)


def home_of(connection: Connection) -> tuple[str, frozenset[str], int]:
    """The cluster's home database, its databases, and its major version."""
    ((_, _, major, _, _, databases, current),) = ledger.rows(connection, "cluster")
    return (_HOME if _HOME in databases else current), frozenset(databases), major


def _home(target: Target, folder: Folder, *, wait: bool, say: Say) -> tuple[Connection, str, frozenset[str]]:
    with closing(_ready(target, "")) as first:
        _check_server(first)
        database, databases, major = home_of(first)
        belongs(first, folder, databases, major)
    connection = _ready(target, database)
    try:
        started = time.monotonic()
        told = False
        while not ledger.lock(connection, ledger.RUN):
            other = ledger.holder(connection, ledger.RUN)
            who = other or "another session"
            if time.monotonic() - started < _GRACE_SECONDS:
                time.sleep(0.02)
                continue
            if not wait:
                hint = f": SELECT pg_terminate_backend({other.pid}) ends it" if other else ""
                msg = (
                    f"{who} applies migrations on this cluster; nothing was done. Wait for it (--wait), or "
                    f"if nobody is behind it any more, end it{hint}"
                )
                raise ApplyStopped(msg)
            if not told:
                say(f"waiting for {who}, which applies migrations on this cluster")
                told = True
            time.sleep(0.5)
    except BaseException:
        connection.close()
        raise
    return connection, database, databases


def _check_server(connection: Connection) -> None:
    ((standby, read_only, _, pid, _, _, _),) = ledger.rows(connection, "cluster")
    if standby:
        msg = "this server is a standby: migrations are applied to its primary; nothing was done"
        raise ApplyStopped(msg)
    if read_only:
        msg = (
            "this server is read-only (default_transaction_read_only is on), which somebody wanted so; "
            "nothing was done"
        )
        raise ApplyStopped(msg)
    if pid != connection.info.backend_pid:
        msg = (
            "there is a pooler between us and the server, through which no lock can be kept: connect to the "
            "server itself; nothing was done"
        )
        raise ApplyStopped(msg)


def _ready(target: Target, database: str) -> Connection:
    connection = target.connect(database)
    try:
        connection.read_only = None
        connection.isolation_level = None
        connection.autocommit = True
        connection.execute(ledger.sql("session"))
    except BaseException:
        connection.close()
        raise
    return connection
