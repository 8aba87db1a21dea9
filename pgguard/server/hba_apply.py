"""Putting a new pg_hba.conf in force on the server's own machine, and the old one back when that fails.

The new file takes the old one's place by a rename in the same folder, so that at any moment the name
leads to the one or to the other, whole. The server keeps the rules that it has loaded until it is told,
and when a line of the file is in error it goes on keeping them without saying so to us: the rules are
looked at after each reload, and a connection like our own is tried (manual, 20.1 and 20.2).
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgguard.analysis.hba.effect import as_if
from pgguard.analysis.hba.parse import rule_lines
from pgguard.analysis.hba.rules import GSS, LOCAL, TLS, broken_lines, place
from pgguard.errors import ApplyStopped, ConnectError, InputError, UsageError
from pgguard.model.rows import HbaRule
from pgguard.server.connect import Target, said
from pgguard.server.hba_file import (
    UNPLACED,
    difference,
    digest,
    own_way,
    read_base,
    texts_on_this_machine,
)
from pgguard.server.hba_file import place as place_of
from pgguard.server.queries import query
from pgguard.server.read import read_snapshot
from pgguard.store.lines import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.analysis.hba.explain import Connection as Way
    from pgguard.model.snapshot import Snapshot

Connection = psycopg.Connection[tuple[str, ...]]
BACKUP = ".pgguard-"
_RELOAD_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


class Prepared(NamedTuple):
    """A new file, judged and not yet in place: the server as it is, as both files have it, and our way in."""

    path: Path
    old: bytes
    new: bytes
    snapshot: Snapshot
    before: Snapshot
    after: Snapshot
    way: Way


def prepare(target: Target, new: Path, *, progress: Callable[[str], None]) -> Prepared:
    """Read the new file and the server as it is; nothing is changed.

    Raises `InputError` for a file that cannot be put in force here (lines in error, made from another
    state, a server elsewhere), `UsageError` for rights that are missing.
    """
    content = _content(new)
    base = read_base(new)
    snapshot = read_snapshot(target, [], progress=progress)
    with closing(target.connect()) as connection:
        _autocommit(connection)
        placed = "" if base is None or base.path == UNPLACED else base.path
        path, old = _here(connection, placed)
        main, _, _ = place_of(connection)
        own = own_way(connection)
        shown = _shown(connection) if own.may_check else None
    missing = [
        name
        for name, may in (("pg_reload_conf()", own.may_reload), ("pg_hba_file_rules()", shown is not None))
        if not may
    ]
    if missing:
        msg = f"{own.way.user} may not run {' and '.join(missing)}: GRANT EXECUTE, or come as a superuser"
        raise UsageError(msg)
    if base is not None and digest(old) not in (base.sha256, digest(content)):
        msg = f"{path} was changed after the patch was made: make the patch again (pgguard hba patch)"
        raise InputError(msg)
    texts = texts_on_this_machine(main, snapshot.major)
    name = str(path) if str(path) in texts.files else placed or main
    if name not in {one.file for one in rule_lines(texts, snapshot.major)} | {main}:
        msg = f"{path} is not a file that the server reads rules from"
        raise InputError(msg)
    before = as_if(snapshot, texts)
    differs = difference(before.hba_rules, shown or ())
    if differs:
        msg = f"{differs} is not read by the server as it is here, so that nothing could be foretold of it"
        raise InputError(msg)
    changed = texts_on_this_machine(main, snapshot.major, {name: content})
    after = as_if(snapshot, changed)
    broken = broken_lines(after)
    if broken:
        said_of = "; ".join(f"{place(one)}: {one.error}" for one in broken[:5])
        msg = f"{new}: it would not load: {said_of}"
        raise InputError(msg)
    return Prepared(path, old, content, snapshot, before, after, own.way)


def exchange(target: Target, prepared: Prepared, *, say: Callable[[str], None]) -> None:
    """Put the new file in place and in force; when it does not serve, the old one is put back.

    Raises `InputError` when nothing was changed, `ApplyStopped` when the old file is back, or the message
    says why it could not be put back.
    """
    path, old, new = prepared.path, prepared.old, prepared.new
    with closing(_like(target, prepared.way)) as connection, _locked(path):
        _autocommit(connection)
        _sweep(path)
        _require_same(path, old, new)
        if old == new:
            kept = newest_backup(path)
            old = kept.read_bytes() if kept is not None else old
            say(f"{path} is in place already")
        else:
            backup = _keep(path, old)
            say(f"the file as it was is kept as {backup}")
        try:
            if prepared.old != new:
                _write(path, new, path, check=lambda: _require_same(path, old, new))
                say(f"{path} is changed; the server goes by the old rules until it is told")
            _put_in_force(target, connection, prepared.way, prepared.after.hba_rules, say)
        except InputError:
            raise
        except BaseException as error:
            reason = str(error) if isinstance(error, ApplyStopped) else _named(error)
            _put_back(target, connection, path, old, prepared.way, reason, say)
            raise
    say("in force: the server has loaded the file, and a new connection like this one was let in")


def restore(target: Target, backup: Path | None, file: Path | None, *, say: Callable[[str], None]) -> None:
    """Put a backup back, the newest one unless named, and have the server load it.

    `file` names pg_hba.conf where the server lets nobody in. The file that is replaced is kept too.
    Raises `InputError` when there is no backup, `ApplyStopped` when the file is back and the server could
    not be told, or it did not serve and was taken out again.
    """
    try:
        connection = target.connect()
    except ConnectError as error:
        if file is None:
            msg = f"{error}\ngive pg_hba.conf with --file to put it back all the same"
            raise ConnectError(msg) from None
        _restore_unseen(file, backup, str(error), say)
        return
    with closing(connection):
        _autocommit(connection)
        path, old = _here(connection, str(file) if file else "")
        own = own_way(connection)
    found = _chosen(path, backup)
    with closing(_like(target, own.way)) as connection, _locked(path):
        _autocommit(connection)
        _sweep(path)
        content = _content(found)
        say(f"the file as it was is kept as {_keep(path, old)}")
        try:
            _write(path, content, path, check=lambda: _require_same(path, old, content))
            say(f"{path} is again what {found.name} holds")
            _put_in_force(target, connection, own.way, None, say)
        except InputError:
            raise
        except BaseException as error:
            reason = str(error) if isinstance(error, ApplyStopped) else _named(error)
            _put_back(target, connection, path, old, own.way, reason, say)
            raise
    say("in force: the server has loaded the file, and a new connection like this one was let in")


def newest_backup(path: Path) -> Path | None:
    """The newest backup beside a file, None where there is none."""
    found = sorted(one for one in path.parent.iterdir() if one.name.startswith(path.name + BACKUP))
    return found[-1] if found else None


def _restore_unseen(file: Path, backup: Path | None, why: str, say: Callable[[str], None]) -> None:
    path = Path(os.path.realpath(file))
    found = _chosen(path, backup)
    with _locked(path):
        _sweep(path)
        old, content = _content(path), _content(found)
        say(f"the file as it was is kept as {_keep(path, old)}")
        _write(path, content, path, check=lambda: _require_same(path, old, content))
    msg = (
        f"{path} is again what {found.name} holds, but the server could not be told ({why}): "
        "pg_ctl reload, or systemctl reload, as the server's account"
    )
    raise ApplyStopped(msg)


def _chosen(path: Path, backup: Path | None) -> Path:
    found = backup or newest_backup(path)
    if found is None:
        msg = f"there is no backup of {path} beside it"
        raise InputError(msg)
    return found


def _put_in_force(
    target: Target,
    connection: Connection,
    way: Way,
    expected: tuple[HbaRule, ...] | None,
    say: Callable[[str], None],
) -> None:
    """Reload, and make sure that it was loaded as foretold and that a connection like ours gets in."""
    try:
        _reload(connection)
        say("the server was told to load it")
        shown = _shown(connection)
    except psycopg.Error as error:
        raise ApplyStopped(said(error)) from None
    broken = [one for one in shown if one.error and not one.method]
    if broken:
        msg = f"{place(broken[0])} is in error, and the server keeps its old rules: {broken[0].error}"
        raise ApplyStopped(msg)
    differs = "" if expected is None else difference(expected, shown)
    if differs:
        msg = f"{differs} is not read by the server as it was foretold"
        raise ApplyStopped(msg)
    try:
        _like(target, way).close()
    except ConnectError as error:
        msg = f"a new connection like this one is not let in: {error}"
        raise ApplyStopped(msg) from None


def _put_back(
    target: Target,
    connection: Connection,
    path: Path,
    old: bytes,
    way: Way,
    reason: str,
    say: Callable[[str], None],
) -> None:
    try:
        _write(path, old, path)
        _reload(connection)
        _like(target, way).close()
    except (OSError, InputError) as error:
        msg = f"{reason}; and {path} could not be put back ({_named(error)}): pgguard hba restore"
        raise ApplyStopped(msg) from None
    except (psycopg.Error, ConnectError, ApplyStopped) as error:
        msg = (
            f"{reason}; {path} is again as it was, but the server could not be told, or does not let a "
            f"connection like this one in ({_named(error)}): pg_ctl reload as the server's account"
        )
        raise ApplyStopped(msg) from None
    msg = f"{reason}; {path} is again as it was, and the server has loaded it"
    raise ApplyStopped(msg)


def _reload(connection: Connection) -> None:
    """Have the server read its files, and wait until it has.

    The postmaster reads pg_hba.conf before it takes the next connection, so that one made after this has
    the new rules. Raises `ApplyStopped` when it does not.
    """
    before = connection.execute("SELECT pg_catalog.pg_conf_load_time()").fetchone()
    connection.execute("SELECT pg_catalog.pg_reload_conf()")
    deadline = time.monotonic() + _RELOAD_SECONDS
    while connection.execute("SELECT pg_catalog.pg_conf_load_time()").fetchone() == before:
        if time.monotonic() > deadline:
            msg = "the server did not load its configuration: look into its log (postgresql.conf in error?)"
            raise ApplyStopped(msg)
        time.sleep(_PAUSE_SECONDS)


def _shown(connection: Connection) -> tuple[HbaRule, ...]:
    rows = connection.execute(query("hba_rules", connection.info.server_version // 10000).text).fetchall()
    return decode(HbaRule, [str(row[0]).encode() for row in rows])


def _like(target: Target, way: Way) -> Connection:
    """A new connection that comes the way that ours did, and no other that libpq would try instead."""
    chosen = conninfo_to_dict(target.dsn)
    options: dict[str, str] = {}
    if way.way != LOCAL:
        strict = str(chosen.get("sslmode") or os.environ.get("PGSSLMODE") or "")
        if way.way == TLS:
            options["sslmode"] = strict if strict in ("verify-ca", "verify-full") else "require"
        else:
            options["sslmode"] = "disable"
        options["gssencmode"] = "require" if way.way == GSS else "disable"
    return Target(make_conninfo(target.dsn, **options)).connect(way.database)


def _here(connection: Connection, file: str) -> tuple[Path, bytes]:
    """The file on this machine, proved to be the one that the server reads, and its bytes.

    Raises `InputError` when it is elsewhere or may not be replaced by us, `UsageError` when the login may
    not ask.
    """
    try:
        named, data, seen = place_of(connection, file)
    except psycopg.Error as error:
        msg = f"the server does not say where pg_hba.conf is: {said(error)}: come as a superuser"
        raise UsageError(msg) from None
    path = Path(os.path.realpath(named))
    try:
        status, port = path.stat(), _port_of(data)
    except OSError:
        status, port = None, ""
    there = status and (status.st_size, int(status.st_mtime), int(status.st_ctime))
    if there != seen or port not in ("", str(connection.info.port)):
        msg = (
            f"{named} on this machine is not the server's: the file is written here and nowhere else, so run "
            "this on the server's own machine, as root or as the server's account"
        )
        raise InputError(msg)
    _require_replaceable(path)
    return path, _content(path)


def _port_of(data: str) -> str:
    try:
        lines = Path(data, "postmaster.pid").read_text("utf-8", "replace").splitlines()
    except PermissionError:
        return ""
    return lines[3].strip() if len(lines) > 3 else ""


def _require_replaceable(path: Path) -> None:
    status = path.stat()
    if not os.access(path.parent, os.W_OK) or (os.geteuid() not in (0, status.st_uid)):
        msg = f"{path} may not be replaced by you: run this as root or as the server's account"
        raise InputError(msg)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keeps a second pgguard away from the folder; ends with the process, however that ends."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(folder)
        msg = f"another pgguard is at work on {path}: wait until it is done"
        raise InputError(msg) from None
    try:
        yield
    finally:
        os.close(folder)


def _require_same(path: Path, old: bytes, new: bytes) -> None:
    if _content(path) not in (old, new):
        msg = f"{path} was changed meanwhile: nothing was done to it, judge it again"
        raise InputError(msg)


def _keep(path: Path, content: bytes) -> Path:
    """The backup of the file as it is, beside it, with its owner and mode."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backup = path.with_name(f"{path.name}{BACKUP}{stamp}")
    _write(backup, content, path)
    return backup


def _write(path: Path, content: bytes, like: Path, *, check: Callable[[], None] = lambda: None) -> None:
    """Write a file whole or not at all, with the owner, mode and attributes of another one.

    Raises `InputError` when it cannot be written; what was there is there still.
    """
    made = path.with_name(_temporary(path.name))
    try:
        status = like.stat()
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            if os.fstat(file.fileno()).st_uid != status.st_uid or status.st_gid != os.getegid():
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            _copy_attributes(like, made)
            file.flush()
            os.fsync(file.fileno())
        check()
        os.replace(made, path)
    except OSError as error:
        made.unlink(missing_ok=True)
        msg = f"{path}: cannot be written: {error.strerror}"
        raise InputError(msg) from None
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy_attributes(like: Path, made: Path) -> None:
    # SELinux's label and access lists, where the file system has them
    with contextlib.suppress(OSError):
        for name in os.listxattr(like):
            with contextlib.suppress(OSError):
                os.setxattr(made, name, os.getxattr(like, name))


def _temporary(name: str) -> str:
    # begins with a dot: include_dir never reads it
    return f".{name.lstrip('.')}.pgguard-new"


def _sweep(path: Path) -> None:
    """Remove what a run that was killed left half written."""
    for one in path.parent.iterdir():
        if one.name.startswith(f".{path.name.lstrip('.')}") and one.name.endswith(".pgguard-new"):
            one.unlink(missing_ok=True)


def _autocommit(connection: Connection) -> None:
    connection.read_only = None
    connection.isolation_level = None
    connection.autocommit = True


def _named(error: BaseException) -> str:
    if isinstance(error, psycopg.Error):
        return said(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
