"""The files that move blind indexes to another key, for tables that are encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.model.plan import Plan
from pgguard.plan import folder
from pgguard.plan.encryption import plan_reindexing
from pgguard.plan.migration import migrations
from pgguard.server.applying import cluster_identity
from pgguard.server.blind_indexes import read_outdated
from pgguard.server.connect import Target
from tests.encryption.phases import KEK, Phases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

UP = ("index-expand", "index-backfill", "index-verify", "index-switch", "index-soak", "index-contract")


def new_index_key(cluster: Cluster, database: str, group: str = "main") -> int:
    """A new index key that waits to be used, as `pgguard keys rotate --index` makes it."""
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        made = connection.execute("SELECT pgguard.new_key(%b, %s, 'index', 'next')", (KEK, group)).fetchone()
    assert made is not None
    return int(made[0])


def reindexing(
    cluster: Cluster,
    database: str,
    *,
    tables: Sequence[str] = (),
    at_once: bool = True,
    path: Path | None = None,
) -> Phases:
    """The plan for the indexes that are made with an old key now; written to a folder when one is given."""
    target = Target(cluster.dsn())
    steps, by_hand = plan_reindexing(read_outdated(target, [database], tables), at_once=at_once)
    plan = Plan(
        "test",
        cluster.postgres.version,
        "2026-11-25T08:00:00Z",
        "postgres",
        steps,
        by_hand,
        cluster=cluster_identity(target),
    )
    files = migrations(plan)
    if path is not None:
        folder.write(path, plan, files)
    return Phases(cluster, database, files, by_hand)
