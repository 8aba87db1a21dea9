"""The text of pg_hba.conf and of what it includes, by the server or from this machine; our own way in."""

from __future__ import annotations

import hashlib
import os
import posixpath
import pwd
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.analysis.addresses import masked, single
from pgguard.analysis.hba.explain import Connection as Way
from pgguard.analysis.hba.parse import Texts, Wanted, included_names, parse_rules
from pgguard.analysis.hba.rules import GSS, LOCAL, PLAIN, SOCKET, TLS
from pgguard.errors import ConnectError, InputError, UsageError
from pgguard.server.connect import said
from pgguard.server.queries import variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot
    from pgguard.server.connect import Target

Connection = psycopg.Connection[tuple[str, ...]]
BASE_ENDING = ".base"
NEW_ENDING = ".new"
# the path of pg_hba.conf where the server does not tell it
UNPLACED = "pg_hba.conf"


class Base(NamedTuple):
    """Which file a patch was made from: its path on the server, if told, and the sha256 of its bytes."""

    path: str
    sha256: str


class Own(NamedTuple):
    """How our own connection came in, and what it may do."""

    way: Way
    may_reload: bool
    may_check: bool


def decoded(content: bytes) -> str:
    """A file's text; bytes that are not UTF-8 come back as they were by `encoded`."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text that `decoded` gave."""
    return text.encode("utf-8", "surrogateescape")


def digest(content: bytes) -> str:
    """The sha256 of a file's bytes, as sha256sum prints it."""
    return hashlib.sha256(content).hexdigest()


def texts_of_server(target: Target) -> tuple[Texts, str]:
    """pg_hba.conf and what it includes, read by the server; and the account that owns its data, where seen.

    Raises `UsageError` when the login may not read files, saying what would do instead.
    """
    with closing(target.connect()) as connection:
        major = connection.info.server_version // 10000
        try:
            path, data, _ = place(connection)
            texts = complete(
                path, major, lambda name: _read(connection, name), lambda name: _list(connection, name)
            )
        except psycopg.errors.InsufficientPrivilege as error:
            msg = (
                f"the server does not let {connection.info.user} read pg_hba.conf ({said(error)}): give a "
                "copy of it with --file, or read it as a superuser"
            )
            raise UsageError(msg) from None
        except psycopg.Error as error:
            msg = f"pg_hba.conf could not be read through the server: {said(error)}"
            raise ConnectError(msg) from None
        return texts, account(connection, data)


def texts_of_file(file: Path, snapshot: Snapshot) -> Texts:
    """A copy of pg_hba.conf under the name that the server has for it; what it includes is beside it.

    Raises `UsageError` when it, or a file that it includes, cannot be read.
    """
    # only superusers see where it is
    main = snapshot.setting("hba_file").value if snapshot.has_setting("hba_file") else UNPLACED
    folder = posixpath.dirname(main)

    def here(path: str) -> Path:
        if path == main:
            return file
        if not path.startswith("/"):
            return file.parent / path
        beside = folder and path.startswith(folder + "/")
        return file.parent / path.removeprefix(folder + "/") if beside else Path(path)

    def read(path: str) -> bytes | None:
        try:
            return here(path).read_bytes()
        except OSError as error:
            msg = f"{here(path)}: cannot be read: {error.strerror}"
            raise UsageError(msg) from None

    def names(path: str) -> tuple[str, ...] | None:
        try:
            return tuple(sorted(os.listdir(here(path))))
        except OSError as error:
            msg = f"{here(path)}: cannot be read: {error.strerror}"
            raise UsageError(msg) from None

    return complete(main, snapshot.major, read, names)


def texts_on_this_machine(main: str, major: int, instead: Mapping[str, bytes] | None = None) -> Texts:
    """pg_hba.conf and what it includes, from this machine's files, some of them with other contents.

    Raises `UsageError` when one of them is there and cannot be read.
    """

    def read(path: str) -> bytes | None:
        if instead and path in instead:
            return instead[path]
        try:
            return Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}"
            raise UsageError(msg) from None

    def names(path: str) -> tuple[str, ...] | None:
        try:
            return tuple(sorted(os.listdir(path)))
        except OSError:
            return None

    return complete(main, major, read, names)


def complete(
    main: str,
    major: int,
    read: Callable[[str], bytes | None],
    names: Callable[[str], tuple[str, ...] | None],
) -> Texts:
    """The text of pg_hba.conf with that of every file that it comes to.

    Raises `InputError` when there is no such file.
    """
    files: dict[str, str | None] = {}
    folders: dict[str, tuple[str, ...] | None] = {}
    texts = Texts(main, files, folders)
    while True:
        try:
            parse_rules(texts, major, {})
        except Wanted as wanted:
            if wanted.folder:
                found = names(wanted.path)
                folders[wanted.path] = None if found is None else included_names(found)
                continue
            content = read(wanted.path)
            if content is None and wanted.path == main:
                msg = f"{main}: there is no such file"
                raise InputError(msg) from None
            files[wanted.path] = None if content is None else decoded(content)
        else:
            return texts


def difference(read: Sequence[HbaRule], shown: Sequence[HbaRule]) -> str:
    """Where rules that we read differ from those that the server shows; empty where they are the same."""

    def key(rule: HbaRule) -> tuple[object, ...]:
        if not rule.method:
            return rule.file, rule.line
        addresses: object = (rule.address, rule.netmask)
        if rule.netmask:
            found = masked(rule.address.partition("%")[0], rule.netmask)
            addresses = found.ranges if found is not None else addresses
        return rule.file, rule.line, rule.type, rule.databases, rule.users, addresses, rule.method

    ours, theirs = (sorted(map(key, some), key=repr) for some in (read, shown))
    if ours == theirs:
        return ""
    for one in sorted(set(ours) ^ set(theirs), key=repr):
        return f"line {one[1]}" + (f" of {one[0]}" if one[0] else "")
    return "the number of lines"


def place(connection: Connection, file: str = "") -> tuple[str, str, tuple[int, ...]]:
    """The path of pg_hba.conf (or of another file), the data directory; the file's size and times (s)."""
    row = psycopg.RawCursor(connection).execute(_sql("place"), (file,)).fetchone()
    assert row is not None  # noqa: S101 - the query has one row
    return str(row[0]), str(row[1]), tuple(int(one) for one in row[2:])


def own_way(connection: Connection) -> Own:
    """How this connection came in.

    Raises `psycopg.Error` when the connection broke off.
    """
    user, database, address, may_reload, may_check = connection.execute(_sql("own")).fetchone() or ("",) * 5
    if not address:
        return Own(Way(user, database, LOCAL, SOCKET), bool(may_reload), bool(may_check))
    major = connection.info.server_version // 10000
    (gss,) = connection.execute(_sql("own_gss", major)).fetchone() or (False,)
    way = TLS if connection.pgconn.ssl_in_use else GSS if gss else PLAIN
    return Own(Way(user, database, way, single(address)), bool(may_reload), bool(may_check))


def account(connection: Connection, data: str) -> str:
    """The account that owns the data directory, where that is on this machine and we came by the socket."""
    host = connection.info.host
    if host and not host.startswith(("/", "@")):
        return ""
    try:
        return pwd.getpwuid(os.stat(data).st_uid).pw_name
    except (OSError, KeyError):
        return ""


def written_base(base: Base) -> str:
    """A base as sha256sum writes it: `sha256sum -c` on the server tells whether the file is the same."""
    return f"{base.sha256}  {base.path}\n"


def read_base(new: Path) -> Base | None:
    """Which file a new one was made from: what stands beside it with the ending .base, None without.

    Raises `InputError` when that is not what `hba patch` writes.
    """
    file = new.with_name(new.name.removesuffix(NEW_ENDING) + BASE_ENDING)
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        text = ""
    sha256, _, path = text.strip().partition("  ")
    if len(sha256) != 64 or not (path.startswith("/") or path == UNPLACED) or "\n" in path:
        msg = f"{file}: is not what pgguard hba patch writes: make the patch again"
        raise InputError(msg)
    return Base(path, sha256)


def _read(connection: Connection, path: str) -> bytes | None:
    row = (
        psycopg.RawCursor(connection, row_factory=psycopg.rows.tuple_row)
        .execute(_sql("read"), (path,))
        .fetchone()
    )
    return None if row is None or row[0] is None else bytes(row[0])


def _list(connection: Connection, path: str) -> tuple[str, ...] | None:
    rows = psycopg.RawCursor(connection).execute(_sql("folder"), (path,)).fetchall()
    return tuple(str(row[0]) for row in rows) or None


def _sql(name: str, major: int = 0) -> bytes:
    texts = variants("hba", name)
    return texts[max(since for since in texts if since <= major)]
