"""A database to erase in, rules and holds as a policy has them, and an erasure step by step."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.erasure import by_rules
from pgguard.demo.cluster import Cluster
from pgguard.nightly import erasing
from pgguard.server.connect import Target
from pgguard.server.erase_read import cutoff, dry_run, moment, read_catalog, rows, session
from pgguard.server.erase_run import Eraser
from pgguard.store.erasure_folder import Journal
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres
    from pgguard.model.erasure import Dry, Erasure
    from pgguard.model.erasure_record import ErasureRecord
    from pgguard.model.policy import Policy
    from pgguard.server.erase_run import Took

Admin = psycopg.Connection[tuple[Any, ...]]
OLD, NEW = "2000-01-01", datetime.datetime.now(datetime.UTC).date().isoformat()


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE erasing")
        yield running


@pytest.fixture
def admin(server: Cluster) -> Iterator[Admin]:
    with psycopg.connect(server.dsn(dbname="erasing"), autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute("CREATE SCHEMA lab")
        yield connection
        connection.execute("DROP SCHEMA lab CASCADE")


@pytest.fixture
def target(server: Cluster) -> Target:
    return Target(server.dsn(dbname="erasing"))


def rule(table: str, months: int = 120, age: str = "age", **more: object) -> str:
    lines = ["[[retention]]", f'table = "{table}"', f"months = {months}", f'age_column = "{age}"']
    return "\n".join([*lines, *(f"{name} = {value}" for name, value in more.items())]) + "\n"


def hold(table: str, rows: str) -> str:
    return f'[[hold]]\ntable = "{table}"\nrows = "{rows}"\nreason = "lawsuit"\nowner = "legal"\n'


def policy(*parts: str) -> Policy:
    return parse("\n".join(parts), "policy of the test")


def planned(target: Target, chosen: Policy, **more: Any) -> Erasure:
    with session(target) as connection, moment(connection):
        return by_rules(read_catalog(connection), chosen, cutoff(connection), **more)


def erase(target: Target, chosen: Policy) -> ErasureRecord:
    plan = erasing.plan(target, chosen)
    return erasing.run(target, lambda: chosen, plan, Journal(None))


def batches(target: Target, erasure: Erasure) -> dict[str, Took]:
    """The batches alone, without what comes before and after them."""
    with session(target) as connection:
        rows(connection, "points")
        eraser = Eraser(target, connection, erasure, lambda: erasure.holds)
        return {one.name: eraser.table(one) for one in erasure.works}


def counted(target: Target, erasure: Erasure) -> Dry:
    with session(target) as connection, moment(connection):
        return dry_run(connection, erasure)


def ids(admin: Admin, table: str) -> set[int]:
    return {row[0] for row in admin.execute(f"SELECT id FROM {table}".encode()).fetchall()}
