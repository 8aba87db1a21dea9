"""What was prepared before an encryption goes on as the plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.encryption import EncryptedColumn
from tests.encryption.phases import planned, unlocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster


def test_only_a_prepared_star_fails_and_the_plan_says_so(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA lab; CREATE TABLE lab.t (id int PRIMARY KEY, v text);"
            "INSERT INTO lab.t VALUES (1, 'x')"
        )
    phases = planned(cluster, "postgres", {"lab.t": (EncryptedColumn("v"),)})
    phases.install()
    with unlocked(phases.dsn) as program:
        program.execute("PREPARE star AS SELECT * FROM lab.t")
        program.execute("PREPARE named AS SELECT id, v FROM lab.t")
        for phase, fails in (("expand", True), ("backfill", True), ("verify", True), ("switch", False)):
            phases.up(phase)
            assert program.execute("EXECUTE named").fetchall() == [(1, "x")]
            if fails:
                with pytest.raises(psycopg.errors.FeatureNotSupported, match="must not change result type"):
                    program.execute("EXECUTE star")
            else:
                assert program.execute("EXECUTE star").fetchall() == [(1, "x")]
    assert any("cached plan must not change result type" in text for text in phases.by_hand)
