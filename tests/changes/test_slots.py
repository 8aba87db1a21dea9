"""A replication slot that nobody reads goes, however often the file is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.expression import split
from pgguard.changes.slots import drop_slot
from pgguard.model.plan import Plan, Step
from pgguard.plan.layouts import LAYOUTS, for_tool
from pgguard.plan.migration import migrations

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster


def test_a_slot_goes_and_running_it_again_is_harmless(cluster: Cluster) -> None:
    change = drop_slot("left_over")
    version = f"{cluster.postgres.major}.1"
    plan = Plan("here", version, "2026-11-25T20:00:00Z", "postgres", (Step("slots", "S", "why", (change,)),))
    (file,) = migrations(plan)
    assert not file.undoable
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('left_over')")

        def holds() -> tuple[bool, bool]:
            row = connection.execute(f"SELECT {change.planned}, {change.done}".encode()).fetchone()
            assert row is not None
            return row[0], row[1]

        assert holds() == (True, False)
        for _ in range(2):
            for statement in split(file.up):
                connection.execute(statement.encode())
            assert holds() == (False, True)
        connection.execute(file.verify.encode())
        for statement in split(file.down):
            connection.execute(statement.encode())
    assert all(for_tool(plan, (file,), layout) for layout in LAYOUTS)
