"""Closing a mandate: the way in first, then the rights, the sessions, the views and policies, the role.

Each step can be done again, and works on what is there: half-opened, changed or dropped since, closed
already. What is not marked as the mandate's own is left alone.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import ApplyStopped, UsageError
from pgguard.model.mandate_names import schema_of
from pgguard.model.mandate_scope import mark, policies_of
from pgguard.model.quote import ident, qualified
from pgguard.server.mandate_state import read_standing, rows
from pgguard.server.person import end_sessions
from pgguard.server.refusal import passes, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.mandate import Mandate
    from pgguard.server.connect import Target
    from pgguard.server.mandate_state import Connection

    Say = Callable[[str], None]

_ATTEMPTS = 10
_PAUSE_SECONDS = 0.5
_SESSION = (
    b"SET search_path = pg_catalog",
    b"SET lock_timeout = '3s'",
    b"SET statement_timeout = '60s'",
    b"SET row_security = on",
)


class Left(NamedTuple):
    """Something of a mandate in a database: view, schema, policy, others (the companion) or right.

    `shared` tells that the table has policies of others too.
    """

    database: str
    kind: str
    schema: str
    name: str
    table: str
    shared: bool

    def __str__(self) -> str:
        """It in words."""
        where = f" in database {ident(self.database)}"
        if self.kind == "right":
            return f"rights of the role{where}"
        if self.kind in ("policy", "others"):
            return f"policy {ident(self.name)} on {qualified(self.schema, self.table)}{where}"
        name = ident(self.name) if self.kind == "schema" else qualified(self.schema, self.name)
        return f"{self.kind} {name}{where}"


def close_mandate(target: Target, mandate: Mandate, *, say: Say) -> bool:
    """Close it and see that nothing of it is left in any database; whether anything was there.

    Raises `ConnectError`; `UsageError` when its role is somebody else's; `ApplyStopped` when a step is
    refused or something is left, with the login closed by then.
    """
    standing = read_standing(target, "", mandate)
    if standing.role and not standing.own_role:
        msg = f"there is a role {ident(mandate.role)} that is not this mandate's: nothing was touched"
        raise UsageError(msg)
    role = sql.Identifier(mandate.role)
    if standing.own_role:
        with closing(_session(target, "")) as connection:
            _run(connection, [sql.SQL("ALTER ROLE {} NOLOGIN").format(role)])
            say(f"{ident(mandate.role)} can no longer log in")
    databases = _databases(target, mandate)
    if standing.own_role:
        for name in databases:
            with closing(_session(target, name)) as connection:
                _run(connection, list(_revokes(connection, mandate)), together=False)
        say("its rights are revoked")
        with closing(_session(target, "")) as connection:
            end_sessions(connection, mandate.role, say)
    found = [one for name in databases for one in _left(target, name, mandate)]
    kept: list[str] = []
    for name in dict.fromkeys(one.database for one in found):
        with closing(_session(target, name)) as connection:
            kept += _remove(connection, mandate, [one for one in found if one.database == name], say)
        # what was granted to it besides, by others or on other kinds of objects
        if any(one.kind == "right" for one in _left(target, name, mandate)):
            with closing(_session(target, name)) as connection:
                _run(connection, [sql.SQL("DROP OWNED BY {} RESTRICT").format(role)])
                say(f"what else it had or made in {ident(name)} is dropped")
    if standing.own_role:
        with closing(_session(target, "")) as connection:
            _run(connection, [sql.SQL("DROP ROLE {}").format(role)])
        say(f"{ident(mandate.role)} is dropped")
    still = [str(one) for name in databases for one in _left(target, name, mandate)]
    still = [one for one in still if not any(told.startswith(f"{one}:") for told in kept)]
    if kept or still:
        lines = [f"mandate {mandate.name} is closed, and this is left:", *dict.fromkeys((*kept, *still))]
        raise ApplyStopped("\n  ".join(lines))
    return standing.own_role or bool(found)


def what_is_left(target: Target, mandate: Mandate) -> list[str]:
    """What is left of a mandate in any database, its role first; empty when it is closed."""
    standing = read_standing(target, "", mandate)
    found = [f"role {ident(mandate.role)}"] if standing.own_role else []
    return found + [str(one) for name in _databases(target, mandate) for one in _left(target, name, mandate)]


def _databases(target: Target, mandate: Mandate) -> list[str]:
    with closing(_session(target, "")) as connection:
        return [
            str(one[0]) for one in rows(connection, "databases", (mandate.role,)) if one[0] != "template0"
        ]


def _left(target: Target, database: str, mandate: Mandate) -> list[Left]:
    with closing(_session(target, database)) as connection:
        names = (mandate.role, schema_of(mandate.name), mark(mandate.name), *policies_of(mandate.name))
        return [Left(database, *one) for one in rows(connection, "left", names)]


def _revokes(connection: Connection, mandate: Mandate) -> Iterator[sql.Composed]:
    role = sql.Identifier(mandate.role)
    for keyword, schema, name in rows(connection, "granted", (mandate.role,)):
        on = sql.Identifier(schema, name) if schema else sql.Identifier(name)
        yield sql.SQL("REVOKE ALL ON {} {} FROM {}").format(sql.SQL(keyword), on, role)


def _remove(connection: Connection, mandate: Mandate, found: Sequence[Left], say: Say) -> list[str]:
    """Drop views, schema and policies, table by table; what has to stay, in words."""
    views = [one for one in found if one.kind == "view"]
    schemas = [one for one in found if one.kind == "schema"]
    drops = [sql.SQL("DROP VIEW {}").format(sql.Identifier(one.schema, one.name)) for one in views]
    drops += [sql.SQL("DROP SCHEMA {}").format(sql.Identifier(one.name)) for one in schemas]
    if drops:
        _run(connection, drops)
        say(f"its views are dropped in {ident(connection.info.dbname)}")
    kept = []
    policies = [one for one in found if one.kind in ("policy", "others")]
    for schema, table in dict.fromkeys((one.schema, one.table) for one in policies):
        some = [one for one in policies if (one.schema, one.table) == (schema, table)]
        stays = next((one for one in some if one.kind == "others" and one.shared), None)
        _run(connection, list(_unsecured(some, keeps=stays is not None)))
        if stays is not None:
            kept.append(
                f"{stays}: policies were added since, and without it they would close the table to others; "
                "decide, then drop it"
            )
        say(f"its row policies are dropped on {qualified(schema, table)}")
    return kept


def _unsecured(some: Sequence[Left], *, keeps: bool) -> Iterator[sql.Composed]:
    for one in some:
        table = sql.Identifier(one.schema, one.table)
        if one.kind == "others":
            if keeps:
                continue
            yield sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table)
            yield sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(table)
        yield sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(sql.Identifier(one.name), table)


def _session(target: Target, database: str) -> Connection:
    connection = target.connect(database)
    connection.read_only = False
    connection.isolation_level = None
    connection.autocommit = True
    for one in _SESSION:
        connection.execute(one)
    return connection


def _run(connection: Connection, statements: Sequence[sql.Composed], *, together: bool = True) -> None:
    """Run them in one transaction, or each in its own; again when a lock was not to be had."""
    for some in [statements] if together else [[one] for one in statements]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with connection.transaction():
                    for one in some:
                        connection.execute(one)
                break
            except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject) as error:
                # dropped by somebody else meanwhile
                if attempt == _ATTEMPTS:
                    raise ApplyStopped(_stopped(some, error, connection)) from None
                some = some[:0] if len(some) == 1 else some
            except psycopg.Error as error:
                if attempt == _ATTEMPTS or not passes(error):
                    raise ApplyStopped(_stopped(some, error, connection)) from None
            time.sleep(_PAUSE_SECONDS)


def _stopped(some: Sequence[sql.Composed], error: psycopg.Error, connection: Connection) -> str:
    first = some[0].as_string(connection) if some else "a statement"
    return f"{first}: {refusal(error)}; the role cannot log in: run it again once that is settled"
