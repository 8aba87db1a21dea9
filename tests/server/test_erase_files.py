"""What the report says of files is held to what a search of the files finds, after each method.

Values are planted; then rows go by each method. Where the report says that they are gone, none is found;
where one is found, the report does not say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.nightly import erasing
from pgguard.server.connect import Target
from pgguard.store.erasure_folder import Journal
from tests.server.erasing_by import NEW, OLD, policy, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.model.erasure_record import ErasureReport
    from tests.server.erasing_by import Admin

PLANTED = b"planted-5f2c81"
# values long enough for TOAST, and that nothing compresses away
LONG = "(SELECT string_agg(md5((n * k)::text), '') FROM generate_series(1, 200) AS k)"


class Server(NamedTuple):
    cluster: Cluster
    target: Target
    admin: Admin


@pytest.fixture(scope="module")
def own(postgres: Postgres) -> Iterator[Cluster]:
    settings = {"wal_compression": "off", "autovacuum": "off", "min_wal_size": "32MB"}
    with Cluster.start(postgres, settings=settings) as running:
        yield running


@pytest.fixture
def lab(own: Cluster) -> Iterator[Server]:
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE files")
    with psycopg.connect(own.dsn(dbname="files"), autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        planted = PLANTED.decode()
        connection.execute(
            f"""
            CREATE SCHEMA lab;
            CREATE TABLE lab.patient (id int PRIMARY KEY, nir text, letter text, age date);
            ALTER TABLE lab.patient ALTER COLUMN letter SET STORAGE EXTERNAL;
            ALTER TABLE lab.patient ALTER COLUMN nir SET STATISTICS 5;
            INSERT INTO lab.patient
                SELECT n, '{planted}-' || n, '{planted}' || {LONG}, '{OLD}' FROM generate_series(1, 200) AS n;
            INSERT INTO lab.patient
                SELECT n, 'kept-' || n, 'kept', '{NEW}' FROM generate_series(1000, 1020) AS n;
            CREATE INDEX nir ON lab.patient (nir);
            """.encode()
        )
        connection.execute("VACUUM (ANALYZE) lab.patient")
        connection.execute("CHECKPOINT")
        yield Server(own, Target(own.dsn(dbname="files")), connection)
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE files")


def found(lab: Server) -> set[str]:
    """Where planted values are in the data directory: rows, TOAST, indexes, pg_statistic, pg_wal, other."""
    lab.admin.execute("CHECKPOINT")
    places: dict[str, str] = dict(
        lab.admin.execute("""
            SELECT pg_relation_filepath(c.oid), CASE
                WHEN c.oid = 'lab.patient'::regclass THEN 'rows'
                -- with its TOAST
                WHEN c.oid IN ('pg_statistic'::regclass, 'pg_toast.pg_toast_2619'::regclass)
                    THEN 'pg_statistic'
                WHEN t.reltoastrelid IS NOT NULL THEN 'TOAST'
                WHEN i.indrelid = 'lab.patient'::regclass THEN 'indexes'
                ELSE 'other' END
            FROM pg_class AS c
            LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid AND t.oid = 'lab.patient'::regclass
            LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
            WHERE pg_relation_filepath(c.oid) IS NOT NULL
        """).fetchall()
    )
    root = lab.cluster.data_directory
    met = set()
    for path in _files(root):
        name = str(path.relative_to(root))
        if PLANTED in path.read_bytes():
            met.add("pg_wal" if name.startswith("pg_wal/") else places.get(name, f"other: {name}"))
    return met


def _files(root: Path) -> Iterator[Path]:
    for folder in ("base", "global", "pg_wal", "pg_stat", "pg_stat_tmp", "pg_replslot", "pg_logical"):
        yield from (one for one in sorted((root / folder).rglob("*")) if one.is_file())


def erased(lab: Server, action: str = "delete", *, rewrite: bool = False) -> ErasureReport:
    columns = "[]" if action == "delete" else '["nir", "letter"]'
    chosen = policy(rule("lab.patient", action=f'"{action}"', columns=columns))
    plan = erasing.plan(lab.target, chosen)
    record = erasing.run(lab.target, lambda: chosen, plan, Journal(None), rewrite=rewrite)
    return erasing.report(lab.target, chosen, record)


def states(report: ErasureReport) -> dict[str, str]:
    told = {one.place: one.state for one in report.claims if one.table == "lab.patient"}
    (catalog,) = (one.state for one in report.claims if one.table == "pg_catalog.pg_statistic")
    (wal,) = (one.state for one in report.beside if one.place == "pg_wal")
    return {**told, "pg_statistic": catalog, "pg_wal": wal}


def hold(lab: Server, report: ErasureReport) -> dict[str, str]:
    """The report's word, once it is held to the files."""
    told, met = states(report), found(lab)
    for place, state in told.items():
        if state == "gone":
            assert place not in met, (place, met)
    # what the report does not name holds nothing
    assert met <= told.keys(), met
    for place in met:
        assert told[place] in ("there", "maybe"), (place, told)
    return told


def test_deleted_and_vacuumed(lab: Server) -> None:
    assert found(lab) >= {"rows", "TOAST", "indexes", "pg_statistic", "pg_wal"}
    told = hold(lab, erased(lab))
    assert (told["rows"], told["indexes"], told["pg_statistic"]) == ("maybe", "maybe", "maybe")


def test_written_anew(lab: Server) -> None:
    told = hold(lab, erased(lab, rewrite=True))
    assert {told[one] for one in ("rows", "TOAST", "indexes", "pg_statistic")} == {"gone"}
    assert told["pg_wal"] == "maybe"


def test_emptied_and_emptied_and_written_anew(lab: Server) -> None:
    told = hold(lab, erased(lab, "anonymise"))
    assert told["rows"] == "maybe"
    told = hold(lab, erased(lab, "anonymise", rewrite=True))
    assert told["rows"] == told["indexes"] == "gone"


def test_a_table_of_which_nothing_is_left_keeps_no_statistics(lab: Server) -> None:
    lab.admin.execute("DELETE FROM lab.patient WHERE id >= 1000")
    told = hold(lab, erased(lab))
    assert told["rows"] == told["TOAST"] == "gone"
    assert "statistics" not in told
    kept = "SELECT count(*) FROM pg_stats WHERE tablename = 'patient' AND histogram_bounds IS NOT NULL"
    assert lab.admin.execute(kept).fetchall() == [(0,)]


def test_deleted_while_somebody_still_sees_the_rows(lab: Server) -> None:
    with psycopg.connect(lab.target.dsn) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # it has a snapshot, and no lock on the table
        other.execute("SELECT 1")
        told = hold(lab, erased(lab, rewrite=True))
        assert (told["rows"], told["TOAST"], told["indexes"]) == ("there", "there", "there")
        assert "rows" in found(lab)


def test_who_does_not_own_the_table_cannot_vacuum_it(lab: Server) -> None:
    lab.admin.execute("""
        CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA lab TO clerk;
        GRANT SELECT, UPDATE, DELETE ON lab.patient TO clerk
    """)
    try:
        report = erased(lab._replace(target=Target(lab.cluster.dsn(user="clerk", dbname="files"))))
        assert hold(lab, report)["rows"] == "there"
        assert not report.record.done[0].vacuumed
        assert not report.record.checkpointed
    finally:
        lab.admin.execute("DROP OWNED BY clerk; DROP ROLE clerk")


def test_a_slot_and_a_prepared_transaction_are_told(new_cluster: Callable[..., Cluster]) -> None:
    own = new_cluster(settings={"max_prepared_transactions": "2"})
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("CREATE SCHEMA lab")
        admin.execute("CREATE TABLE lab.patient (id int PRIMARY KEY, age date)")
        admin.execute(f"INSERT INTO lab.patient SELECT n, '{OLD}' FROM generate_series(1, 10) AS n")
        admin.execute("SELECT pg_create_physical_replication_slot('behind', true)")
        with psycopg.connect(own.dsn(), autocommit=True) as other:
            other.execute("BEGIN")
            other.execute("CREATE TABLE lab.other (id int)")
            other.execute("PREPARE TRANSACTION 'waits'")
        chosen = policy(rule("lab.patient"))
        target = Target(own.dsn())
        plan = erasing.plan(target, chosen)
        record = erasing.run(target, lambda: chosen, plan, Journal(None), rewrite=True)
        report = erasing.report(target, chosen, record)
        told = {one.place: one for one in report.beside}
        assert told["physical slot behind, inactive"].state == "there"
        assert record.lsn in told["physical slot behind, inactive"].why
        assert any(name.startswith("prepared transactions: 1") for name in told)
        assert {one.state for one in report.claims if one.place == "rows"} >= {"there"}
        admin.execute("ROLLBACK PREPARED 'waits'")
        admin.execute("SELECT pg_drop_replication_slot('behind')")
        record = erasing.run(target, lambda: chosen, plan, Journal(None), rewrite=True)
        report = erasing.report(target, chosen, record)
        assert {one.state for one in report.claims if one.table == "lab.patient"} == {"gone"}


def test_a_partition_that_is_dropped_by_hand_leaves_nothing_in_its_file(lab: Server) -> None:
    lab.admin.execute(f"""
        CREATE TABLE lab.visit (id int, who text, age date) PARTITION BY RANGE (age);
        CREATE TABLE lab.visit_old PARTITION OF lab.visit FOR VALUES FROM ('1990-01-01') TO ('2001-01-01');
        INSERT INTO lab.visit SELECT n, '{PLANTED.decode()}', '{OLD}' FROM generate_series(1, 50) AS n;
        UPDATE lab.patient SET nir = NULL, letter = NULL;
    """)
    lab.admin.execute("VACUUM FULL lab.patient")
    lab.admin.execute("ANALYZE lab.patient")
    lab.admin.execute("VACUUM FULL pg_statistic")
    assert any(one.startswith("other") for one in found(lab))
    chosen = policy(rule("lab.visit"))
    (whole,) = erasing.plan(lab.target, chosen).dry.whole
    lab.admin.execute(whole.sql.encode())
    assert found(lab) <= {"pg_wal"}
