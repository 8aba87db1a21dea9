"""What the planner keeps, and indexes: planned holds before, done after, for names of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.changes.indexes import drop_index
from pgguard.changes.statistics import clear_statistics, drop_statistics, set_statistics_target
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change

SCHEMA, TABLE, COLUMN, INDEX, STATISTICS = "it's", 'Pa"tient', "N° d'ordre", "an index", "Some Statistics"


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        for statement in (
            f"CREATE SCHEMA {qualified(SCHEMA)}",
            f"CREATE TABLE {qualified(SCHEMA, TABLE)} ({qualified(COLUMN)} integer, other integer)",
            f"INSERT INTO {qualified(SCHEMA, TABLE)} SELECT n % 5, n FROM generate_series(1, 100) AS n",
            f"CREATE INDEX {qualified(INDEX)} ON {qualified(SCHEMA, TABLE)} (({qualified(COLUMN)} + 1))",
            f"CREATE STATISTICS {qualified(SCHEMA, STATISTICS)} ON {qualified(COLUMN)}, other "
            f"FROM {qualified(SCHEMA, TABLE)}",
            f"ANALYZE {qualified(SCHEMA, TABLE)}",
        ):
            connection.execute(statement.encode())
        yield connection
        connection.rollback()


def holds(connection: psycopg.Connection, expression: str) -> bool:
    row = connection.execute(f"SELECT {expression}".encode()).fetchone()
    assert row is not None
    return bool(row[0])


def definition(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "SELECT pg_get_indexdef(to_regclass(%s)::oid)", [qualified(SCHEMA, INDEX)]
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_what_was_planned_is_done_and_undone(connection: psycopg.Connection) -> None:
    changes = [
        set_statistics_target(qualified(SCHEMA, TABLE), COLUMN, 0, -1),
        drop_index(qualified(SCHEMA, INDEX), definition(connection)),
        drop_statistics(qualified(SCHEMA, STATISTICS)),
    ]
    for change in changes:
        assert (holds(connection, change.planned), holds(connection, change.done)) == (True, False), change
        connection.execute(change.sql.encode())
        assert (holds(connection, change.planned), holds(connection, change.done)) == (False, True), change
    undone: list[Change] = [change for change in changes if change.undo]
    for change in reversed(undone):
        connection.execute(change.undo.encode())
        assert (holds(connection, change.planned), holds(connection, change.done)) == (True, False), change


def test_the_index_is_not_made_again_from_a_masked_text() -> None:
    assert drop_index("lab.i", "CREATE INDEX i ON lab.t (f(a, '***'))").undo == ""


def test_what_was_kept_of_a_column_is_gone_and_nothing_else(
    connection: psycopg.Connection, cluster: Cluster
) -> None:
    kept = "SELECT array_agg(staattnum ORDER BY staattnum) FROM pg_statistic WHERE starelid = to_regclass(%s)"
    name = [qualified(SCHEMA, TABLE)]
    before = connection.execute(kept, name).fetchone()
    change = clear_statistics(SCHEMA, TABLE, COLUMN, inherited=False, major=cluster.postgres.major)
    connection.execute(change.sql.encode())
    after = connection.execute(kept, name).fetchone()
    assert (before, after) == (([1, 2],), ([2],))
