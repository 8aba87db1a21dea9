"""Access that moved between two snapshots: the server's own answers and who-can's, on random changes."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis import catalog
from pgguard.analysis.drift.comparison import compared
from pgguard.analysis.drift.reach import Parts
from pgguard.analysis.drift.shifts import Found, Level, in_cluster, in_database
from pgguard.analysis.named import target
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.who_can import who_can
from pgguard.model.policy import Policy
from pgguard.model.quote import ident
from pgguard.server.read import read_open
from tests.analysis.random_privileges import NAMES, Maker, quoted
from tests.analysis.test_routes_server import VIEWS, Scene

if TYPE_CHECKING:
    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

EVERY_DAY = 3
ROUNDS = 60 if os.environ.get("PGGUARD_LONG") else EVERY_DAY
Key = tuple[str, str]
Truth = dict[Key, frozenset[str]]
Levels = dict[Key, dict[str, Level]]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_moved_is_what_the_server_answers_otherwise(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        maker = Maker(connection, random.Random(f"drift privileges {number}"))  # noqa: S311
        maker.make()
        before, was = read_open(connection), _holders(connection)
        for _ in range(12):
            maker._grant()
            maker._revoke()
        for _ in range(2):
            maker._membership(maker.role(), maker.role())
            maker.attempt(f"REVOKE {maker.role()} FROM {maker.role()}")
        maker.attempt("CREATE TABLE public.added AS SELECT 1 AS one")
        maker.attempt(f"DROP TABLE {quoted(maker.dice.choice(['s', 'public']))}.u")
        after, now = read_open(connection), _holders(connection)
        connection.rollback()
    comparison, found = _found(before, after)
    apart = _with_own_grants(comparison)
    said: dict[Key, tuple[frozenset[str], frozenset[str]]] = {}
    for part in found:
        for shift in part.holding:
            said |= {(name, shift.privilege): (shift.gained, shift.lost) for name in shift.names}
    wrong, moved = [], 0
    for key in {*was, *now}:
        gained = now.get(key, frozenset()) - was.get(key, frozenset())
        lost = was.get(key, frozenset()) - now.get(key, frozenset())
        name, privilege = key
        table = ".".join(_parts(name)[:2])
        here = said.get(key)
        if here is None and len(_parts(name)) == 3 and name not in apart:
            here = said.get((table, privilege))
        moved += len(gained) + len(lost)
        if (here or (frozenset(), frozenset())) != (gained, lost):
            wrong.append((key, here, gained, lost))
    print(f"{len({*was, *now})} objects and privileges, {moved} answers changed")
    assert moved > len(NAMES)
    assert wrong == []
    # what is of the system is there only once its grants were changed; some kinds are not asked of here
    unasked = ("pg_catalog.", "parameter ", "large objects of ")
    assert {key for key in said if not key[0].startswith(unasked)} <= {*was, *now}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_logins_that_moved_are_those_of_who_can(number: int, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        scene = Scene(connection, random.Random(f"drift routes {number}"))  # noqa: S311
        scene.build()
        before = read_open(connection)
        for _ in range(8):
            _change(scene)
        after = read_open(connection)
        connection.rollback()
    was, now = _levels(before), _levels(after)
    _, found = _found(before, after)
    said: dict[Key, dict[str, tuple[Level, Level]]] = {}
    for shift in found[1].shifts:
        for name in shift.names:
            moved = said.setdefault((name, shift.privilege), {})
            assert not shift.logins & moved.keys(), "a login moves once"
            moved.update(dict.fromkeys(shift.logins, (shift.was, shift.now)))
    people = {one.name for snapshot in (before, after) for one in snapshot.roles if one.login}
    kinds: Counter[tuple[Level, Level]] = Counter()
    for key in was.keys() & now.keys():
        whole = said.get((".".join(_parts(key[0])[:2]), key[1]), {})
        for login in people:
            expected = (
                was[key].get(login, Level.NOTHING),
                now[key].get(login, Level.NOTHING),
            )
            own = said.get(key, {}).get(login)
            if expected[0] == expected[1]:
                assert own is None, (key, login, own)
            else:
                kinds[expected] += 1
                assert (own or whole.get(login)) == expected, (key, login, own, whole.get(login), expected)
    print(f"{sum(kinds.values())} moves of {len(kinds)} kinds")
    # one round in twenty changes nothing; the three of every day do
    assert kinds or number >= EVERY_DAY


def _change(scene: Scene) -> None:
    dice = scene.dice
    view = f"x.{dice.choice(VIEWS)}"
    match dice.randint(0, 11):
        case 0 | 1 | 2:
            scene._open()
        case 3:
            scene.attempt(f"REVOKE SELECT ON {view} FROM {scene.grantee()}")
        case 4:
            scene._membership(scene.role(), scene.role())
        case 5:
            scene.attempt(f"REVOKE {scene.role()} FROM {scene.role()}")
        case 6:
            scene.attempt(f"ALTER VIEW {view} OWNER TO {scene.role()}")
        case 7:
            scene.attempt(f"CREATE OR REPLACE VIEW {view} AS SELECT n, d AS a, d FROM b.t2")
        case 8:
            scene.attempt(f"ALTER TABLE b.t {dice.choice(['ENABLE', 'DISABLE'])} ROW LEVEL SECURITY")
            scene.attempt(f"CREATE POLICY late ON b.t TO {scene.grantee()} USING (true)")
        case 9:
            scene.attempt(f"ALTER ROLE {scene.role()} {dice.choice(['BYPASSRLS', 'SUPERUSER', 'NOLOGIN'])}")
        case 10:
            number = dice.randint(0, 3)
            scene.attempt(f"ALTER FUNCTION x.f{number}() SECURITY {dice.choice(['DEFINER', 'INVOKER'])}")
            scene.attempt(f"ALTER FUNCTION x.f{number}() OWNER TO {scene.role()}")
        case 11:
            scene.attempt(f"REVOKE USAGE ON SCHEMA {dice.choice('bx')} FROM {scene.grantee()}")
            scene.attempt(f"GRANT UPDATE (a), DELETE, INSERT ON {view} TO {scene.role()}")


def _found(before: Snapshot, after: Snapshot) -> tuple[Comparison, tuple[Found, Found]]:
    comparison = compared(before, after, Policy())
    (pair,) = comparison.pairs
    parts = Parts(routes=True, row_security=True)
    return comparison, (in_cluster(comparison), in_database(comparison, pair, parts))


def _with_own_grants(comparison: Comparison) -> set[str]:
    """The columns that have an ACL on one side, so that their table does not speak for them."""
    found = set()
    for side in comparison.pairs[0]:
        for relation in side.relations:
            found |= {
                f"{relation_name(relation)}.{ident(one.name)}"
                for one in catalog.columns(side, relation.oid)
                if one.acl
            }
    return found


def _levels(snapshot: Snapshot) -> Levels:
    """How far every login gets with everything in the scene, by who-can."""
    database = snapshot.inspected[0]
    asked: list[Key] = []
    for relation in database.relations:
        if relation.schema in ("b", "x"):
            name = relation_name(relation)
            asked += [(name, "INSERT"), (name, "UPDATE"), (name, "DELETE"), (name, "TRUNCATE")]
            asked += [
                (f"{name}.{ident(column.name)}", privilege)
                for column in catalog.columns(database, relation.oid)
                for privilege in ("SELECT", "UPDATE")
            ]
    asked += [(function_name(one), "EXECUTE") for one in database.functions if one.schema == "x"]
    found: Levels = {}
    for name, privilege in asked:
        answer = who_can(snapshot, target(snapshot, name, privilege), privilege)
        levels: dict[str, Level] = {}
        for reach in (*answer.logins, *answer.by_set_role, *answer.by_view_or_function):
            level = Level.HELD if reach.obstacles else Level.PART if reach.rows_limited else Level.WHOLE
            levels[reach.role] = max(level, levels.get(reach.role, Level.NOTHING))
        found[name, privilege] = levels
    return found


def _parts(name: str) -> list[str]:
    """The parts of a dotted name, quoted ones whole."""
    parts, quoting = [""], False
    for letter in name:
        quoting ^= letter == '"'
        if letter == "." and not quoting:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


_ASK: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "table": (
        "SELECT o.oid, format('%I.%I', n.nspname, o.relname) FROM pg_class AS o"
        " JOIN pg_namespace AS n ON n.oid = o.relnamespace"
        " WHERE o.relkind IN ('r', 'v', 'm', 'p') AND o.oid >= 16384 AND n.nspname !~ '^pg_|information'",
        "has_table_privilege(r.oid, o.oid, %s)",
        ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    ),
    "column": (
        "SELECT o.attrelid AS oid, format('%I.%I.%I', n.nspname, c.relname, o.attname), o.attnum"
        " FROM pg_attribute AS o JOIN pg_class AS c ON c.oid = o.attrelid"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm', 'p') AND c.oid >= 16384 AND o.attnum > 0"
        " AND n.nspname !~ '^pg_|information'",
        "has_column_privilege(r.oid, o.oid, o.attnum, %s)",
        ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
    ),
    "sequence": (
        "SELECT o.oid, format('%I.%I', n.nspname, o.relname) FROM pg_class AS o"
        " JOIN pg_namespace AS n ON n.oid = o.relnamespace WHERE o.relkind = 'S'",
        "has_sequence_privilege(r.oid, o.oid, %s)",
        ("USAGE", "SELECT", "UPDATE"),
    ),
    "function": (
        "SELECT o.oid, format('%I.%I(%s)', n.nspname, o.proname, oidvectortypes(o.proargtypes))"
        " FROM pg_proc AS o JOIN pg_namespace AS n ON n.oid = o.pronamespace WHERE o.oid >= 16384",
        "has_function_privilege(r.oid, o.oid, %s)",
        ("EXECUTE",),
    ),
    "schema": (
        "SELECT o.oid, format('schema %I', o.nspname) FROM pg_namespace AS o"
        " WHERE o.nspname !~ '^pg_|information'",
        "has_schema_privilege(r.oid, o.oid, %s)",
        ("USAGE", "CREATE"),
    ),
    "database": (
        "SELECT o.oid, format('database %I', o.datname) FROM pg_database AS o",
        "has_database_privilege(r.oid, o.oid, %s)",
        ("CONNECT", "CREATE", "TEMPORARY"),
    ),
    "tablespace": (
        "SELECT o.oid, format('tablespace %I', o.spcname) FROM pg_tablespace AS o",
        "has_tablespace_privilege(r.oid, o.oid, %s)",
        ("CREATE",),
    ),
    "wrapper": (
        "SELECT o.oid, format('foreign data wrapper %I', o.fdwname) FROM pg_foreign_data_wrapper AS o",
        "has_foreign_data_wrapper_privilege(r.oid, o.oid, %s)",
        ("USAGE",),
    ),
    "language": (
        "SELECT o.oid, format('language %I', o.lanname) FROM pg_language AS o"
        " WHERE o.lanname NOT IN ('internal', 'c', 'sql')",
        "has_language_privilege(r.oid, o.oid, %s)",
        ("USAGE",),
    ),
    "server": (
        "SELECT o.oid, format('foreign server %I', o.srvname) FROM pg_foreign_server AS o",
        "has_server_privilege(r.oid, o.oid, %s)",
        ("USAGE",),
    ),
}


def _holders(connection: psycopg.Connection[Any]) -> Truth:
    """Who has what, by the server's own functions."""
    found: dict[Key, set[str]] = {}
    maintained = connection.info.server_version >= 170000
    for kind, (objects, asks, privileges) in _ASK.items():
        for privilege in (*privileges, *(("MAINTAIN",) if kind == "table" and maintained else ())):
            query = (
                f"SELECT o.name, r.rolname FROM ({objects.replace('%', '%%')}) AS o (oid, name"
                f"{', attnum' if 'attnum' in objects else ''}) JOIN pg_roles AS r ON {asks}"
            )
            for name, role in connection.execute(query.encode(), [privilege]).fetchall():
                found.setdefault((name, privilege), set()).add(role)
    return {key: frozenset(names) for key, names in found.items()}
