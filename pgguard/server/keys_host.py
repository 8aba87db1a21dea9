"""The key-encryption key in a file of the server, for programs that cannot unlock their sessions.

pgguard.host_key() belongs to a role that reads files of the server and does nothing else; only pgguard_keys
may call it. A file in the data directory or a tablespace would be in every base backup, and so would open it.
"""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from pgguard.errors import InputError, UsageError
from pgguard.server.keys_session import alone, require, rows, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[str, ...]]


def host_file(target: Target, path: str, *, say: Callable[[str], None]) -> None:
    """Have sessions without a key take it from a file of the server.

    Raises `UsageError` for a path that would not be safe, `InputError` when the file does not hold the
    current key. The key does not leave the server.
    """
    with session(target) as (connection, found):
        require(found, superuser=True)
        with alone(connection):
            read_from(connection, path)
        if not _is_here(connection):
            say(f"the server is elsewhere: see there that only its own user may read {path} (mode 0400)")


def no_host_file(target: Target) -> None:
    """Take that back: sessions have to unlock again; those that are open keep what they hold."""
    with session(target) as (connection, found):
        require(found, superuser=True)
        with alone(connection):
            rows(connection, "host_off")


def read_from(connection: Connection, path: str) -> None:
    """The same in the transaction of a connection.

    Raises what `host_file` does.
    """
    _check_path(connection, path)
    rows(connection, "host_role")
    script = rows(connection, "host_function", path)[0][0]
    connection.execute(str(script).encode())
    try:
        with connection.transaction():
            psycopg.RawCursor(connection).execute(b"SELECT pgguard.require_kek(pgguard.host_key())")
    except psycopg.Error as error:
        said = (error.diag.message_primary or "").removeprefix("pgguard: ")
        msg = f"{path} on the server: {said}; nothing was changed"
        raise InputError(msg) from None
    connection.execute("UPDATE pgguard.installation SET host_key_file = %s", (path,))


def _check_path(connection: Connection, path: str) -> None:
    if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path:
        msg = f"{path}: give the whole path of the file on the server, without .. and doubled slashes"
        raise UsageError(msg)
    kept = [str(one[0]) for one in rows(connection, "host_folders")]
    here = _is_here(connection)
    resolved = os.path.realpath(path) if here else path
    for folder in kept:
        for place in {folder, os.path.realpath(folder) if here else folder}:
            if any(posixpath.commonpath([place, one]) == place for one in (path, resolved)):
                msg = (
                    f"{path} is in {folder}, and every base backup would hold the key: choose a place outside"
                )
                raise UsageError(msg)
    if here:
        _check_mode(path)


def _is_here(connection: Connection) -> bool:
    return not connection.info.host or connection.info.host.startswith("/")


def _check_mode(path: str) -> None:
    try:
        found = Path(path).lstat()
    except OSError:
        # the server says later whether it can be read
        return
    if not stat.S_ISREG(found.st_mode):
        msg = f"{path}: this is no regular file"
        raise UsageError(msg)
    mode = stat.S_IMODE(found.st_mode)
    # root's file, readable for the server's group, is as good
    if mode & 0o037 or (mode & 0o040 and found.st_uid != 0):
        msg = f"{path}: others may get at it (mode {mode:04o}): chmod 0400, and chown it to the server's user"
        raise UsageError(msg)
