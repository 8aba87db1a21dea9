"""Every fix that SQL can make, on a real server: applied, the check is silent; undone, it fires again.

Runs over the blocks of tests/checks/*.sql that fire, each in a transaction that is rolled back.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.checks import check
from pgguard.report.judge import judge
from pgguard.server.read import read_open
from pgguard.store.policy_file import parse
from tests.checks.blocks import Block
from tests.checks.test_checks import BLOCKS, run

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change, Finding

# no SQL mends what lies in a folder
FIRING = [
    block for block in BLOCKS if block.outcome == "fires" and not block.own_cluster and not block.folder
]


@pytest.mark.parametrize("block", FIRING, ids=str)
def test_the_fix_silences_the_check_and_its_undo_brings_it_back(block: Block, cluster: Cluster) -> None:
    low, high = block.versions
    if not low <= cluster.postgres.major <= high:
        pytest.skip(f"holds for PostgreSQL {low} to {high}")
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        run(connection, block)
        before = _findings(block, connection)
        fixed = [one for one in before if one.fix and all(_is_transactional(change) for change in one.fix)]
        changes = [change for one in fixed for change in one.fix]
        for change in changes:
            _hold(connection, change, planned=True, done=False)
            connection.execute(change.sql.encode())
            _hold(connection, change, planned=False, done=True)
        after = _findings(block, connection)
        left = {one.subject for one in after} & {one.subject for one in fixed}
        assert left == set(), [one.evidence for one in after]
        if all(change.undo for change in changes):
            for change in reversed(changes):
                connection.execute(change.undo.encode())
                _hold(connection, change, planned=True, done=False)
            assert _said(_findings(block, connection)) == _said(before)
        connection.rollback()


def _hold(connection: psycopg.Connection, change: Change, *, planned: bool, done: bool) -> None:
    """The server's catalog looks as the change says that it looks before and after it."""
    # pg_statistic is for superusers only; the look-ups are for everybody
    is_seen = not re.search(r"pg_statistic |pg_clear_attribute_stats|COMMENT ON AGGREGATE", change.sql)
    assert bool(change.planned) == bool(change.done) == is_seen, change
    if is_seen:
        # as the files of a plan have it: what the server prints depends on it
        connection.execute("SAVEPOINT hold; SET LOCAL search_path = ''")
        row = connection.execute(f"SELECT {change.planned}, {change.done}".encode()).fetchone()
        connection.execute("ROLLBACK TO SAVEPOINT hold")
        assert row == (planned, done), change


def test_a_database_closed_to_public_stays_open_to_those_who_work_in_it(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE TABLE public.patient (nir text, nom text)")
        connection.execute("CREATE ROLE app; GRANT SELECT ON public.patient TO app")
        connection.execute("CREATE ROLE watcher; GRANT pg_monitor TO watcher; CREATE ROLE stranger")
        for one in _findings(Block("grant_public_database.sql", 0, "fires"), connection):
            for change in one.fix:
                connection.execute(change.sql.encode())
        names = "SELECT rolname FROM pg_roles WHERE has_database_privilege(oid, 'lab', 'CONNECT')"
        rows = {name for (name,) in connection.execute(names)}
        assert {"app", "watcher"} <= rows
        assert "stranger" not in rows
        connection.rollback()


def test_a_schema_left_out_of_a_search_path_is_said_first(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE ROLE app LOGIN; CREATE SCHEMA clin; GRANT ALL ON SCHEMA clin TO app")
        connection.execute(
            "CREATE FUNCTION clin.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
            " SET search_path = clin, pg_temp AS 'SELECT 1::bigint'"
        )
        found = _findings(Block("func_definer_search_path.sql", 0, "fires"), connection)
        assert [change.sql for change in found[0].fix] == [
            "-- first qualify the names in the body that are of clin, or take CREATE there from others",
            "ALTER FUNCTION clin.f() SET search_path = pg_catalog, pg_temp;",
        ]
        connection.rollback()


def _findings(block: Block, connection: psycopg.Connection) -> list[Finding]:
    chosen = check(block.check)
    assert chosen is not None
    # what the reader sets for itself must not be there when it reads the settings again
    connection.execute("SAVEPOINT look")
    if block.inspect_as != "postgres":
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(block.inspect_as)))
    snapshot = read_open(connection)
    connection.execute("ROLLBACK TO SAVEPOINT look")
    policy = parse("\n".join(block.policy), "policy of the block")
    report = judge(snapshot, policy, today=datetime.date(2026, 11, 24), checks=[chosen])
    return [one.finding for one in report.outcomes[0].findings]


def _is_transactional(change: Change) -> bool:
    return change.transactional and not change.sql.startswith("--") and change.database in (None, "lab")


def _said(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(one.subject.name, one.evidence) for one in findings}
