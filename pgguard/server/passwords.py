"""First passwords: made here, sent as SCRAM verifiers, known to one person and to nobody else.

The server never sees the password (RFC 5802, RFC 7677): libpq computes the verifier. What a server log
may still show is the verifier, from which a random password of 120 bits cannot be guessed; where the
right is there, logging is off for the statement.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import secrets
import urllib.parse
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import psycopg
from psycopg import sql

from pgguard.errors import ApplyStopped, InputError, Unread, UsageError
from pgguard.model.quote import ident
from pgguard.server.connect import describe, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pgguard.server.connect import Target

# no characters that look like one another: it is read from a screen and typed once
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 6, 4
_QUIET = (
    "SET log_statement = 'none'",
    "SET log_min_duration_statement = -1",
    "SET log_min_error_statement = 'panic'",
    "SET log_duration = off",
    "SET pgaudit.log = 'none'",
    "SET pg_stat_statements.track_utility = off",
    "SET auto_explain.log_min_duration = -1",
)
_REFUSERS = ("credcheck", "passwordcheck", "password_profile", "pg_password_policy")


class Issued(NamedTuple):
    """A first password that is waiting to be changed: the verifier's digest, never the verifier."""

    role: str
    issued_at: str
    verifier_sha256: str


class Pending(NamedTuple):
    """A first password as it stands; `changed` is None where the server does not show verifiers."""

    role: str
    issued_at: str
    changed: bool | None
    overdue: bool


def issue(
    target: Target,
    roles: Iterable[str],
    keep: Callable[[str, str], None],
    *,
    now: datetime.datetime,
    say: Callable[[str], None],
) -> Iterator[Issued]:
    """Give each role a first password; `keep` gets role and password before the server gets the verifier.

    Raises `UsageError` for a role that is not there, cannot log in or is a superuser, before any is
    changed; `ApplyStopped` when the server refuses a verifier: the role then has its old password.
    """
    with closing(target.connect()) as connection:
        connection.read_only = False
        connection.isolation_level = None
        connection.autocommit = True
        chosen = list(dict.fromkeys(roles))
        _check(connection, chosen)
        _quieten(connection, say)
        for role in chosen:
            password = new_password()
            verifier = _verifier(connection, password, role)
            keep(role, password)
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(verifier)
            )
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                raise ApplyStopped(_refusal(connection, role, error)) from None
            yield Issued(role, _iso(now), hashlib.sha256(verifier.encode()).hexdigest())


def new_password() -> str:
    """A random password of about 139 bits in groups that can be typed."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def file_keeper(folder: Path) -> Callable[[str, str], None]:
    """Writes each password to a file of its own that only we may read, in a folder that only we may enter.

    Raises `UsageError` when the folder cannot be made, or others may enter it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode & 0o777
    except OSError as error:
        msg = f"{folder}: cannot be made: {error.strerror}"
        raise UsageError(msg) from None
    if mode & 0o077:
        msg = f"{folder}: others may enter it (mode {mode:04o}): chmod 700 it, or name another folder"
        raise UsageError(msg)

    def keep(role: str, password: str) -> None:
        path = folder / f"{urllib.parse.quote(role, safe='')}.password"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{role}\n{password}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            msg = f"{path}: cannot be written: {error.strerror}; {ident(role)} keeps its password"
            raise UsageError(msg) from None

    return keep


def remember(file: Path, cluster: str, issued: Iterable[Issued]) -> None:
    """Add to the list of first passwords that wait to be changed: roles, times and digests.

    Raises `InputError` when the list is there and cannot be read.
    """
    known = {(one, entry.role): entry for one, entries in _read(file).items() for entry in entries}
    known |= {(cluster, entry.role): entry for entry in issued}
    _write(file, known)


def pending(target: Target, file: Path, *, now: datetime.datetime, days: int) -> tuple[str, list[Pending]]:
    """The cluster's name in the list, and its first passwords: changed or not, overdue or not.

    Whether one was changed shows in the verifier, which superusers alone can read.
    """
    with closing(target.connect()) as connection:
        cluster = describe(connection)
        entries = _read(file).get(cluster, [])
        verifiers = _verifiers(connection, [one.role for one in entries])
    found = []
    for one in entries:
        age = now - datetime.datetime.fromisoformat(one.issued_at)
        changed: bool | None = None
        if verifiers is not None:
            digest = verifiers.get(one.role)
            changed = digest != one.verifier_sha256
        late = changed is not True and age > datetime.timedelta(days=days)
        found.append(Pending(one.role, one.issued_at, changed, late))
    return cluster, found


def close_overdue(target: Target, file: Path, *, now: datetime.datetime, days: int) -> list[str]:
    """NOLOGIN for every role whose first password was not changed in time; the roles closed.

    VALID UNTIL would end the password and leave other ways in. Changed ones leave the list.
    Raises `Unread` when the server does not show whether they were changed.
    """
    cluster, waiting = pending(target, file, now=now, days=days)
    if any(one.changed is None for one in waiting):
        msg = "verifiers"
        raise Unread(msg, "only a superuser sees whether a password was changed")
    closed = [one.role for one in waiting if one.overdue]
    with closing(target.connect()) as connection:
        connection.read_only = False
        connection.isolation_level = None
        connection.autocommit = True
        for role in closed:
            try:
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            except psycopg.Error as error:
                msg = f"{ident(role)} could not be closed: {said(error)}"
                raise ApplyStopped(msg) from None
    done = {one.role for one in waiting if one.changed or one.overdue}
    rest = {
        (one, entry.role): entry
        for one, entries in _read(file).items()
        for entry in entries
        if not (one == cluster and entry.role in done)
    }
    _write(file, rest)
    return closed


def cluster_name(target: Target) -> str:
    """What tells this cluster from others in the list of first passwords."""
    with closing(target.connect()) as connection:
        return describe(connection)


def _check(connection: psycopg.Connection[tuple[str, ...]], roles: list[str]) -> None:
    rows = connection.execute(
        "SELECT rolname, rolcanlogin, rolsuper FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)", (roles,)
    ).fetchall()
    known = {str(row[0]): row for row in rows}
    wrong = [f"there is no role {ident(one)}" for one in roles if one not in known]
    wrong += [f"{ident(str(row[0]))} cannot log in" for row in rows if not row[1]]
    wrong += [f"{ident(str(row[0]))} is a superuser: give it a password by hand" for row in rows if row[2]]
    if wrong:
        raise UsageError("; ".join(wrong))


def _quieten(connection: psycopg.Connection[tuple[str, ...]], say: Callable[[str], None]) -> None:
    for statement in _QUIET:
        try:
            connection.execute(statement)
        except psycopg.Error:
            # not ours to set; that of an extension which is not loaded does no harm either
            continue
    row = connection.execute(
        "SELECT current_setting('log_statement'), current_setting('log_min_duration_statement')"
    ).fetchone()
    if row is not None and (row[0] != "none" or row[1] != "-1"):
        say(
            "the server's log will hold the verifiers (not the passwords): only a superuser can turn that "
            "off for one session"
        )


def _verifier(connection: psycopg.Connection[tuple[str, ...]], password: str, role: str) -> str:
    made = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    return made.decode()


def _refusal(connection: psycopg.Connection[tuple[str, ...]], role: str, error: psycopg.Error) -> str:
    code = error.sqlstate or "no SQLSTATE"
    try:
        row = connection.execute("SELECT current_setting('shared_preload_libraries')").fetchone()
    except psycopg.Error:
        row = None
    loaded = [name for name in _REFUSERS if row is not None and name in row[0]]
    told = f"{ident(role)} keeps its password: the server refused the new one ({code})"
    if error.sqlstate == "42501":
        return f"{told}: we may not change it"
    if loaded:
        return (
            f"{told}: {', '.join(loaded)} may refuse verifiers, because it cannot look into them; credcheck "
            "takes them with credcheck.encrypted_password_allowed = on"
        )
    # the server's own message could repeat what it was given
    return told


def _verifiers(connection: psycopg.Connection[tuple[str, ...]], roles: list[str]) -> dict[str, str] | None:
    allowed = connection.execute("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')").fetchone()
    if allowed is None or not allowed[0]:
        return None
    # before 11 the server has no sha256()
    old = connection.info.server_version < 110000
    shown = "coalesce(rolpassword, '')"
    if not old:
        shown = f"encode(sha256(convert_to({shown}, 'UTF8')), 'hex')"
    rows = connection.execute(
        f"SELECT rolname, {shown} "  # noqa: S608 - one of two expressions
        "FROM pg_catalog.pg_authid WHERE rolname = ANY (%s)",
        (roles,),
    ).fetchall()
    return {
        str(row[0]): hashlib.sha256(str(row[1]).encode()).hexdigest() if old else str(row[1]) for row in rows
    }


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(file: Path) -> dict[str, list[Issued]]:
    if not file.exists():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, list[Issued]])
    except (OSError, msgspec.DecodeError) as error:
        msg = f"{file}: the list of first passwords cannot be read: {error}"
        raise InputError(msg) from None


def _write(file: Path, entries: dict[tuple[str, str], Issued]) -> None:
    by_cluster: dict[str, list[Issued]] = {}
    for (cluster, _), entry in sorted(entries.items()):
        by_cluster.setdefault(cluster, []).append(entry)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_suffix(".partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as opened:
        json.dump(by_cluster, opened, indent=1)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)
