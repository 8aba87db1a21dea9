"""Rows from elsewhere: replication, foreign tables, restored dumps, encrypted tables."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.types.json import Jsonb

from pgguard.demo.cluster import Cluster
from tests.audit.oracle import Audited, Place
from tests.audit.store import install, with_store
from tests.audit.writes import PARTED, PARTS, TABLE
from tests.encryption.encrypting import encrypted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

ONE = {"lab.t": Audited("who", {"b": "plain"})}


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, settings={"wal_level": "logical"}) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(
                "CREATE ROLE app LOGIN; CREATE ROLE lab_owner LOGIN; CREATE ROLE copier LOGIN SUPERUSER"
            )
        yield cluster


def _place(cluster: Cluster, database: str) -> Place:
    with_store(cluster, database)
    return Place(cluster, database)


def _arrives(place: Place, publisher: Place, *tables: str) -> None:
    """Waits until tables are what they are where they come from."""
    deadline = time.monotonic() + 30
    for table in tables:
        query = f"SELECT t::text FROM {table} AS t ORDER BY 1"
        while place.superuser(query) != publisher.superuser(query):
            assert time.monotonic() < deadline, table
            time.sleep(0.02)


def test_rows_that_arrive_by_replication(running: Cluster) -> None:
    publisher, place = _place(running, "publisher"), _place(running, "subscriber")
    also = "CREATE TABLE lab.later (id int PRIMARY KEY, v text);"
    publisher.begin(TABLE + PARTED + also, {})
    bare = "".join(
        line for line in (TABLE + PARTED + also).splitlines(keepends=True) if not line.startswith("INSERT")
    )
    audited = {**ONE, **PARTS, "lab.later": Audited("id", {"v": "plain"})}
    # audited first, as statements, then put into a subscription
    place.begin(bare, audited)
    publisher.superuser("CREATE PUBLICATION feed FOR TABLE lab.t, lab.p")
    publisher.superuser("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')")
    with place.session("copier") as connection, place.noted(connection):
        connection.execute(
            f"CREATE SUBSCRIPTION feed CONNECTION '{publisher.dsn()}' PUBLICATION feed"
            " WITH (create_slot = false, slot_name = 'feed')".encode()
        )
        _arrives(place, publisher, "lab.t", "lab.p")
    try:
        place.compare()
        place.all_audited()
        level = "SELECT relation::text, level FROM pgguard_audit.audited ORDER BY 1"
        assert place.superuser(level) == [("lab.later", "statement"), ("lab.p", "row"), ("lab.t", "row")]
        with publisher.session() as writer:
            for statement in (
                "INSERT INTO lab.t VALUES (20, 1, 'x', 2.50)",
                "UPDATE lab.t SET a = 'y', b = b * 2 WHERE id > 3",
                "UPDATE lab.t SET id = id + 100 WHERE id < 3",
                "DELETE FROM lab.t WHERE id = 5",
                "INSERT INTO lab.p VALUES (9, 2, 2, 'x')",
                "UPDATE lab.p SET v = 'moved', k = 3 WHERE k = 2",
                "DELETE FROM lab.p WHERE id = 9",
                "BEGIN; UPDATE lab.t SET a = 'gone'; ROLLBACK; UPDATE lab.t SET who = 9",
            ):
                with place.noted(place.looking()):
                    writer.execute(statement.encode())
                    _arrives(place, publisher, "lab.t", "lab.p")
            place.compare()
            # a statement of a user of the subscriber is recorded as ever
            with place.session() as local:
                place.run(local, "UPDATE lab.t SET a = 'local' WHERE id = 20")
                with pytest.raises(psycopg.Error) as refused, place.session("lab_owner") as owner:
                    owner.execute("TRUNCATE lab.t")
                assert refused.value.sqlstate == "PGA03"
            place.compare()
            # a refusal would end the replication
            publisher.superuser("TRUNCATE lab.p, lab.t")
            _arrives(place, publisher, "lab.t", "lab.p")
            ((told,),) = place.superuser(
                "SELECT count(DISTINCT object) FROM pgguard_audit.entry WHERE verb = 'TRUNCATE'"
            )
            assert told >= 2
            with place.noted(place.looking()):
                writer.execute("INSERT INTO lab.t (id) VALUES (1)")
                _arrives(place, publisher, "lab.t")
            place.compare()
            publisher.superuser("ALTER PUBLICATION feed ADD TABLE lab.later")
            writer.execute("INSERT INTO lab.later VALUES (1, 'x')")
            with place.noted(place.looking()):
                with place.session("copier") as connection:
                    connection.execute("ALTER SUBSCRIPTION feed REFRESH PUBLICATION")
                _arrives(place, publisher, "lab.later")
            with place.noted(place.looking()):
                writer.execute("UPDATE lab.later SET v = 'y'")
                _arrives(place, publisher, "lab.later")
            place.compare()
        assert {kind for _, kind in place.superuser(level)} == {"row"}
        # the worker writes as the subscription's owner, and is told from his sessions
        seen = place.superuser(
            "SELECT DISTINCT e.login, e.application, a.backend_type LIKE 'logical replication%%'"
            " FROM pgguard_audit.entry AS e"
            " JOIN pg_stat_activity AS a ON (a.pid, a.backend_start) = (e.pid, e.backend_start)"
            " WHERE e.shape IS NOT NULL"
            " AND a.pid <> pg_backend_pid()"
        )
        assert seen == [("copier", "", True)]
    finally:
        place.superuser("ALTER SUBSCRIPTION feed DISABLE")
        place.superuser("ALTER SUBSCRIPTION feed SET (slot_name = NONE)")
        place.superuser("DROP SUBSCRIPTION feed")
        place.looking().close()
        publisher.looking().close()


def test_foreign_tables(running: Cluster) -> None:
    far, place = _place(running, "far"), _place(running, "near")
    far.begin(
        "CREATE TABLE lab.t (id int, who int, b numeric); CREATE TABLE lab.p2 (id int, k int, who"
        " int, v text);",
        {},
    )
    place.superuser("CREATE EXTENSION postgres_fdw")
    server = f"host '{running.socket_dir}', port '{running.port}', dbname 'far'"
    place.superuser(f"CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({server})")
    place.superuser(
        "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'postgres', password_required 'false')"
    )
    place.superuser("GRANT USAGE ON FOREIGN SERVER far TO lab_owner")
    tables = """
    CREATE FOREIGN TABLE lab.t (id int NOT NULL, who int, b numeric) SERVER far OPTIONS (schema_name 'lab');
    CREATE TABLE lab.p (id int NOT NULL, k int, who int, v text) PARTITION BY LIST (k);
    CREATE TABLE lab.p1 PARTITION OF lab.p FOR VALUES IN (1);
    CREATE FOREIGN TABLE lab.p2 PARTITION OF lab.p FOR VALUES IN (2) SERVER far OPTIONS (schema_name 'lab');
    """
    place.begin(tables, {"lab.t": Audited("who"), "lab.p": Audited("who")})
    assert {kind for (kind,) in place.superuser("SELECT level FROM pgguard_audit.audited")} == {"row"}
    with place.session() as connection:
        for statement in (
            "INSERT INTO lab.t VALUES (1, 1, 1.50), (2, 2, NULL)",
            "UPDATE lab.t SET b = 2 WHERE id = 1",
            "DELETE FROM lab.t WHERE id = 2",
            "INSERT INTO lab.p VALUES (1, 1, 1, 'x'), (2, 2, 2, 'y')",
            "UPDATE lab.p SET v = 'z'",
            "UPDATE lab.p SET k = 2 WHERE k = 1",
            "DELETE FROM lab.p WHERE id = 2",
        ):
            place.run(connection, statement)
    place.compare()
    place.all_audited()
    # a partition that becomes foreign later
    place.begin(PARTED.replace(", PRIMARY KEY (id, k)", ""), {"lab.p": Audited("who")})
    with place.session("lab_owner") as connection:
        connection.execute(
            "CREATE FOREIGN TABLE lab.f PARTITION OF lab.p FOR VALUES IN (9) SERVER far"
            " OPTIONS (schema_name 'lab', table_name 'p2')"
        )
        place.run(connection, "INSERT INTO lab.p SELECT 30 + g, g, g, 'n' FROM generate_series(1, 9) AS g")
        place.run(connection, "UPDATE lab.p SET who = 5")
        place.run(connection, "DELETE FROM lab.p WHERE k > 5")
    place.compare()
    place.all_audited()
    if running.postgres.major >= 16:
        with pytest.raises(psycopg.Error) as refused:
            place.superuser("TRUNCATE lab.f")
        assert refused.value.sqlstate == "PGA03"
    place.looking().close()
    far.looking().close()


def _program(cluster: Cluster, name: str, *arguments: str) -> None:
    done = subprocess.run(
        [cluster.postgres.bin / name, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=cluster.postgres.environment(),
        cwd="/",
    )
    assert done.returncode == 0, done.stderr


def test_a_restored_dump_goes_on_being_audited(running: Cluster, postgres: Postgres, tmp_path: Path) -> None:
    place = _place(running, "dumped")
    place.begin(TABLE + PARTED, {**ONE, **PARTS})
    with place.session("lab_owner") as connection:
        # numbers of columns that a dump does not keep
        connection.execute("ALTER TABLE lab.t DROP COLUMN a; ALTER TABLE lab.t ADD COLUMN a text")
        place.run(connection, "UPDATE lab.t SET a = 'x', b = 1")
        place.run(connection, "INSERT INTO lab.p3 VALUES (70, 3, 3, 'x')")
    place.compare()
    file = str(tmp_path / "dump")
    _program(running, "pg_dump", "-Fc", "-f", file, place.dsn())
    with Cluster.start(postgres) as other:
        with psycopg.connect(other.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN; CREATE ROLE lab_owner LOGIN")
            # so that numbers of objects differ
            connection.execute(
                "CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE b (id int PRIMARY KEY, t text)"
            )
            roles = place.superuser("SELECT rolname FROM pg_roles WHERE rolname LIKE 'pgguard%'")
            for (role,) in roles:
                connection.execute(f"CREATE ROLE {role} NOLOGIN".encode())
            connection.execute("GRANT pg_read_all_stats TO pgguard_audit_owner")
        _program(other, "pg_restore", "--exit-on-error", "--create", "-d", other.dsn(), file)
        restored = Place(other, "dumped", audited=place.audited, expected=place.expected, start=place.start)
        whole = "SELECT e::text FROM pgguard_audit.entry AS e ORDER BY id"
        assert restored.superuser(whole) == place.superuser(whole)
        restored.compare()
        restored.all_audited()
        with restored.session() as connection:
            restored.run(connection, "UPDATE lab.t SET b = 2, a = 'y'")
            restored.run(connection, "UPDATE lab.p SET v = 'later' WHERE k = 3")
        # known by their numbers were privileges and columns
        restored.superuser("CREATE TABLE lab.other (id int)")
        restored.superuser("GRANT SELECT ON lab.other TO app")
        told = restored.superuser(
            "SELECT object FROM pgguard_audit.entry WHERE verb = 'GRANT' AND at > now() - interval"
            " '1 min' AND object LIKE 'lab.%%'"
        )
        assert ("lab.other",) in told
        assert len(told) == 1 + len(
            place.superuser(
                "SELECT 1 FROM pgguard_audit.entry WHERE verb = 'GRANT' AND object LIKE 'lab.%%'"
                " AND at > now() - interval '1 min'"
            )
        )
        with restored.session("lab_owner") as connection:
            connection.execute("ALTER TABLE lab.t RENAME b TO bb; ALTER TABLE lab.t ADD COLUMN b numeric")
            restored.audited = {"lab.t": Audited("who", {"bb": "plain"}), **PARTS}
            restored.run(connection, "UPDATE lab.t SET bb = 3, b = 4")
        restored.compare()
        restored.all_audited()
        assert restored.superuser(
            "SELECT 1 FROM pgguard_audit.entry WHERE verb = 'AUDIT CHANGED' AND object LIKE 'a dump%%'"
        )
        restored.looking().close()
    place.looking().close()


def test_encrypted_tables(running: Cluster) -> None:
    laboratory = encrypted(running, "clinic", tables=("lab.patient",))
    with psycopg.connect(laboratory.dsn(), autocommit=True) as connection:
        install(connection)
        stored = [
            str(name)
            for (name,) in connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'lab.patient_pgg1'::regclass AND"
                " atttypid = 'bytea'::regtype"
                " AND attnum > 0 AND NOT attisdropped"
            )
        ]
    classes = {**dict.fromkeys(stored, "cipher"), "name": "mark"}
    place = Place(running, "clinic", audited={"lab.patient_pgg1": Audited("id", classes)})
    place.superuser("SELECT pgguard_audit.audit('lab.patient_pgg1', 'id', %s)", Jsonb(classes))
    ((place.start,),) = place.superuser("SELECT clock_timestamp()")
    clear = ["198765432109876", "1961-05-17", "06 55443322", "planted-note", "planted-allele"]
    with laboratory.session("secretary") as connection:
        for statement, values in (
            (
                "INSERT INTO lab.patient (id, name, nir, born, phone, note, data) VALUES (900,"
                " 'New', %s, %s, %s, %s, %s)",
                (*clear[:4], Jsonb({"allele": clear[4]})),
            ),
            ("UPDATE lab.patient SET note = note || '!', phone = %s WHERE id IN (900, 1)", (clear[2],)),
            ("UPDATE lab.patient SET nir = NULL WHERE id = 2", ()),
            ("UPDATE lab.patient SET name = 'Other' WHERE id = 3", ()),
            ("DELETE FROM lab.patient WHERE id IN (900, 4)", ()),
        ):
            with place.noted(place.looking()):
                connection.execute(statement.encode(), values or None)
    place.compare()
    assert {one.kind for one in place.recorded()} == {"came", "changed", "gone"}
    ((text,),) = place.superuser("SELECT string_agg(e::text, ' ') FROM pgguard_audit.entry AS e")
    assert not [one for one in clear if one in text or one.encode().hex() in text]
    assert [one for one in stored if any(one in dict(each.new) for each in place.recorded())]
    place.looking().close()
