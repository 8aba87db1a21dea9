"""The SQL of a mandate, applied by plain psql: twice, verified, used, taken back to the same catalog."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.plan.migration import migrations
from pgguard.server.connect import Target
from pgguard.server.mandate_proof import prove
from pgguard.server.read import read_snapshot
from tests.mandates import LABORATORY, ROLE, TABLES, open_scope, plan_of, prepare, write_policy
from tests.snapshots import MOMENT, differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

SECURED = """
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON lab.patient TO PUBLIC USING (true);
ALTER TABLE lab.result OWNER TO owner;
"""
BY_POLICY = TABLES.replace("ceiling = 500", 'ceiling = 500\nform = "policy"')
# sizes that VACUUM and ANALYZE may change behind our back
IGNORED = (*MOMENT, "planner_statistics", "relations")


def _psql(cluster: Cluster, text: str) -> subprocess.CompletedProcess[str]:
    program = str(cluster.postgres.psql or "psql")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [program, "-X", "-v", "ON_ERROR_STOP=1", "-d", cluster.dsn(), "-f", "-"],
        input=text,
        encoding="utf-8",
        capture_output=True,
        check=False,
        env=kept,
    )


def _relations(cluster: Cluster) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.dsn()) as connection:
        return connection.execute(
            "SELECT oid::regclass::text, relkind, relowner::regrole::text, "
            "relrowsecurity, relforcerowsecurity, reloptions, "
            "coalesce(relacl, acldefault('r', relowner))::text FROM pg_class "
            "WHERE relkind IN ('r', 'p', 'v') AND oid >= 16384 ORDER BY oid"
        ).fetchall()


@pytest.mark.parametrize("form", ["view", "policy"])
def test_psql_applies_verifies_and_takes_it_back(
    new_cluster: Callable[..., Cluster], tmp_path: Path, form: str
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        connection.execute("CREATE ROLE owner")
        if form == "policy":
            connection.execute(SECURED)
            connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    policy = write_policy(tmp_path, BY_POLICY if form == "policy" else TABLES)
    scope = prepare(own.dsn(), policy)
    assert scope.refusals == ()
    assert [one.form for one in scope.tables] == [form, form]
    assert [one.encloses for one in scope.tables] == [False, form == "policy"]
    files = migrations(plan_of(scope))
    before = read_snapshot(Target(own.dsn())), _relations(own)
    for one in files:
        assert "does not hold" in _psql(own, one.verify).stderr
        for _ in range(2):
            done = _psql(own, one.up)
            assert done.returncode == 0, done.stderr
        done = _psql(own, one.verify)
        assert done.returncode == 0, done.stderr
    proof = prove(Target(own.dsn()), scope)
    assert proof.reasons == ()
    assert proof.as_role
    assert [one.rows for one in proof.counts] == [20, 182]
    with psycopg.connect(own.dsn(user=ROLE)) as connection:
        seen = [
            len(
                connection.execute(f"SELECT {one.listed} FROM {'.'.join(one.source('migration'))}").fetchall()
            )
            for one in scope.tables
        ]
    assert seen == [20, 182]
    # `open` finds what psql made, and proves it
    assert open_scope(own.dsn(), prepare(own.dsn(), policy)).as_role
    for one in reversed(files):
        for _ in range(2):
            done = _psql(own, one.down)
            assert done.returncode == 0, done.stderr
    assert differences(before[0], read_snapshot(Target(own.dsn())), IGNORED) == {}
    assert _relations(own) == before[1]


def test_a_state_that_was_not_planned_on_is_left_alone(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        scope = prepare(own.dsn(), write_policy(tmp_path))
        connection.execute(f"CREATE ROLE {ROLE} SUPERUSER")
        first, _ = migrations(plan_of(scope))
        assert "not the one that was planned on" in _psql(own, first.up).stderr
        assert connection.execute("SELECT to_regnamespace('mandate_migration')").fetchone() == (None,)


def test_others_go_on_beside_a_mandate(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute(LABORATORY)
        connection.execute("CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA lab TO app")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA lab TO app")
    application = psycopg.connect(own.dsn(user="app"), autocommit=True)
    for form in ("view", "policy"):
        folder = tmp_path / form
        folder.mkdir()
        tables = TABLES.replace('rows = "', f'form = "{form}"\nrows = "')
        scope = prepare(own.dsn(), write_policy(folder, tables))
        assert {one.form for one in scope.tables} == {form}
        files = migrations(plan_of(scope))
        for one in files:
            assert _psql(own, one.up).returncode == 0
        assert application.execute("SELECT count(*) FROM lab.patient").fetchone() == (60,)
        application.execute("INSERT INTO lab.patient (id, name, site) VALUES (900, 'new', 'S1')")
        application.execute("UPDATE lab.patient SET site = 'S2' WHERE id = 900")
        application.execute("INSERT INTO lab.result (id, patient, taken) VALUES (9000, 900, '2024-02-02')")
        assert application.execute("DELETE FROM lab.result WHERE id = 9000").rowcount == 1
        assert application.execute("DELETE FROM lab.patient WHERE id = 900").rowcount == 1
        refused = ""
        try:
            with application.cursor().copy("COPY lab.patient (id, name) FROM STDIN") as data:
                data.write(b"901\tcopied\n")
        except psycopg.Error as error:
            refused = str(error)
        # what the plan says of row security that is switched on
        assert ("COPY FROM not supported" in refused) is (form == "policy")
        assert ("COPY FROM is refused there" in files[0].up) is (form == "policy")
        application.execute("DELETE FROM lab.patient WHERE id = 901")
        for one in reversed(files):
            assert _psql(own, one.down).returncode == 0
    application.close()
