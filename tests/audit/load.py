"""Programs that write one audited table at the same time, each with a ledger of what it committed."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 8
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
# what two who write the same rows in other orders must expect of any server
EXPECTED = {"40001", "40P01"}

SCHEMA = f"""
CREATE SCHEMA lab AUTHORIZATION lab_owner;
SET ROLE lab_owner;
CREATE TABLE lab.account (id int PRIMARY KEY, who int, token text, amount numeric DEFAULT 0);
CREATE TABLE lab.booking (
    id bigint, day int, account int REFERENCES lab.account ON DELETE CASCADE ON UPDATE CASCADE, token text,
    PRIMARY KEY (id, day)) PARTITION BY LIST (day);
CREATE TABLE lab.booking_1 PARTITION OF lab.booking FOR VALUES IN (1);
CREATE TABLE lab.booking_2 PARTITION OF lab.booking FOR VALUES IN (2);
INSERT INTO lab.account (id, who, token) SELECT g, g, 'first' FROM generate_series(1, {ACCOUNTS}) AS g;
GRANT USAGE ON SCHEMA lab TO app;
GRANT ALL ON ALL TABLES IN SCHEMA lab TO app;
RESET ROLE;
"""
AUDIT = """
SELECT pgguard_audit.audit('lab.account', 'who', '{"token": "plain"}');
SELECT pgguard_audit.audit('lab.booking', 'account', '{"token": "plain"}');
"""


class Written(NamedTuple):
    """One row that a program wrote: by which verb, of which table, with which key and token."""

    verb: str
    relation: str
    key: str
    token: str | None


@dataclass
class Load:
    """Programs at work on a database."""

    dsn: str
    seed: int
    ledger: Counter[Written] = field(default_factory=Counter)
    # what was under way when its connection went: committed, or not
    unknown: list[Counter[Written]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    told: dict[str, str] = field(default_factory=dict)
    transactions: int = 0
    rounds: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def at_work(self, writers: int) -> Iterator[None]:
        """So many programs write until the block ends."""
        threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(writers)
        ]
        self._ended.clear()
        self.rounds += 1
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join(60)

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {self.rounds} {number}")  # noqa: S311
        turn = 0
        while not self._ended.is_set():
            try:
                with contextlib.closing(psycopg.connect(self.dsn, prepare_threshold=2)) as connection:
                    while not self._ended.is_set():
                        turn += 1
                        self._transaction(
                            connection, chance, f"{self.rounds}-{number}-{turn}-{chance.random()}"
                        )
            except psycopg.OperationalError:
                # the server is gone, or not there yet
                time.sleep(0.05)

    def _transaction(self, connection: psycopg.Connection, chance: random.Random, token: str) -> None:
        wrote: Counter[Written] = Counter()
        connection.rollback()
        try:
            connection.execute(f"SET TRANSACTION ISOLATION LEVEL {chance.choice(LEVELS)}".encode())
            for step in range(chance.randint(1, 4)):
                self._step(connection, chance, wrote, f"{token}-{step}")
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as error:
            self._failed(error)
            connection.rollback()
            return
        except psycopg.Error as error:
            if not connection.closed:
                self._failed(error)
                connection.rollback()
                return
            raise
        try:
            connection.commit()
        except psycopg.Error as error:
            # committed or not: whoever is not told does not know
            if connection.closed or not error.sqlstate or error.sqlstate.startswith("57"):
                with self._lock:
                    self.unknown.append(wrote)
                raise psycopg.OperationalError from error
            self._failed(error)
            connection.rollback()
            return
        with self._lock:
            self.ledger += wrote
            self.transactions += 1

    def _failed(self, error: psycopg.Error) -> None:
        with self._lock:
            self.failures[str(error.sqlstate)] += 1
            self.told.setdefault(str(error.sqlstate), str(error))

    def _step(
        self, connection: psycopg.Connection, chance: random.Random, wrote: Counter[Written], token: str
    ) -> None:
        what = chance.random()
        if what < 0.5:
            # two of the few, in whatever order
            for one in chance.sample(range(1, ACCOUNTS + 1), 2):
                done = connection.execute(
                    "UPDATE lab.account SET token = %s, amount = amount + 1 WHERE id = %s RETURNING id",
                    (f"{token}-{one}", one),
                ).fetchall()
                wrote.update(Written("UPDATE", "lab.account", str(key), f"{token}-{one}") for (key,) in done)
        elif what < 0.75:
            rows = connection.execute(
                "INSERT INTO lab.booking SELECT (random() * 1e15)::bigint, 1 + g %% 2, %s, %s FROM"
                " generate_series(1, 3) AS g"
                " RETURNING id, day, token",
                (chance.randint(1, ACCOUNTS), token),
            ).fetchall()
            wrote.update(
                Written("INSERT", "lab.booking", f"{{{one},{day}}}", what) for one, day, what in rows
            )
        elif what < 0.9:
            # from one partition to the other
            rows = connection.execute(
                "UPDATE lab.booking SET day = 3 - day, token = %s WHERE id = (SELECT max(id) FROM lab.booking"
                " WHERE account = %s) RETURNING id, day",
                (token, chance.randint(1, ACCOUNTS)),
            ).fetchall()
            wrote.update(Written("UPDATE TO", "lab.booking", f"{{{one},{day}}}", token) for one, day in rows)
            wrote.update(
                Written("UPDATE FROM", "lab.booking", f"{{{one},{3 - day}}}", None) for one, day in rows
            )
        else:
            rows = connection.execute(
                "DELETE FROM lab.booking WHERE id = (SELECT min(id) FROM lab.booking WHERE account"
                " = %s) RETURNING id, day",
                (chance.randint(1, ACCOUNTS),),
            ).fetchall()
            wrote.update(Written("DELETE", "lab.booking", f"{{{one},{day}}}", None) for one, day in rows)


def recorded(dsn: str) -> Counter[Written]:
    """What the audit says that was written."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return Counter(
            Written(*row)
            for row in connection.execute(
                "SELECT verb, relation, key, new ->> 'token' FROM pgguard_audit.change WHERE"
                " relation IS NOT NULL"
            )
        )


def right(load: Load) -> None:
    """Asserts that every committed change is recorded once, and nothing else."""
    found = recorded(load.dsn)
    missing = load.ledger - found
    assert not missing, list(missing.items())[:3]
    more = found - load.ledger
    # of a transaction whose end nobody heard of, all of it or nothing
    for wrote in load.unknown:
        if wrote and wrote <= more:
            more -= wrote
            load.ledger += wrote
    load.unknown.clear()
    assert not more, [(one, many, found[one]) for one, many in more.items()][:3]
