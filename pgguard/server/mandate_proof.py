"""The proof of a mandate on the server: what its role reads, against what it was to read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped
from pgguard.model.mandate_scope import Count, beyond
from pgguard.model.quote import ident, qualified
from pgguard.server.mandate_state import become, count_in, quiet, rows
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.mandate_scope import Scope
    from pgguard.server.connect import Target
    from pgguard.server.mandate_state import Connection


class Proof(NamedTuple):
    """What was seen: why it does not hold (empty: it holds), rows by table, and whether rows were counted as
    the role itself. Where the login may not act as the role, only its privileges were looked at."""

    reasons: tuple[str, ...]
    counts: tuple[Count, ...]
    as_role: bool


def prove(target: Target, scope: Scope, *, timeout_seconds: int = 0) -> Proof:
    """Hold what the mandate's role may do in every database against the scope.

    In one snapshot the rows that it sees are counted and compared with those that the condition finds.
    Raises `ConnectError`, and `ApplyStopped` for what cannot be looked at.
    """
    role = scope.mandate.role
    reasons: list[str] = []
    with closing(target.connect(scope.database)) as connection:
        quiet(connection, timeout_seconds)
        reasons += [f"{ident(role)}: {one[0]}" for one in rows(connection, "role", (role,))]
        databases = [str(name) for name, enters in rows(connection, "databases", (role,)) if enters]
        if scope.database not in databases:
            reasons.append(f"{ident(role)} may not connect to {ident(scope.database)}")
        if reasons:
            return Proof(tuple(reasons), (), as_role=False)
        reasons += _rights(connection, scope, home=True)
        counts = count_in(connection, scope)
        reasons += beyond(scope.mandate, counts)
        as_role = become(connection, role)
        if as_role:
            reasons += _seen(connection, scope, counts)
    for name in databases:
        if name != scope.database:
            with closing(target.connect(name)) as connection:
                quiet(connection, timeout_seconds)
                reasons += _rights(connection, scope, home=False)
    return Proof(tuple(reasons), tuple(counts), as_role)


def _rights(connection: Connection, scope: Scope, *, home: bool) -> Iterator[str]:
    role, here = scope.mandate.role, ident(connection.info.dbname)
    told = {one.name for one in scope.doors}
    wanted = {
        (*table.source(scope.mandate.name), column)
        for table in (scope.tables if home else ())
        for column in table.columns
    }
    found = set()
    for schema, relation, column, right, named in rows(connection, "readable", (role,)):
        if right == "SELECT" and (schema, relation, column) in wanted:
            if named:
                found.add((schema, relation, column))
        elif f"{qualified(schema, relation)} in database {here}" not in told:
            what = qualified(schema, relation, column) if column else qualified(schema, relation)
            yield f"{ident(role)} has {right} on {what} in database {here}"
    for schema, relation, column in sorted(wanted - found):
        yield f"{ident(role)} cannot read {qualified(schema, relation, column)}"
    for kind, name in rows(connection, "beyond", (role,)):
        if f"{name} in database {here}" not in told:
            yield f"{ident(role)} reaches {kind} {name} in database {here}"


def _seen(connection: Connection, scope: Scope, counts: Sequence[Count]) -> Iterator[str]:
    for table, count in zip(scope.tables, counts, strict=True):
        source = qualified(*table.source(scope.mandate.name))
        # all columns at once, so that each of them is asked for
        seeing = f"SELECT pg_catalog.count(*) FROM (SELECT {table.listed} FROM {source} OFFSET 0) AS seen"  # noqa: S608
        try:
            row = connection.execute(seeing.encode()).fetchone()
        except psycopg.Error as error:
            msg = f"{ident(scope.mandate.role)} cannot read {source}: {refusal(error)}"
            raise ApplyStopped(msg) from None
        seen = int(row[0]) if row else 0
        if seen != count.rows:
            yield f"{source}: the role sees {seen} rows, and the mandate is about {count.rows}"
