"""Real servers for the tests: one shared cluster a run, others where a test needs its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.binaries import Postgres

# the shared cluster, when it runs, and what was in it
_SHARED: list[tuple[Cluster, list[str]]] = []
MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None


@pytest.fixture(scope="session", autouse=True)
def _no_pg_variables() -> None:
    for name in [name for name in os.environ if name.startswith("PG") and not name.startswith("PGGUARD")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    return find_postgres(MAJOR, progress=lambda text: print(text, file=sys.stderr))


@pytest.fixture(scope="session")
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    """The shared cluster with a database lab; tests leave it as they found it."""
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
        _SHARED.append((running, _globals(running)))
        yield running
        _SHARED.clear()


@pytest.fixture(scope="module", autouse=True)
def _shared_cluster_is_left_as_found() -> Iterator[None]:
    """What a module left behind would fail another one, on the day on which that runs after it."""
    yield
    for running, as_found in _SHARED:
        assert _globals(running) == as_found


def _globals(cluster: Cluster) -> list[str]:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        return [
            name
            for (name,) in connection.execute(
                "SELECT 'role ' || rolname FROM pg_roles "
                "UNION ALL SELECT 'database ' || datname FROM pg_database "
                "UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting ORDER BY 1"
            ).fetchall()
        ]


@pytest.fixture
def new_cluster(postgres: Postgres) -> Iterator[Callable[..., Cluster]]:
    """Starts clusters that live until the test ends."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Cluster:
            return stack.enter_context(Cluster.start(postgres, **options))

        yield start


@pytest.fixture
def pgguard(tmp_path: Any) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command as a user would, in an empty directory."""

    def run(
        *arguments: str, text_input: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.run(
            [sys.executable, "-m", "pgguard.cli.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            input=text_input,
            env={**kept, "XDG_CONFIG_HOME": str(tmp_path / "none"), **environment},
        )

    return run
