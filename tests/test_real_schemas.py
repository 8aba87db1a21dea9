"""Seven real clinical schemas in one cluster: inspected without error, and without noise."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from pgguard.model.policy import Policy
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests import schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster


@pytest.mark.skipif(not schemas.names(), reason="the column lists of real schemas are not beside the project")
def test_real_schemas_are_inspected_without_error_and_without_noise(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster(hba="local all postgres trust\n")
    columns = sum(schemas.load(cluster, name) for name in schemas.names())
    snapshot = read_snapshot(Target(cluster.dsn()))
    assert sum(len(database.columns) for database in snapshot.inspected) >= columns > 4_000
    report = judge(snapshot, Policy(), today=datetime.date(2026, 11, 24))
    assert [(one.check, one.reason) for one in report.outcomes if "internal error" in one.reason] == []
    # nothing is planted, so one database can have a handful of things to say, not one a table or column
    for name in schemas.names():
        said = [
            (outcome.check, judged.finding.subject.name)
            for outcome in report.outcomes
            for judged in outcome.findings
            if name in (judged.finding.subject.database, judged.finding.subject.name)
        ]
        assert len(said) <= 5, said
