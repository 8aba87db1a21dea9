"""The server's files, read where they lie or through SQL: names first, then pieces of bounded size."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, cast

import psycopg

from pgguard.server.residue.queries import rows, sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    Connection = psycopg.Connection[tuple[str, ...]]

PIECE = 4 * 1024 * 1024
UNPACKED = frozenset({".gz", ".bz2", ".xz"})
_START_SECONDS = 30
PACKED = frozenset({".zst", ".zstd", ".lz4", ".zip", ".7z", ".br", ".Z"})


class File(NamedTuple):
    """One file, by the path that its reader opens it by, and its size at the time of listing."""

    path: str
    size: int


class Refused(NamedTuple):
    """A folder or file that could not be read, and why."""

    path: str
    why: str


class Reader(Protocol):
    """What lists and reads files; `how` says it in words."""

    how: str

    def listed(self, folder: str) -> Iterator[File | Refused]:
        """Everything below a folder (relative to the data directory, or absolute), links followed."""
        ...

    def pieces(self, file: File) -> Iterator[bytes]:
        """The bytes of a file in pieces; nothing where it is gone. Raises `OSError` or `psycopg.Error`."""
        ...


class Local:
    """Reads the data directory on this machine."""

    how = "the data directory on this machine"

    def __init__(self, data_directory: str) -> None:
        self._root = data_directory

    def listed(self, folder: str) -> Iterator[File | Refused]:
        """See `Reader`."""
        top = os.path.join(self._root, folder)
        seen: set[str] = set()
        todo = [(top, folder)]
        while todo:
            place, name = todo.pop()
            real = os.path.realpath(place)
            if real in seen:
                continue
            seen.add(real)
            try:
                entries = sorted(os.scandir(place), key=lambda one: one.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                yield Refused(name or ".", error.strerror or "it cannot be read")
                continue
            for entry in entries:
                path = f"{name}/{entry.name}" if name else entry.name
                try:
                    if entry.is_dir():
                        todo.append((entry.path, path))
                    elif entry.is_file():
                        yield File(path, entry.stat().st_size)
                except OSError:
                    continue

    def pieces(self, file: File) -> Iterator[bytes]:
        """See `Reader`; compressed logs are unpacked."""
        path = os.path.join(self._root, file.path)
        try:
            opened = _opened(path)
        except FileNotFoundError:
            return
        with opened:
            while piece := _full(opened):
                yield piece


def _opened(path: str) -> IO[bytes]:
    match Path(path).suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case ".bz2":
            return bz2.open(path, "rb")
        case ".xz":
            return lzma.open(path, "rb")
    # unbuffered: pieces are large
    return open(path, "rb", buffering=0)


def _full(opened: IO[bytes]) -> bytes:
    parts = []
    wanted = PIECE
    while wanted:
        part = opened.read(wanted)
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Remote:
    """Reads files through pg_ls_dir and pg_read_binary_file (manual, 9.28.9)."""

    how = "pg_read_binary_file"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def listed(self, folder: str) -> Iterator[File | Refused]:
        """See `Reader`."""
        todo = [folder]
        while todo:
            here = todo.pop()
            try:
                found = rows(self._connection, "folder", here or ".")
            except psycopg.Error as error:
                yield Refused(here or ".", error.diag.message_primary or "it cannot be read")
                continue
            for name, size, is_folder in found:
                path = f"{here}/{name}" if here else str(name)
                if is_folder:
                    todo.append(path)
                else:
                    yield File(path, int(size))

    def pieces(self, file: File) -> Iterator[bytes]:
        """See `Reader`."""
        at = 0
        with psycopg.RawCursor(self._connection) as cursor:
            while True:
                row = cursor.execute(sql("bytes"), (file.path, at, PIECE), binary=True).fetchone()
                piece = cast("bytes | None", row[0] if row else None)
                if not piece:
                    return
                yield piece
                at += len(piece)
                if len(piece) < PIECE:
                    return


def local(data_directory: str, started: int, host: str) -> tuple[Local | None, str]:
    """A reader of the data directory where it is on this machine and open to us; else why not.

    `started` is when the server started, in seconds since 1970.
    """
    if host and not host.startswith(("/", "@")) and host not in ("localhost", "127.0.0.1", "::1"):
        return None, "the server is on another machine"
    if not data_directory:
        return None, "the server does not say where its files are: GRANT pg_read_all_settings"
    try:
        lines = Path(data_directory, "postmaster.pid").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None, f"{data_directory} is not on this machine"
    except OSError:
        return (
            None,
            f"{data_directory} is closed to this account: run pgguard as root or as the server's account",
        )
    # its third line is when it started: behind a tunnel another server may have the same folder
    if len(lines) < 3 or not lines[2].strip().isdigit() or abs(int(lines[2]) - started) > _START_SECONDS:
        return None, f"{data_directory} on this machine is that of another server"
    return Local(data_directory), ""


def standard_error(data_directory: str) -> str:
    """The file that the server's messages go to where it does not collect them itself; empty if unknown.

    Linux tells it of the process (proc(5), /proc/pid/fd).
    """
    try:
        pid = Path(data_directory, "postmaster.pid").read_text("utf-8", "replace").split("\n", 1)[0].strip()
        found = os.readlink(f"/proc/{int(pid)}/fd/2")
    except (OSError, ValueError):
        return ""
    return found if found.startswith("/") and os.path.isfile(found) and not found.startswith("/dev/") else ""
