"""Checks that judge by the minor version, on a real snapshot that is said to be of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.checks import check
from pgguard.model.finding import Severity
from pgguard.model.policy import Policy
from pgguard.model.snapshot import Snapshot
from pgguard.server.read import read_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster


@pytest.fixture(scope="module")
def with_pgcrypto(cluster: Cluster) -> Iterator[Snapshot]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE ROLE c_martin LOGIN")
        connection.execute("CREATE EXTENSION pgcrypto")
        yield read_open(connection)
        connection.rollback()


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        (130023, Severity.CRITICAL),
        (140020, Severity.CRITICAL),
        (140023, Severity.LOW),
        (140024, None),
        (150015, Severity.CRITICAL),
        (150018, Severity.LOW),
        (150019, None),
        (160011, Severity.CRITICAL),
        (170010, Severity.LOW),
        (180001, Severity.CRITICAL),
        (180005, None),
        (190000, None),
    ],
)
def test_pgcrypto_is_judged_by_the_minor_version(
    with_pgcrypto: Snapshot, version: int, severity: Severity | None
) -> None:
    server = with_pgcrypto.server._replace(version_num=version)
    told = Snapshot({**with_pgcrypto._sections, "server_rows": (server,)}, with_pgcrypto.inspected)
    chosen = check("enc-broken-cipher")
    assert chosen is not None
    assert [one.severity for one in chosen.find(told, Policy())] == ([] if severity is None else [severity])
