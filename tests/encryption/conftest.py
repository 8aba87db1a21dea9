"""A cluster for the databases of one module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pgguard.demo.cluster import Cluster
from pgguard.plan.encryption.refused import OLDEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres


@pytest.fixture(scope="module", autouse=True)
def _not_before(postgres: Postgres) -> None:
    if postgres.major < OLDEST:
        pytest.skip(f"encryption needs PostgreSQL {OLDEST}")


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    """A cluster of a version that can be encrypted, for the databases of this module."""
    with Cluster.start(postgres) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster(running: Cluster) -> Cluster:
    """Not the one that all tests share: the keys' role would stay on it."""
    return running
