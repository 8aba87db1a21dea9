"""Many tables: with PGGUARD_LONG=1 a hundred thousand, else a bounded number."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg

from bench.cluster import populate
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.snapshot_file import load, save
from tests.snapshots import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

TABLES = 100_000 if os.environ.get("PGGUARD_LONG") else 1_000


def test_many_tables_are_read_whole(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = new_cluster(settings={"max_locks_per_transaction": "512"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        populate(connection, roles=TABLES // 10, tables=TABLES, columns=TABLES * 4, grants=TABLES * 2)
    snapshot = read_snapshot(Target(cluster.dsn()))
    (here,) = snapshot.inspected
    tables = [row for row in here.relations if row.kind == "r"]
    assert len(tables) == TABLES
    numbers = {row.oid for row in tables}
    assert sum(row.relation in numbers for row in here.columns) == TABLES * 4
    entries = sum(len(here.grants(row.acl)) for row in tables)
    owners = len({grant.privilege for grant in here.grants(tables[0].acl) if grant.grantee == "postgres"})
    # the owner's own privileges aside, two groups hold something on each
    assert entries - TABLES * owners >= TABLES * 2
    assert len(snapshot.roles) >= TABLES // 10
    save(snapshot, tmp_path / "snapshot.json")
    assert differences(load(tmp_path / "snapshot.json"), snapshot, ignore=()) == {}
