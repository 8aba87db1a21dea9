"""Inspection writes nothing: the server's own counters, WAL position and log are the witnesses."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.binaries import find_postgres
from pgguard.errors import SetupError
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.script import script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

_COUNTERS = """
    SELECT datname, tup_inserted, tup_updated, tup_deleted, temp_files, temp_bytes, xact_commit
    FROM pg_stat_database WHERE datname IS NOT NULL ORDER BY datname
"""
_READS = re.compile(
    r"(SELECT|WITH|SET LOCAL|BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY|SAVEPOINT|ROLLBACK|RELEASE)\b"
)


def busy(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE patient (nir text PRIMARY KEY);"
            "CREATE VIEW v AS SELECT * FROM patient WHERE nir <> 'x';"
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'a secret'::text$$;"
            "COMMENT ON TABLE patient IS 'people'"
        )
        connection.execute("VACUUM ANALYZE")
    # reading sets hint bits and prunes pages, which a second look no longer does
    read_snapshot(Target(cluster.dsn()))
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def state(cluster: Cluster) -> tuple[dict[str, tuple[Any, ...]], Any]:
    # sessions report their counters when they end, at the latest
    time.sleep(1.2)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        counters = {row[0]: row[1:] for row in connection.execute(_COUNTERS)}
        (position,) = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone() or (None,)
    return counters, position


def looked_at_by_pgguard(cluster: Cluster, tmp_path: Path) -> None:
    read_snapshot(Target(cluster.dsn()))


def looked_at_by_psql(cluster: Cluster, tmp_path: Path) -> None:
    try:
        psql = find_postgres().psql
    except SetupError:
        psql = None
    if psql is None:
        pytest.skip("no psql is installed")
    (tmp_path / "script.sql").write_text(script())
    where = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]
    done = subprocess.run(
        [psql, "-XAt", *where, "-f", tmp_path / "script.sql"],
        capture_output=True,
        check=False,
        env=find_postgres().environment(),
    )
    assert b'{"end": true}' in done.stdout


@pytest.mark.parametrize("look", [looked_at_by_pgguard, looked_at_by_psql])
def test_no_counter_of_writes_moves_and_no_wal_is_written(
    new_cluster: Callable[..., Cluster], tmp_path: Path, look: Callable[[Cluster, Path], None]
) -> None:
    cluster = new_cluster(settings={"autovacuum": "off", "wal_level": "replica", "checkpoint_timeout": "1h"})
    busy(cluster)
    look(cluster, tmp_path)
    before, position = state(cluster)
    look(cluster, tmp_path)
    after, later = state(cluster)
    assert {name: row[:5] for name, row in after.items()} == {name: row[:5] for name, row in before.items()}
    assert later == position


@pytest.mark.parametrize("look", [looked_at_by_pgguard, looked_at_by_psql])
def test_the_log_shows_nothing_but_reading(
    new_cluster: Callable[..., Cluster], tmp_path: Path, look: Callable[[Cluster, Path], None]
) -> None:
    cluster = new_cluster()
    busy(cluster)
    cluster.set(log_statement="all", log_line_prefix="")
    cluster.reload()
    marker = cluster.log.stat().st_size
    look(cluster, tmp_path)
    log = cluster.log.read_bytes()[marker:].decode()
    logged = re.findall(r"^LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", log, re.MULTILINE)
    # the statement begins after the comments of its file
    statements = [re.sub(r"^(?:\s*--[^\n]*\n)*\s*", "", text.replace("\n\t", "\n")) for text in logged]
    assert len(statements) > 80
    assert {text[:80] for text in statements if not _READS.match(text)} <= {"set client_encoding to 'UTF8'"}
    assert [text for text in statements if "COMMIT" in text] == []


def test_a_write_in_the_session_is_refused_by_the_server(cluster: Cluster) -> None:
    connection = Target(cluster.dsn()).connect()
    try:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE never (a int)")
    finally:
        connection.close()
