"""Ways to write to a table through views, rules and relatives, against real statements of every login."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis import catalog, routes
from pgguard.analysis.privileges import may_name
from pgguard.server.read import read_open
from tests.analysis.random_privileges import NAMES, Maker, quoted

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

ROUNDS = 60 if os.environ.get("PGGUARD_LONG") else 3
VIEWS = ("v1", "v2", "v3", "v4")
# what is written, and how one tries it; a refusal by row or by type is no refusal of the right
_STATEMENTS = {
    ("INSERT", "a"): "INSERT INTO {0} (a) VALUES ('z')",
    ("UPDATE", "a"): "UPDATE {0} SET a = 'z'",
    ("DELETE", ""): "DELETE FROM {0}",
}


class Scene(Maker):
    """A partitioned table, views upon views of it, rules, a function and a trigger that write to it."""

    def build(self) -> None:
        self._roles()
        self.attempt("CREATE SCHEMA x")
        self.attempt("CREATE TABLE x.t (a text, b text) PARTITION BY LIST (a)")
        self.attempt("CREATE TABLE x.part PARTITION OF x.t FOR VALUES IN ('z', 'y')")
        for number, name in enumerate(VIEWS):
            source = self.dice.choice(["x.t", "x.t", "x.part", *(f"x.{one}" for one in VIEWS[:number])])
            query = self.dice.choice(
                [
                    f"SELECT a, b FROM {source}",
                    f"SELECT b, a FROM {source}",
                    f"SELECT a FROM {source}",
                    f"SELECT lower(a) AS a, b FROM {source}",
                    f"SELECT DISTINCT a, b FROM {source}",
                ]
            )
            invoker = " WITH (security_invoker)" if self.major >= 15 and self.often(0.4) else ""
            self.attempt(f"CREATE VIEW x.{name}{invoker} AS {query}")
            if self.often(0.7):
                self.attempt(f"ALTER VIEW x.{name} OWNER TO {self.role()}")
        self.attempt("CREATE TABLE x.r1 (a text, b text)")
        self.attempt("CREATE TABLE x.r2 (a text, b text)")
        self.attempt(
            "CREATE RULE r AS ON INSERT TO x.r1 DO ALSO INSERT INTO x.t (a, b) VALUES (new.a, new.b)"
        )
        self.attempt("CREATE RULE r AS ON UPDATE TO x.r2 DO INSTEAD DELETE FROM x.t")
        self._functions()
        for name in ("t", "part", "r1", "r2", "r3"):
            self.attempt(f"ALTER TABLE x.{name} OWNER TO {self.role()}")
        for _ in range(40):
            self._open()

    def _functions(self) -> None:
        insert = "INSERT INTO x.t (a) VALUES (''z'')"
        self.attempt("CREATE TABLE x.r3 (a text)")
        self.attempt(f"CREATE FUNCTION x.w() RETURNS void LANGUAGE sql SECURITY DEFINER AS '{insert}'")
        self.attempt(
            "CREATE FUNCTION x.fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
            f"'BEGIN {insert}; RETURN NEW; END'"
        )
        self.attempt("REVOKE EXECUTE ON FUNCTION x.w() FROM PUBLIC")
        self.attempt("CREATE TRIGGER fires BEFORE INSERT ON x.r3 FOR EACH ROW EXECUTE PROCEDURE x.fired()")
        for name in ("w", "fired"):
            self.attempt(f"ALTER FUNCTION x.{name}() OWNER TO {self.role()}")

    def _open(self) -> None:
        self.attempt(f"GRANT EXECUTE ON FUNCTION x.w() TO {self.grantee()}")
        name = self.dice.choice(["t", "part", "r1", "r2", "r3", *VIEWS])
        what = self.dice.choice(["INSERT", "UPDATE", "DELETE", "INSERT (a)", "UPDATE (a)"])
        self.attempt(f"GRANT {what} ON x.{name} TO {self.grantee()}")
        self.attempt(f"GRANT USAGE ON SCHEMA x TO {self.grantee()}")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_ways_to_write_are_those_that_work(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        scene = Scene(connection, random.Random(f"writes {number}"))  # noqa: S311
        scene.build()
        snapshot = read_open(connection)
        database = snapshot.inspected[0]
        wrong = []
        for (privilege, column), statement in _STATEMENTS.items():
            said = _said(snapshot, database, privilege, column)
            for name in (one for one in ("part", *VIEWS) if catalog.relation_named(database, "x", one)):
                for role in NAMES:
                    truth = _works(connection, role, statement.format(f"x.{name}"))
                    if truth != ((f"x.{name}", role) in said):
                        wrong.append(f"{privilege} on x.{name} by {role}: the server says {truth}")
        for name, privilege, statement in (
            ("r1", "INSERT", "INSERT INTO x.r1 (a) VALUES ('z')"),
            ("r2", "DELETE", "UPDATE x.r2 SET a = 'z'"),
            ("r3", "INSERT", "INSERT INTO x.r3 (a) VALUES ('z')"),
            ("w()", "INSERT", "SELECT x.w()"),
        ):
            # the function and the trigger name one column, as a column's grant would allow
            said = _said(snapshot, database, privilege, "a" if name in ("r3", "w()") else "")
            for role in NAMES:
                truth = _works(connection, role, statement)
                if truth != ((f"x.{name}", role) in said):
                    wrong.append(f"{privilege} by way of x.{name} by {role}: the server says {truth}")
        connection.rollback()
    assert wrong == []


def _said(
    snapshot: Snapshot, database: DatabaseSnapshot, privilege: str, column: str
) -> set[tuple[str, str]]:
    table = catalog.relation_named(database, "x", "t")
    assert table is not None
    found = catalog.column_named(database, table.oid, column) if column else None
    numbers = frozenset({found.number}) if found else frozenset[int]()
    return {
        (route.thing.whole, role)
        for route in routes.to_columns(snapshot, database, table, numbers, privilege)
        for role in NAMES
        if route.lets(snapshot, role) and role in may_name(snapshot, route.thing)
    }


def _works(connection: psycopg.Connection, role: str, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL SESSION AUTHORIZATION {quoted(role)}".encode())
            connection.execute(statement.encode(), prepare=False)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState):
        return False
    except psycopg.errors.FeatureNotSupported:
        # a column that is not one of the table's
        return False
    return True
