"""A shared login with the same rights on many oddly named objects: few statements, nothing forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.model.plan import Plan
from pgguard.model.policy import Policy
from pgguard.plan.migration import migrations
from pgguard.plan.personal import plan_personal
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests.odd_names import NAMES
from tests.plan.personal.test_phases import _roster
from tests.plan.rights import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.demo.cluster import Cluster
    from pgguard.model.plan import Migration

TABLES = 130
PEOPLE = "Claire Martin,c.martin,,biologist,labo,\nLea Roux,l.roux,,technician,labo,\n"


@pytest.fixture
def ward(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(hba="local all all trust\n")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE labo LOGIN; CREATE ROLE other; CREATE SCHEMA lab")
        tables = [*NAMES, *(f"exam {number}" for number in range(TABLES))]
        for name in tables:
            connection.execute(sql.SQL("CREATE TABLE lab.{} (id int)").format(sql.Identifier(name)))
        for name in NAMES:
            called = sql.Identifier(name)
            connection.execute(
                sql.SQL("CREATE FUNCTION lab.{}(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'").format(
                    called
                )
            )
            connection.execute(sql.SQL("CREATE SEQUENCE lab.{}").format(sql.Identifier(f"{name[:8]} seq")))
        connection.execute(
            "GRANT USAGE ON SCHEMA lab TO labo; REVOKE ALL ON ALL FUNCTIONS IN SCHEMA lab FROM PUBLIC;"
            'GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA lab TO labo; GRANT SELECT ON lab."exam 1" TO other;'
            'GRANT DELETE ON lab."exam 2" TO labo; GRANT SELECT ON lab."exam 3" TO labo WITH GRANT OPTION;'
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lab TO labo;"
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA lab TO labo"
        )
    return cluster


def _files(cluster: Cluster) -> tuple[Migration, ...]:
    snapshot = read_snapshot(Target(cluster.dsn()))
    steps, by_hand = plan_personal(snapshot, _roster(snapshot, PEOPLE), Policy())
    made = Plan(snapshot.target, snapshot.server.version, snapshot.server.now, "postgres", steps, by_hand)
    return migrations(made)


def _run(cluster: Cluster, files: Sequence[Migration], kind: str) -> None:
    for one in files:
        with psycopg.connect(
            cluster.dsn(dbname=one.step.database or "postgres"), autocommit=True
        ) as connection:
            connection.execute(getattr(one, kind).encode())


def _may(cluster: Cluster, role: str) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.dsn()) as connection:
        return connection.execute(
            "SELECT c.oid, privilege, has_table_privilege(%(role)s, c.oid, privilege) FROM pg_class AS c, "
            "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege "
            "WHERE c.relnamespace = 'lab'::regnamespace AND c.relkind = 'r' "
            "UNION ALL SELECT p.oid, 'EXECUTE', has_function_privilege(%(role)s, p.oid, 'EXECUTE') "
            "FROM pg_proc AS p WHERE p.pronamespace = 'lab'::regnamespace "
            "UNION ALL SELECT c.oid, 'USAGE', has_sequence_privilege(%(role)s, c.oid, 'USAGE') "
            "FROM pg_class AS c WHERE c.relnamespace = 'lab'::regnamespace AND c.relkind = 'S' ORDER BY 1, 2",
            {"role": role},
        ).fetchall()


def test_few_statements_give_every_right_and_take_it_back(ward: Cluster) -> None:
    before, wanted = rights(ward, "postgres"), _may(ward, "labo")
    files = _files(ward)
    prepare = [one for one in files if one.step.phase == "prepare"]
    assert sum(len(one.step.changes) for one in prepare) < len(wanted) / 10
    for kind in ("up", "up", "verify"):
        _run(ward, prepare, kind)
    assert _may(ward, "c.martin") == _may(ward, "l.roux") == wanted
    later = [one for one in files if one.step.phase in ("cutover", "cleanup")]
    for kind in ("up", "up", "verify"):
        _run(ward, later, kind)
    assert _may(ward, "c.martin") == wanted
    assert not any(may for _, _, may in _may(ward, "labo"))
    _run(ward, [*reversed(later)], "down")
    _run(ward, [*reversed(prepare)], "down")
    assert rights(ward, "postgres") == before


@pytest.mark.parametrize(
    "moved",
    ['DROP TABLE lab."exam 7"', 'GRANT SELECT ON lab."exam 7" TO biologist', "DROP FUNCTION lab.select"],
)
def test_one_object_that_moved_stops_the_file_before_anything(ward: Cluster, moved: str) -> None:
    files = _files(ward)
    roles, grants = (one for one in files if one.step.phase == "prepare")
    _run(ward, [roles], "up")
    with psycopg.connect(ward.dsn(), autocommit=True) as connection:
        connection.execute(moved.replace("lab.select", 'lab."select"(integer)').encode())
    before = rights(ward, "postgres")
    with pytest.raises(psycopg.errors.RaiseException, match="Nothing was changed"):
        _run(ward, [grants], "up")
    assert rights(ward, "postgres") == before
