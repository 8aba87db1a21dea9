"""Many who write at the same time: none fails for the audit, and each change is recorded once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.audit.load import AUDIT, EXPECTED, SCHEMA, Load, recorded, right
from tests.audit.store import install, with_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster

SECONDS = 120 if "PGGUARD_LONG" in os.environ else 2
WRITERS = 8


def _database(cluster: Cluster, name: str, *, audited: bool) -> str:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role in ("app", "lab_owner"):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    dsn = with_store(cluster, name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        if audited:
            connection.execute(AUDIT)
    return dsn


class Meanwhile:
    """What is done to tables and the store while others write, again and again."""

    def __init__(self, dsn: str, *statements: str) -> None:
        self.done: list[str] = []
        self.failed: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(dsn, statements), daemon=True)
        self._thread.start()

    def _run(self, dsn: str, statements: tuple[str, ...]) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '2s'")
            turn = 0
            while not self._ended.is_set():
                for statement in statements:
                    turn += 1
                    try:
                        connection.execute(statement.format(turn=turn).encode())
                        self.done.append(statement)
                    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                        self.failed.append(str(error.sqlstate))
                self._ended.wait(0.2)

    def end(self) -> None:
        """Stops, and asserts that all of it was done at least once."""
        self._ended.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


DDL = (
    "ALTER TABLE lab.account ADD COLUMN c{turn} int DEFAULT {turn}",
    "ALTER TABLE lab.booking ADD COLUMN c{turn} text",
)
STORE = (
    # one partition more each time
    "UPDATE pgguard_audit.installation SET ahead = ahead + 1",
    "SELECT pgguard_audit.make_partitions()",
    "SELECT pgguard_audit.settle()",
    "SELECT pgguard_audit.guard('pgguard_audit.entry')",
)


@pytest.mark.parametrize("level", ["statement", "row"])
def test_writers_who_get_in_each_others_way_fail_as_without_the_audit(
    new_cluster: Callable[..., Cluster], level: str
) -> None:
    cluster = new_cluster(settings={"deadlock_timeout": "20ms"})
    seed = random.randrange(10**6)  # noqa: S311 - printed, for a second run
    print(f"seed {seed}")
    loads = {}
    for name, audited in (("bare", False), ("audited", True)):
        dsn = _database(cluster, name, audited=audited)
        with psycopg.connect(dsn, autocommit=True) as connection:
            if audited and level == "row":
                connection.execute(AUDIT.replace("}')", "}', 'row')").encode())
            before = recorded(dsn)
        meanwhile = [Meanwhile(dsn, *DDL), Meanwhile(dsn, *(STORE if audited else ("SELECT 1",)))]
        load = loads[name] = Load(cluster.dsn(user="app", dbname=name), seed)
        with load.at_work(WRITERS):
            time.sleep(SECONDS)
        for one in meanwhile:
            one.end()
        print(
            name, load.transactions, dict(load.failures), [(len(one.done), one.failed) for one in meanwhile]
        )
        assert set(load.failures) == EXPECTED, load.told
        assert not before
        if audited:
            assert {one for each in meanwhile for one in each.done} == {*DDL, *STORE}
            load.dsn = dsn
            if level == "row":
                # a row that moves is deleted in one table, and inserted into another
                halves = {"UPDATE FROM": "DELETE", "UPDATE TO": "INSERT"}
                load.ledger = Counter(
                    one._replace(verb=halves.get(one.verb, one.verb)) for one in load.ledger.elements()
                )
            right(load)
            assert load.transactions > WRITERS
    assert set(loads["audited"].failures) == set(loads["bare"].failures)


def test_what_is_done_to_the_store_waits_for_nobody_who_writes(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    dsn = _database(cluster, "audited", audited=True)
    with (
        psycopg.connect(cluster.dsn(user="app", dbname="audited")) as writer,
        psycopg.connect(dsn, autocommit=True) as keeper,
    ):
        writer.execute("UPDATE lab.account SET token = 'x'")
        keeper.execute("SET lock_timeout = '500ms'")
        for statement in STORE:
            keeper.execute(statement.encode())
        made = keeper.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'pgguard_audit.entry'::regclass"
        )
        assert made.fetchone() != (1,)
        # nor does installing once more
        install(keeper)
        # nor does anybody wait for it who writes
        with keeper.transaction(), psycopg.connect(cluster.dsn(user="app", dbname="audited")) as other:
            for statement in STORE:
                keeper.execute(statement.encode())
            other.execute("SET lock_timeout = '500ms'")
            other.execute("INSERT INTO lab.booking VALUES (1, 1, 1, 'x')")
            other.commit()
        writer.commit()
    assert recorded(dsn).total() == len(range(8)) + 1


def test_a_partition_that_is_missing_is_stood_in_for_and_made_without_waiting_long(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster()
    dsn = _database(cluster, "audited", audited=True)
    count = "SELECT count(*) FROM pgguard_audit.entry_rest"
    with (
        psycopg.connect(cluster.dsn(user="app", dbname="audited")) as writer,
        psycopg.connect(dsn, autocommit=True) as keeper,
    ):
        gone = keeper.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent ="
            " 'pgguard_audit.entry'::regclass"
            " AND inhrelid <> 'pgguard_audit.entry_rest'::regclass"
        ).fetchall()
        for (name,) in gone:
            keeper.execute(f"DROP TABLE {name}".encode())
        writer.execute("UPDATE lab.account SET token = 'x'")
        began = time.monotonic()
        keeper.execute("SELECT pgguard_audit.make_partitions()")
        assert time.monotonic() - began < 30
        with psycopg.connect(cluster.dsn(user="app", dbname="audited"), autocommit=True) as other:
            other.execute("INSERT INTO lab.booking VALUES (1, 1, 1, 'x')")
        writer.commit()
        keeper.execute("SELECT pgguard_audit.make_partitions()")
        ((there,),) = keeper.execute(count).fetchall()
        assert there > len(range(8))
        # what is there stays, and the partitions of other times are made
        assert (
            len(
                keeper.execute(
                    "SELECT FROM pg_inherits WHERE inhparent = 'pgguard_audit.entry'::regclass"
                ).fetchall()
            )
            > 1
        )
    assert recorded(dsn).total() == len(range(8)) + 1
