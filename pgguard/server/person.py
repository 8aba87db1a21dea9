"""Closing one person's login: no way in first, then no session, no privilege, no role.

The order keeps the person out from the first step on, and each step can be done again: a run that was
broken off is finished by running it again. What the person owns is listed and never given to somebody
else: that is for the DBA to decide.
"""

from __future__ import annotations

import time
from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import ApplyStopped, UsageError
from pgguard.model.quote import ident
from pgguard.server.connect import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.server.connect import Target

_ENDING_SECONDS = 10
# default privileges of what the person would have created, and passwords for other servers, go with the role
_OWN = frozenset({"pg_default_acl", "pg_user_mapping"})
_OWNS, _ACL, _POLICY = "o", "a", "r"


class Hold(NamedTuple):
    """Something that keeps a role from being dropped: database, kind and name of the object."""

    database: str
    kind: str
    name: str


class Removal(NamedTuple):
    """What closing a person comes to.

    `owned` and `policies` keep the role from being dropped; `members` are roles that would lose what they
    have through this one; `privileges` counts what is revoked, by database.
    """

    role: str
    exists: bool
    owned: tuple[Hold, ...]
    policies: tuple[Hold, ...]
    members: tuple[str, ...]
    privileges: dict[str, int]
    sessions: int

    @property
    def can_be_dropped(self) -> bool:
        """Whether nothing but privileges hangs on the role."""
        return not (self.owned or self.policies or self.members)


def look(target: Target, role: str) -> Removal:
    """What closing the role would do, looking at every database that can be connected to.

    Raises `ConnectError` when a database cannot be reached: what it holds would not be known.
    """
    with closing(target.connect()) as connection:
        row = connection.execute(
            "SELECT count(*), (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = %s) "
            "FROM pg_catalog.pg_roles WHERE rolname = %s",
            (role, role),
        ).fetchone()
        members = psycopg.RawCursor(connection).execute(_sql("members"), (role,)).fetchall()
        names = _databases(connection)
    held = [one for name in names for one in _holds(target, name, role)]
    exists, sessions = (int(row[0]) > 0, int(row[1])) if row else (False, 0)
    own = dict.fromkeys(names, 0)
    for code, hold in held:
        own[hold.database] += code == _ACL
    return Removal(
        role,
        exists,
        tuple(dict.fromkeys(hold for code, hold in held if code == _OWNS)),
        tuple(dict.fromkeys(hold for code, hold in held if code == _POLICY)),
        tuple(str(one[0]) for one in members),
        own,
        sessions,
    )


def remove(target: Target, role: str, *, say: Callable[[str], None]) -> Removal:
    """Close the login, end its sessions, revoke what it holds and drop the role.

    Raises `UsageError` when there is no such role, it is our own or a superuser, `ApplyStopped` when a
    step was refused or the role cannot be dropped; the login is closed by then.
    """
    found = look(target, role)
    name = sql.Identifier(role)
    with closing(target.connect()) as connection:
        _writable(connection)
        _check(connection, found)
        _step(
            connection,
            sql.SQL("ALTER ROLE {} NOLOGIN").format(name),
            f"{ident(role)} can no longer log in",
            say,
        )
        end_sessions(connection, role, say)
    if not found.can_be_dropped:
        raise ApplyStopped(_held(found))
    for database in found.privileges:
        with closing(target.connect(database)) as connection:
            _writable(connection)
            # the role owns nothing here, so that this takes its privileges and its default privileges alone
            done = f"its privileges in {ident(database)} are revoked"
            _step(connection, sql.SQL("DROP OWNED BY {} RESTRICT").format(name), done, say)
    with closing(target.connect()) as connection:
        _writable(connection)
        _step(connection, sql.SQL("DROP ROLE {}").format(name), f"{ident(role)} is dropped", say)
    return found


def _check(connection: psycopg.Connection[tuple[str, ...]], found: Removal) -> None:
    if not found.exists:
        msg = f"there is no role {ident(found.role)}"
        raise UsageError(msg)
    row = connection.execute(
        "SELECT rolsuper, rolname = current_user OR rolname = session_user, oid = 10 "
        "FROM pg_catalog.pg_roles WHERE rolname = %s",
        (found.role,),
    ).fetchone()
    superuser, own, bootstrap = row if row else ("", "", "")
    if own or bootstrap:
        which = "the role that we are connected as" if own else "the role that initdb made"
        msg = f"{ident(found.role)} is {which}"
        raise UsageError(msg)
    if superuser:
        msg = f"{ident(found.role)} is a superuser: ALTER ROLE {ident(found.role)} NOSUPERUSER first"
        raise UsageError(msg)


def end_sessions(
    connection: psycopg.Connection[tuple[str, ...]], role: str, say: Callable[[str], None]
) -> None:
    """End the sessions of a role that can no longer log in, and wait until they are gone.

    Raises `ApplyStopped` when we may not, or when they do not end.
    """
    ended = 0
    deadline = time.monotonic() + _ENDING_SECONDS
    while True:
        try:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = %s",
                (role,),
            ).fetchall()
        except psycopg.Error as error:
            msg = f"{ident(role)} can no longer log in, but its sessions could not be ended: {said(error)}"
            raise ApplyStopped(msg) from None
        ended = max(ended, len(rows))
        if not rows:
            break
        if time.monotonic() > deadline:
            msg = f"{len(rows)} sessions of {ident(role)} do not end: run it again"
            raise ApplyStopped(msg)
        time.sleep(0.2)
    if ended:
        say(f"{ended} session{'s' if ended > 1 else ''} ended")


def _held(found: Removal) -> str:
    lines = [f"{ident(found.role)} can no longer log in, but it cannot be dropped:"]
    lines += [f"it owns {one.kind} {one.name} in {ident(one.database)}" for one in found.owned]
    lines += [f"{one.kind} {one.name} in {ident(one.database)} names it" for one in found.policies]
    lines += [
        f"{ident(one)} is a member of it, and would lose what it has through it" for one in found.members
    ]
    return "\n  ".join(lines) + "\ndecide what becomes of these, then run it again"


def _holds(target: Target, database: str, role: str) -> Iterator[tuple[str, Hold]]:
    with closing(target.connect(database)) as connection:
        for code, catalog, kind, name in (
            psycopg.RawCursor(connection).execute(_sql("depends"), (role,)).fetchall()
        ):
            if code != _OWNS or catalog not in _OWN:
                yield code, Hold(database, kind, name)


def _sql(name: str) -> bytes:
    return resources.files("pgguard").joinpath(f"sql/person/{name}.sql").read_bytes()


def _databases(connection: psycopg.Connection[tuple[str, ...]]) -> list[str]:
    rows = connection.execute(
        "SELECT datname FROM pg_catalog.pg_database "
        "WHERE datallowconn AND datname <> 'template0' ORDER BY datname"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _writable(connection: psycopg.Connection[tuple[str, ...]]) -> None:
    connection.read_only = False
    connection.isolation_level = None
    connection.autocommit = True


def _step(
    connection: psycopg.Connection[tuple[str, ...]],
    statement: sql.Composed,
    done: str,
    say: Callable[[str], None],
) -> None:
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        what = f"{statement.as_string(connection)}: {said(error)}"
        msg = f"{what}; nothing after it was done: run it again once that is settled"
        raise ApplyStopped(msg) from None
    say(done)
