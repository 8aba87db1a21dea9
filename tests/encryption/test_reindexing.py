"""A blind index gets another key: step by step and back, with what was refused, and who goes on meanwhile."""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn
from tests.encryption.phases import KEK, planned, unlocked
from tests.encryption.reindexed import UP, new_index_key, reindexing

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.phases import Phases

LONG = "PGGUARD_LONG" in os.environ

SCHEMA = """
    CREATE SCHEMA lab;
    CREATE TABLE lab.visit (day date, id int, nir text NOT NULL, code text, surname text,
        PRIMARY KEY (day, id), UNIQUE (day, code)) PARTITION BY RANGE (day);
    CREATE TABLE lab.visit_2024 PARTITION OF lab.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE lab.visit_rest PARTITION OF lab.visit DEFAULT;
    CREATE INDEX ON lab.visit (nir, day);
    INSERT INTO lab.visit SELECT date '2023-06-01' + g * 10, g, 'V' || g, 'C' || g, 'Lefèvre-' || g
        FROM generate_series(1, 120) AS g;
    CREATE TABLE lab.plain (id int PRIMARY KEY, nir text UNIQUE, born date, code int NOT NULL UNIQUE);
    INSERT INTO lab.plain SELECT g, 'P' || g, date '1950-01-01' + g, g FROM generate_series(1, 300) AS g;
    ANALYZE;
"""
COLUMNS = {
    "lab.visit": (
        EncryptedColumn("nir", searchable=True),
        EncryptedColumn("code", searchable=True, key_group="special"),
        EncryptedColumn("surname", searchable=True, normal_form="name"),
    ),
    "lab.plain": (
        EncryptedColumn("nir", searchable=True),
        EncryptedColumn("born", searchable=True),
        EncryptedColumn("code", searchable=True),
    ),
}
SEARCHES = {
    "SELECT count(*) FROM pgguard.find__lab__visit__nir('V7')": 1,
    "SELECT count(*) FROM pgguard.find__lab__visit__code('C8')": 1,
    "SELECT count(*) FROM pgguard.find__lab__visit__surname('LEFEVRE 9')": 1,
    "SELECT count(*) FROM pgguard.find__lab__plain__nir('P10')": 1,
    "SELECT count(*) FROM pgguard.find__lab__plain__born('1950-01-11')": 1,
    "SELECT count(*) FROM pgguard.find__lab__plain__code(12)": 1,
    "SELECT count(*) FROM pgguard.find__lab__plain__code(-1)": 0,
}


def _database(cluster: Cluster, name: str, form: Form) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(cluster.dsn(dbname=name), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    phases = planned(cluster, name, COLUMNS, form=form)
    phases.install()
    steps = ("expand", "backfill", "verify", "switch", "soak", "contract")
    phases.up(*(one for one in steps if phases.of(one)), verify=False)


def _found(phases: Phases) -> None:
    with unlocked(phases.dsn) as connection:
        for query, rows in SEARCHES.items():
            assert connection.execute(query.encode()).fetchone() == (rows,), query


def _schema(phases: Phases) -> list[tuple[object, ...]]:
    """Everything of the catalog that the steps touch, but for the bodies of functions."""
    with psycopg.connect(phases.dsn) as connection:
        found: list[tuple[object, ...]] = []
        for query in (
            "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attacl::text,"
            " col_description(attrelid, attnum) FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid"
            " WHERE relnamespace = 'lab'::regnamespace AND attnum > 0 AND NOT attisdropped"
            " AND relkind IN ('r', 'p')",
            "SELECT indexrelid::regclass::text, indrelid::regclass::text, indisvalid, indisunique,"
            " pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indrelid"
            " WHERE relnamespace = 'lab'::regnamespace",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated"
            " FROM pg_constraint WHERE connamespace = 'lab'::regnamespace",
            "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE NOT tgisinternal",
            "SELECT oid::regprocedure::text, proowner::regrole::text, proacl::text FROM pg_proc"
            " WHERE pronamespace = 'pgguard'::regnamespace",
            "SELECT * FROM pgguard.encrypted_column",
        ):
            found += sorted(connection.execute(query.encode()).fetchall(), key=str)
    return found


def _keys_of(phases: Phases) -> dict[str, str]:
    """The functions that tell the keys, and what they tell."""
    with psycopg.connect(phases.dsn) as connection:
        return dict(
            connection.execute(
                "SELECT proname, btrim(prosrc, E' \\n') FROM pg_proc"
                " WHERE pronamespace = 'pgguard'::regnamespace AND proname LIKE 'index\\_key\\_\\_%'"
            ).fetchall()
        )


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_there_is_a_way_there_and_back_and_every_file_can_be_run_twice(running: Cluster, form: Form) -> None:
    name = f"moved_{form[:2]}"
    _database(running, name, form)
    new = {group: new_index_key(running, name, group) for group in ("main", "special")}
    phases = reindexing(running, name)
    before, keys = _schema(phases), _keys_of(phases)
    _found(phases)
    for last in range(1, len(UP) + 1) if LONG else (len(UP),):
        for phase in UP[:last]:
            if last == len(UP):
                _twice(phases, phase)
            else:
                phases.up(phase)
            _found(phases)
        for phase in reversed(UP[:last]):
            phases.down(phase)
            _found(phases)
        assert _schema(phases) == before, UP[last - 1]
        assert _keys_of(phases) == keys
    phases.up(*UP)
    _found(phases)
    for one in phases.files:
        # what a step did holds, or was gone beyond
        phases.run(one, "verify")
    assert set(_keys_of(phases).values()) == {f"SELECT '{one}'::integer" for one in new.values()}
    left = [one for one in _schema(phases) if "find2" in str(one)]
    assert left == []
    assert not reindexing(running, name).files
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}".encode())


def _twice(phases: Phases, phase: str) -> None:
    for one in phases.of(phase):
        if any(change.done for change in one.step.changes):
            with pytest.raises(psycopg.errors.RaiseException, match="does not hold"):
                phases.run(one, "verify")
        for _ in range(2):
            phases.run(one, "up")
            phases.run(one, "verify")


_NUMBER = itertools.count(1)


@pytest.fixture(scope="module")
def small(running: Cluster) -> Cluster:
    """The cluster with two databases to be copied: lab.plain.nir encrypted to its end, and to its soak."""
    for name, last in (("small_soak", "soak"), ("small", "contract")):
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(running.dsn(dbname=name), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        phases = planned(running, name, {"lab.plain": (EncryptedColumn("nir", searchable=True),)})
        phases.install()
        steps = ("expand", "backfill", "verify", "switch", "soak", "contract")
        phases.up(*steps[: steps.index(last) + 1], verify=False)
    return running


def _copied(cluster: Cluster, of: str = "small") -> str:
    name = f"copy_{next(_NUMBER)}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}".encode())
    return name


@pytest.fixture
def moved(small: Cluster) -> Phases:
    """A plan for the index of lab.plain.nir, nothing of which is applied; the new key waits."""
    name = _copied(small)
    new_index_key(small, name)
    return reindexing(small, name)


_FIND = "SELECT id FROM pgguard.find__lab__plain__nir(%s)"
_INSERT = "INSERT INTO lab.plain VALUES (%s, %s, NULL, %s)"


def test_a_session_from_before_the_new_key_goes_on_until_verify_and_again_when_it_unlocks(
    small: Cluster,
) -> None:
    name = _copied(small)
    with unlocked(small.dsn(dbname=name)) as old:
        assert old.execute(_FIND, ("P1",)).fetchall() == [(1,)]
        new_index_key(small, name)
        phases = reindexing(small, name)
        phases.up("index-expand")
        old.execute(_INSERT, (1001, "old 1", 1001))
        with unlocked(phases.dsn) as new:
            new.execute(_INSERT, (1002, "new 1", 1002))
            phases.up("index-backfill")
            # what it changes now has no second index, and is not left with the one of before
            old.execute("UPDATE lab.plain SET nir = 'old 2' WHERE id = 1002")
            old.execute(_INSERT, (1003, "old 3", 1003))
            assert _second(phases) == {1: True, 1001: True, 1002: False, 1003: False}
            for session, wanted in itertools.product(
                (old, new), ((1001, "old 1"), (1002, "old 2"), (1003, "old 3"))
            ):
                assert session.execute(_FIND, (wanted[1],)).fetchall() == [wanted[:1]]
            phases.up("index-verify")
            assert set(_second(phases).values()) == {True}
            with pytest.raises(psycopg.Error, match="does not have the index key") as caught:
                old.execute(_INSERT, (1004, "old 4", 1004))
            assert caught.value.sqlstate == "PGG03"
            assert old.execute(_FIND, ("old 3",)).fetchall() == [(1003,)]
            phases.up("index-switch")
            with pytest.raises(psycopg.Error, match="call pgguard"):
                old.execute(_FIND, ("old 3",))
            old.execute("SELECT pgguard.unlock(%b)", (KEK,))
            old.execute(_INSERT, (1004, "old 4", 1004))
            phases.up("index-soak", "index-contract")
            for session in (old, new):
                assert session.execute(_FIND, ("old 4",)).fetchall() == [(1004,)]


def _second(phases: Phases) -> dict[int, bool]:
    """Whether rows have a second index, for one that was there before and all that came later."""
    with psycopg.connect(phases.dsn) as connection:
        return dict(
            connection.execute(
                "SELECT id, nir_find2 IS NOT NULL FROM lab.plain_pgg1 WHERE id = 1 OR id > 1000"
            ).fetchall()
        )


def test_verify_waits_for_sessions_that_may_not_have_the_new_key(small: Cluster) -> None:
    name = _copied(small)
    with unlocked(small.dsn(dbname=name)):
        new_index_key(small, name)
        phases = reindexing(small, name, at_once=False)
        phases.up("index-expand", "index-backfill")
        with pytest.raises(psycopg.errors.RaiseException, match="sessions are open that began before"):
            phases.up("index-verify")
    _aged(phases)
    with unlocked(phases.dsn):
        phases.up("index-verify", "index-switch")


def _aged(phases: Phases) -> None:
    """As if the key had been made two minutes ago; sessions that end may be there for a moment still."""
    with psycopg.connect(phases.dsn, autocommit=True) as connection:
        connection.execute("UPDATE pgguard.key SET created_at = now() - '2 minutes'::interval")


def test_a_transaction_with_an_old_snapshot_searches_and_writes_by_the_right_key(moved: Phases) -> None:
    moved.up("index-expand", "index-backfill", "index-verify")
    with closing(unlocked(moved.dsn)) as old:
        old.execute(_FIND, ("P1",))
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.autocommit = False
        old.execute("SELECT 1")
        moved.up("index-switch")
        assert old.execute(_FIND, ("P2",)).fetchall() == [(2,)]
        old.execute(_INSERT, (2001, "late", 2001))
        assert old.execute(_FIND, ("late",)).fetchall() == [(2001,)]
        old.commit()
    with unlocked(moved.dsn) as session:
        assert session.execute(_FIND, ("late",)).fetchall() == [(2001,)]
    # both indexes of what it wrote are right
    moved.up("index-soak")


def test_the_switch_waits_until_nobody_sees_rows_without_the_second_index(moved: Phases) -> None:
    with closing(unlocked(moved.dsn)) as old, ThreadPoolExecutor(1) as pool:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.autocommit = False
        old.execute("SELECT count(*) FROM pg_class")
        moved.up("index-expand", "index-backfill")
        verifying = pool.submit(moved.up, "index-verify")
        _until_waiting(moved.dsn, "virtualxid")
        assert old.execute(_FIND, ("P3",)).fetchall() == [(3,)]
        assert not verifying.done()
        old.rollback()
        verifying.result(30)


def _until_waiting(dsn: str, kind: str) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s"
    deadline = time.monotonic() + 30
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(query, (kind,)).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_an_index_that_does_not_belong_to_its_value_stops_the_backfill(moved: Phases) -> None:
    moved.up("index-expand")
    with unlocked(moved.dsn) as connection:
        connection.execute(
            "UPDATE lab.plain_pgg1 SET nir_find = decode(repeat('00', 16), 'hex') WHERE id = 5"
        )
        with pytest.raises(psycopg.Error, match="do not belong to their values") as caught:
            moved.up("index-backfill")
        assert caught.value.sqlstate == "PGG02"
        connection.execute("UPDATE lab.plain SET nir = 'P5 again' WHERE id = 5")
    moved.up("index-backfill", "index-verify")


def test_a_value_is_unique_under_either_key(moved: Phases) -> None:
    for phase in UP:
        moved.up(phase)
        with unlocked(moved.dsn) as connection:
            for statement in (
                "INSERT INTO lab.plain VALUES (9000, 'P7', NULL, 9000)",
                "UPDATE lab.plain SET nir = 'P7' WHERE id = 8",
            ):
                with pytest.raises(psycopg.errors.UniqueViolation):
                    connection.execute(statement.encode())
            connection.execute("UPDATE lab.plain SET nir = NULL WHERE id IN (20, 21)")
            connection.execute("UPDATE lab.plain SET nir = 'P' || id WHERE id IN (20, 21)")
            assert connection.execute(_FIND, ("P21",)).fetchall() == [(21,)]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CREATE INDEX mine ON lab.plain_pgg1 (nir_find) INCLUDE (id)", "index mine over its index column"),
        ("CREATE INDEX mine ON lab.plain_pgg1 USING hash (nir_find)", "index mine over its index column"),
        (
            "CREATE INDEX mine ON lab.plain_pgg1 (id) WHERE nir_find IS NOT NULL",
            "index mine over its index column",
        ),
        ("CREATE VIEW lab.mine AS SELECT nir_find FROM lab.plain_pgg1", "the view lab.mine reads"),
        ("ALTER TABLE lab.plain_pgg1 ADD COLUMN nir_find2 text", "already a column nir_find2"),
        (
            "DELETE FROM pgguard.key WHERE purpose = 'index' AND state = 'current';"
            "UPDATE pgguard.encrypted_column SET index_key = NULL",
            "no index key of the group main",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_before_anything_is_changed(
    moved: Phases, statement: str, why: str
) -> None:
    with psycopg.connect(moved.dsn, autocommit=True) as connection:
        connection.execute(statement.encode())
    with pytest.raises(InputError, match=why):
        reindexing(moved.cluster, moved.database)
    if "INDEX" in statement or "VIEW" in statement:
        # what came after the plan stops its files
        with pytest.raises(psycopg.errors.RaiseException, match="the plan does not know"):
            moved.up("index-expand")


def test_only_the_tables_that_are_named_are_moved(moved: Phases) -> None:
    assert reindexing(moved.cluster, moved.database, tables=["lab.plain"]).files
    with pytest.raises(InputError, match=r"lab\.visit has no blind index"):
        reindexing(moved.cluster, moved.database, tables=["lab.plain", "lab.visit"])


def test_what_an_earlier_version_encrypted_is_left_alone(moved: Phases) -> None:
    with psycopg.connect(moved.dsn, autocommit=True) as connection:
        # its function took the value alone
        connection.execute(
            "ALTER FUNCTION pgguard.blind__lab__plain__nir(text, integer) RENAME TO blind__old"
        )
    with pytest.raises(psycopg.errors.RaiseException, match="encrypted by an earlier version"):
        moved.up("index-expand")


def test_an_index_is_not_moved_twice_at_a_time_nor_before_the_contract(moved: Phases) -> None:
    moved.up("index-expand")
    with pytest.raises(InputError, match="being moved to another key already"):
        reindexing(moved.cluster, moved.database)
    name = _copied(moved.cluster, "small_soak")
    new_index_key(moved.cluster, name)
    with pytest.raises(InputError, match="go on to the contract of its encryption first"):
        reindexing(moved.cluster, name)


def test_files_that_come_too_early_or_too_late_change_nothing(moved: Phases) -> None:
    for phase in UP[1:]:
        with pytest.raises(psycopg.errors.RaiseException, match="not those that this step goes by"):
            moved.up(phase)
    moved.up("index-expand")
    with pytest.raises(psycopg.errors.RaiseException, match="not known to be complete"):
        moved.up("index-switch")
    moved.up(*UP[1:])
    before = _schema(moved)
    for phase in UP[:-1]:
        with pytest.raises(psycopg.errors.RaiseException, match=r"has the new key already|this step goes by"):
            moved.up(phase)
    assert _schema(moved) == before


def test_there_is_no_way_back_when_the_old_key_is_destroyed(moved: Phases) -> None:
    moved.up(*UP)
    with unlocked(moved.dsn) as connection:
        connection.execute(
            "UPDATE pgguard.key SET state = 'destroyed', wrapped = NULL"
            " WHERE purpose = 'index' AND state = 'current'"
        )
        before = _schema(moved)
        with pytest.raises(psycopg.errors.RaiseException, match="there is no way back"):
            moved.down("index-contract")
        assert _schema(moved) == before
        assert connection.execute(_FIND, ("P1",)).fetchall() == [(1,)]
