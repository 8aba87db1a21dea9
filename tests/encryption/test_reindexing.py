"""A blind index gets another key: step by step and back, with what was refused, and who goes on meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn
from tests.encryption.encrypting import encrypted
from tests.encryption.phases import KEK, planned, unlocked
from tests.encryption.reindexed import UP, new_index_key, reindexing

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.encrypting import Laboratory
    from tests.encryption.phases import Phases

SCHEMA = """
    CREATE SCHEMA lab;
    CREATE TABLE lab.visit (day date, id int, nir text NOT NULL, code text, surname text, PRIMARY KEY (day, id),
        UNIQUE (day, code)) PARTITION BY RANGE (day);
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
            " WHERE relnamespace = 'lab'::regnamespace AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')",
            "SELECT indexrelid::regclass::text, indrelid::regclass::text, indisvalid, indisunique,"
            " pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indrelid"
            " WHERE relnamespace = 'lab'::regnamespace",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
            " WHERE connamespace = 'lab'::regnamespace",
            "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
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
                "SELECT proname, btrim(prosrc, E' \\n') FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace"
                " AND proname LIKE 'index\\_key\\_\\_%'"
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
    for last in range(1, len(UP) + 1):
        for phase in UP[:last]:
            _twice(phases, phase)
            _found(phases)
        for phase in reversed(UP[:last]):
            phases.down(phase)
            _found(phases)
        assert _schema(phases) == before, UP[last - 1]
        assert _keys_of(phases) == keys
    phases.up(*UP)
    _found(phases)
    assert set(_keys_of(phases).values()) == {f"SELECT '{one}'::integer" for one in new.values()}
    left = [one for one in _schema(phases) if "find2" in str(one)]
    assert left == []
    with pytest.raises(AssertionError):
        # there is nothing more to be moved
        assert reindexing(running, name).files
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
