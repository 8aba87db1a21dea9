"""A blind index gets another key while programs write and search: every row is found at every moment."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.encryption import EncryptedColumn
from tests.encryption.phases import KEK, planned, unlocked
from tests.encryption.reindexed import UP, new_index_key, reindexing
from tests.encryption.test_under_load import VACUUM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.phases import Phases

LONG = "PGGUARD_LONG" in os.environ
SECONDS = 8.0 if LONG else 0.3
UNTOUCHED = 1500
SCHEMA = f"""
    CREATE SCHEMA lab;
    CREATE TABLE lab.patient (id int PRIMARY KEY, nir text UNIQUE, surname text, note text);
    INSERT INTO lab.patient SELECT g, 'N' || g, 'Née-' || g, repeat('x', g % 50)
        FROM generate_series(1, {UNTOUCHED}) AS g;
    ANALYZE;
"""
COLUMNS = (
    EncryptedColumn("nir", searchable=True),
    EncryptedColumn("surname", searchable=True, normal_form="name"),
    EncryptedColumn("note"),
)
BY_NIR = "SELECT id FROM pgguard.find__lab__patient__nir(%s)"
BY_NAME = "SELECT id FROM pgguard.find__lab__patient__surname(%s)"


@dataclass
class Programs:
    """Those at work on one database; each knows what it has to find."""

    phases: Phases
    seed: int
    storage: str
    phase: str = "before"
    failures: list[str] = field(default_factory=list)
    done: dict[tuple[str, str], int] = field(default_factory=dict)
    rows: dict[int, str | None] = field(default_factory=dict)
    # a session of before unlocks again when it is asked to
    again: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, *works: Callable[[Programs, random.Random], Iterator[None]]) -> None:
        """Starts programs; returns when each has done something."""
        for work in works:
            chance = random.Random(self.seed + len(self._threads))  # noqa: S311
            thread = threading.Thread(target=self._run, args=(work, chance), name=work.__name__, daemon=True)
            self._threads.append(thread)
            thread.start()
        self.during(self.phase)

    def during(self, phase: str, seconds: float = 0.0) -> None:
        """From now on it is that phase; waits until everybody did something in it, and so long."""
        self.phase = phase
        started = time.monotonic()
        while time.monotonic() - started < 60:
            idle = [one.name for one in self._threads if not self.done.get((phase, one.name))]
            if self.failures or (not idle and time.monotonic() - started >= seconds):
                return
            time.sleep(0.01)
        self.failures.append(f"{phase}: {idle} did nothing for a minute")

    def stop(self) -> None:
        """Ends them."""
        self._ended.set()
        for one in self._threads:
            one.join(60)

    def _run(self, work: Callable[[Programs, random.Random], Iterator[None]], chance: random.Random) -> None:
        try:
            for _ in work(self, chance):
                key = (self.phase, work.__name__)
                self.done[key] = self.done.get(key, 0) + 1
                if self._ended.is_set():
                    return
                time.sleep(0.005)
        except Exception as error:
            self.failures.append(f"{self.phase}: {work.__name__}: {type(error).__name__}: {error}")


def new_writer(programs: Programs, chance: random.Random) -> Iterator[None]:
    """A program whose session has the new key."""
    with closing(unlocked(programs.phases.dsn)) as connection:
        yield from _writes(programs, chance, connection, 1_000_000)


def old_writer(programs: Programs, chance: random.Random) -> Iterator[None]:
    """One whose session was unlocked before, and unlocks again in time."""
    with closing(unlocked(programs.phases.dsn)) as connection:
        has_again = False
        for _ in _writes(programs, chance, connection, 2_000_000):
            if programs.again.is_set() and not has_again:
                connection.execute("SELECT pgguard.unlock(%b)", (KEK,))
                has_again = True
            yield


def _writes(
    programs: Programs, chance: random.Random, connection: psycopg.Connection, first: int
) -> Iterator[None]:
    mine: dict[int, str | None] = {}
    number = first

    def found(nir: str) -> list[int]:
        return [row[0] for row in connection.execute(BY_NIR, (nir,))]

    while True:
        what = chance.random()
        number += 1
        if what < 0.4 or not mine:
            connection.execute(
                "INSERT INTO lab.patient (id, nir, surname) VALUES (%s, %s, %s)",
                (number, f"W{number}", f"Wé {number}"),
            )
            mine[number] = f"W{number}"
        elif what < 0.6:
            key = chance.choice(list(mine))
            _set(connection, programs, key, f"W{number}")
            before, mine[key] = mine[key], f"W{number}"
            if before is not None and found(before):
                programs.failures.append(f"{programs.phase}: {before} is found, which was changed")
        elif what < 0.7:
            key = chance.choice(list(mine))
            _set(connection, programs, key, None)
            before, mine[key] = mine[key], None
            if before is not None and found(before):
                programs.failures.append(f"{programs.phase}: {before} is found, which was made empty")
        elif what < 0.8:
            key = chance.choice(list(mine))
            connection.execute(f"DELETE FROM {programs.storage} WHERE id = %s".encode(), (key,))
            del mine[key]
            programs.rows.pop(key, None)
        else:
            key = chance.choice(list(mine))
            nir = mine[key]
            if nir is not None and found(nir) != [key]:
                programs.failures.append(f"{programs.phase}: {nir} of {key} is found as {found(nir)}")
        programs.rows.update(mine)
        yield


def _set(connection: psycopg.Connection, programs: Programs, key: int, nir: str | None) -> None:
    """Writes a value; in the form in-place an empty one is made so by hand."""
    while True:
        try:
            if nir is None and programs.storage == "lab.patient":
                connection.execute(
                    "UPDATE lab.patient SET nir_pgg1 = NULL, nir_find = NULL WHERE id = %s", (key,)
                )
            else:
                connection.execute("UPDATE lab.patient SET nir = %s WHERE id = %s", (nir, key))
        except psycopg.errors.SerializationFailure:
            continue
        return


def searcher(programs: Programs, chance: random.Random) -> Iterator[None]:
    """Searches rows that nobody changes, prepared and not, by both columns."""
    with closing(unlocked(programs.phases.dsn, prepare_threshold=2)) as connection:
        while True:
            key = chance.randint(1, UNTOUCHED)
            found = connection.execute(BY_NIR, (f"N{key}",)).fetchall()
            named = connection.execute(BY_NAME, (f"NEE {key}",), prepare=False).fetchall()
            if found != [(key,)] or named != [(key,)]:
                programs.failures.append(f"{programs.phase}: {key} is found as {found} and {named}")
            yield


def reporter(programs: Programs, chance: random.Random) -> Iterator[None]:
    """Searches late in a transaction whose snapshot is from its beginning."""
    with closing(unlocked(programs.phases.dsn)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.autocommit = False
        while True:
            connection.execute("SELECT 1")
            time.sleep(chance.random() * 0.2)
            key = chance.randint(1, UNTOUCHED)
            found = connection.execute(BY_NIR, (f"N{key}",)).fetchall()
            connection.commit()
            if found != [(key,)]:
                programs.failures.append(f"{programs.phase}: an old snapshot finds {key} as {found}")
            yield


def intruding(programs: Programs, chance: random.Random) -> Iterator[None]:
    """Tries values that are there already."""
    with closing(unlocked(programs.phases.dsn)) as connection:
        while True:
            key = chance.randint(1, UNTOUCHED)
            try:
                connection.execute("INSERT INTO lab.patient (id, nir) VALUES (-1, %s)", (f"N{key}",))
            except psycopg.errors.UniqueViolation:
                pass
            else:
                programs.failures.append(f"{programs.phase}: N{key} is there twice")
            yield


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_every_row_is_found_at_every_moment(new_cluster: Callable[..., Cluster], form: Form) -> None:
    cluster = new_cluster(settings=VACUUM)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE work")
    with psycopg.connect(cluster.dsn(dbname="work"), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    encrypting = planned(cluster, "work", {"lab.patient": COLUMNS}, form=form)
    encrypting.install()
    steps = ("expand", "backfill", "verify", "switch", "soak", "contract")
    encrypting.up(*(one for one in steps if encrypting.of(one)), verify=False)
    seed = random.randrange(10**6)  # noqa: S311 - printed, for a second run
    print(f"seed {seed}")
    storage = "lab.patient_pgg1" if form == "view" else "lab.patient"
    programs = Programs(encrypting, seed, storage)
    try:
        programs.start(old_writer)
        new_index_key(cluster, "work")
        phases = reindexing(cluster, "work")
        programs.start(new_writer, searcher, reporter, intruding)

        def through(*names: str) -> None:
            for name in names:
                phase, _, back = name.partition(".")
                programs.during(name)
                (phases.down if back else phases.up)(phase)
                programs.during(name, SECONDS)
                assert not programs.failures, programs.failures[:5]

        through("index-expand", "index-backfill")
        programs.again.set()
        programs.during("unlocked again", 0.1)
        through(*UP[2:])
        if LONG or form == "view":
            # back to where the new index is not used, or there at all
            through(*(f"{one}.down" for one in reversed(UP[0 if LONG else 2 :])), *UP[0 if LONG else 2 :])
    finally:
        programs.stop()
    assert not programs.failures, programs.failures[:5]
    with unlocked(phases.dsn) as connection:
        for key, nir in programs.rows.items():
            if nir is not None:
                assert connection.execute(BY_NIR, (nir,)).fetchall() == [(key,)], (key, nir)
    told = {one: programs.done[one] for one in programs.done if one[0] == "index-switch"}
    print(f"{told}, locks tried again: {phases.attempts}, seconds: {phases.seconds}")
