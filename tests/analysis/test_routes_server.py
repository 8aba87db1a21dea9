"""Ways through views, functions and relatives, against real SELECTs of every login."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis import catalog, routes
from pgguard.analysis.named import target
from pgguard.analysis.privileges import holder_names, may_name, of_column
from pgguard.analysis.views import rows_limited
from pgguard.analysis.who_can import who_can
from pgguard.server.read import read_open
from tests.analysis.random_privileges import NAMES, Maker, quoted

if TYPE_CHECKING:
    from pgguard.analysis.routes import Route
    from pgguard.demo.cluster import Cluster
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

ROUNDS = 60 if os.environ.get("PGGUARD_LONG") else 4
VIEWS = ("v1", "v2", "v3", "v4", "v5", "v6")
ROWS = 6


class Scene(Maker):
    """A table in two partitions with row security, views upon views and functions, all with random owners."""

    def build(self) -> None:
        # what each function reads or calls
        self.sources: dict[str, str] = {}
        self._roles()
        self.attempt("CREATE SCHEMA b")
        self.attempt("CREATE SCHEMA x")
        self.attempt("CREATE TABLE b.t (n integer, a text, d text) PARTITION BY LIST (n)")
        self.attempt("CREATE TABLE b.t1 PARTITION OF b.t FOR VALUES IN (1, 2, 3)")
        self.attempt("CREATE TABLE b.t2 PARTITION OF b.t FOR VALUES IN (4, 5, 6)")
        self.attempt(f"INSERT INTO b.t SELECT n, 'a' || n, 'd' || n FROM generate_series(1, {ROWS}) AS n")
        for table in ("b.t", "b.t1"):
            if self.often(0.5):
                self.attempt(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            if self.often(0.4):
                self.attempt(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            for number in range(self.dice.randint(0, 3)):
                condition = self.dice.choice(["true", "false", "n < 2", "true"])
                kind = self.dice.choice(["PERMISSIVE", "PERMISSIVE", "RESTRICTIVE"])
                self.attempt(
                    f"CREATE POLICY p{number} ON {table} AS {kind} TO {self.grantee()} USING ({condition})"
                )
        for _ in range(2):
            self.attempt(f"ALTER TABLE b.t{self.dice.choice(['', '1', '2'])} OWNER TO {self.role()}")
        self._views()
        for number in range(4):
            self._function(number)
        for _ in range(30):
            self._open()

    def _views(self) -> None:
        for number, name in enumerate(VIEWS):
            source = self.dice.choice(["b.t", "b.t", "b.t1", *(f"x.{one}" for one in VIEWS[:number])])
            columns = self.dice.choice(["n, a, d", "n, upper(a) AS a, d", "n, left(a, 1) AS a, a AS d"])
            kind = "MATERIALIZED VIEW" if self.often(0.15) else "VIEW"
            options = ""
            if kind == "VIEW" and self.major >= 15 and self.often(0.4):
                options = " WITH (security_invoker)"
            self.attempt(f"CREATE {kind} x.{name}{options} AS SELECT {columns} FROM {source}")
            if self.often(0.7):
                owner = self.role()
                # a materialized view shows what its owner saw when it was filled
                self.attempt(f"ALTER {kind} x.{name} OWNER TO {owner}")
                self.attempt(f"REFRESH MATERIALIZED VIEW x.{name}")

    def _function(self, number: int) -> None:
        source = self.dice.choice(["b.t", "b.t1", *(f"x.{one}" for one in VIEWS)])
        body = f"SELECT s.a FROM {source} AS s"
        if number and self.often(0.4):
            source = f"x.f{number - 1}"
            body = f"SELECT f FROM {source}() AS f"
        self.sources[f"x.f{number}"] = source
        security = "DEFINER" if self.often(0.7) else "INVOKER"
        language = self.dice.choice(["sql", "plpgsql"])
        text = body if language == "sql" else f"BEGIN RETURN QUERY {body}; END"
        text = f"AS $f$ {text} $f$"
        if language == "sql" and self.major >= 14 and self.often(0.5):
            # a body that has looked its names up already
            text = f"BEGIN ATOMIC {body}; END"
        self.attempt(
            f"CREATE FUNCTION x.f{number}() RETURNS SETOF text LANGUAGE {language} SECURITY {security} "
            f"SET search_path = pg_catalog {text}"
        )
        self.attempt(f"REVOKE EXECUTE ON FUNCTION x.f{number}() FROM PUBLIC")
        if self.often(0.8):
            self.attempt(f"ALTER FUNCTION x.f{number}() OWNER TO {self.role()}")

    def _open(self) -> None:
        table = self.dice.choice(["b.t", "b.t1", "b.t2", *(f"x.{one}" for one in VIEWS)])
        column = self.dice.choice(["", "", " (a)", " (n, a, d)"])
        self.attempt(f"GRANT SELECT{column} ON {table} TO {self.grantee()}")
        self.attempt(f"GRANT USAGE ON SCHEMA {self.dice.choice('bxx')} TO {self.grantee()}")
        self.attempt(f"GRANT EXECUTE ON FUNCTION x.f{self.dice.randint(0, 3)}() TO {self.grantee()}")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_ways_are_those_that_work(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        scene = Scene(connection, random.Random(f"routes {number}"))  # noqa: S311
        scene.build()
        snapshot = read_open(connection)
        database = snapshot.inspected[0]
        table = catalog.relation_named(database, "b", "t")
        assert table is not None
        column = catalog.column_named(database, table.oid, "a")
        assert column is not None
        found = routes.to_columns(snapshot, database, table, frozenset({column.number}), "SELECT")
        said = {**_of_tables(snapshot, database, table), **_through(snapshot, database, found)}
        truth = {**_selects(connection, database, table), **_calls(connection, database, scene)}
        connection.rollback()
    print(f"{len(truth)} ways tried, {sum(1 for one in truth.values() if one is not None)} open")
    assert {name for name, _ in said} <= {name for name, _ in truth}
    stored = {one.thing.name for one in found if any("stored copy" in step.verb for step in one.steps)}
    for key, rows in truth.items():
        assert (key in said) == (rows is not None), (key, rows)
        # who filled a materialized view, and saw what, nobody knows any more
        if rows is not None and key[0] not in stored:
            assert said[key] == (rows < ROWS), (key, rows, said[key])


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_login_gets_there_as_the_answer_says(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        scene = Scene(connection, random.Random(f"answers {number}"))  # noqa: S311
        scene.build()
        snapshot = read_open(connection)
        answer = who_can(snapshot, target(snapshot, "b.t.a", "SELECT"), "SELECT")
        truth = connection.execute(
            "SELECT rolname, has_column_privilege(oid, 'b.t', 'a', 'SELECT') FROM pg_roles WHERE rolcanlogin"
        ).fetchall()
        query = "SELECT a FROM b.t"
        acting = {
            role: {other.name: _rows(connection, role, query, other.name) for other in snapshot.roles}
            for role in NAMES
            if role in {name for name, _ in truth}
        }
        itself = {role: _rows(connection, role, query) for role in acting}
        connection.rollback()
    assert {one.role for one in answer.logins} == {role for role, holds in truth if holds}
    able = {one.role: one.rows_limited for one in answer.logins if not one.obstacles}
    assert {role: able.get(role) for role in acting} == {
        role: None if rows is None else rows < ROWS for role, rows in itself.items()
    }
    by_set_role = {one.role: one.rows_limited for one in answer.by_set_role}
    for role, others in acting.items():
        most = max((rows for rows in others.values() if rows is not None), default=None)
        own = itself[role]
        gains = most is not None and (own is None or (own < ROWS <= most))
        assert by_set_role.get(role) == (most < ROWS if gains and most is not None else None), role


Key = tuple[str, str]


def _of_tables(snapshot: Snapshot, database: DatabaseSnapshot, table: Relation) -> dict[Key, bool | None]:
    column = catalog.column_named(database, table.oid, "a")
    assert column is not None
    thing = of_column(database, table, column)
    names = holder_names(snapshot, thing, "SELECT")
    return {
        ("b.t.a", role): rows_limited(snapshot, database, table, role)
        for role in NAMES
        if role in names and role in may_name(snapshot, thing)
    }


def _through(
    snapshot: Snapshot, database: DatabaseSnapshot, found: tuple[Route, ...]
) -> dict[Key, bool | None]:
    said: dict[Key, bool | None] = {}
    for route in found:
        name = route.thing.name
        if route.function is not None and not route.function.definer:
            # its caller reads for itself: that is no way around, only part of one
            continue
        for role in NAMES:
            if route.lets(snapshot, role) and role in may_name(snapshot, route.thing):
                said[name, role] = bool(said.get((name, role), True)) and route.limited(role)
    return said


def _selects(
    connection: psycopg.Connection, database: DatabaseSnapshot, table: Relation
) -> dict[Key, int | None]:
    """Who gets how many rows of which column that hands out b.t.a; None where it is refused."""
    truth: dict[Key, int | None] = {}
    for relation in database.relations:
        for column in catalog.columns(database, relation.oid):
            handed = _hands_out(database, relation, column.number)
            if not handed:
                continue
            for role in NAMES:
                name = f"{relation.schema}.{relation.name}.{column.name}"
                query = f"SELECT {column.name} FROM {relation.schema}.{relation.name}"
                truth[name, role] = _rows(connection, role, query)
    return truth


def _calls(connection: psycopg.Connection, database: DatabaseSnapshot, scene: Scene) -> dict[Key, int | None]:
    return {
        (f"{name}()", role): _rows(connection, role, f"SELECT {name}()")
        for function in database.functions
        if function.schema == "x" and function.definer
        for name in [f"{function.schema}.{function.name}"]
        if _returns(database, scene, name)
        for role in NAMES
    }


def _returns(database: DatabaseSnapshot, scene: Scene, name: str) -> bool:
    """Whether a function of the scene, or a relation's column a, gives values of b.t.a."""
    if name in scene.sources:
        return _returns(database, scene, scene.sources[name])
    relation = catalog.relation_named(database, *name.split("."))
    return relation is not None and _hands_out(database, relation, 2)


def _hands_out(database: DatabaseSnapshot, relation: Relation, number: int) -> bool:
    """Whether a column shows b.t.a, by following what the scene built."""
    from pgguard.analysis.views import lineage

    if relation.kind not in "vm":
        return number == 2
    return any(
        _hands_out(database, catalog.relations(database)[oid], column)
        for oid, column in lineage(database, relation).outputs[number - 1].origins
    )


def _rows(connection: psycopg.Connection, role: str, query: str, then: str = "") -> int | None:
    """The rows that a login gets, if need be after SET ROLE; None where it is refused."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL SESSION AUTHORIZATION {quoted(role)}".encode())
            if then:
                connection.execute(f"SET LOCAL ROLE {quoted(then)}".encode())
            # a statement that is prepared would look no schema up a second time
            rows = len(connection.execute(query.encode(), prepare=False).fetchall())
            connection.execute("RESET ROLE")
            connection.execute("RESET SESSION AUTHORIZATION")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
        return None
    return rows
