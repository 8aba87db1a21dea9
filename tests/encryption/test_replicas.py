"""Copies of an encrypted database, of every kind, open with the key and go on."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.demo import cluster as demo
from pgguard.demo.cluster import Cluster
from tests.encryption.encrypting import COLUMNS, ROLES, Laboratory, encrypted
from tests.encryption.phases import KEK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.binaries import Postgres

WRONG = bytes(32)
TABLES = ("lab.patient", "lab.every")


@pytest.fixture(scope="module")
def source(postgres: Postgres) -> Iterator[Laboratory]:
    with Cluster.start(postgres, settings={"wal_level": "logical"}) as running:
        yield encrypted(running, through="soak")


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


def _roles(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role in ROLES:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        connection.execute("CREATE ROLE pgguard_keys NOLOGIN")


def _same(laboratory: Laboratory) -> None:
    """Asserts that every value opens to what it was in clear."""
    everything = ", ".join(f"{name}::text" for name in COLUMNS)
    for query, kept in (
        (f"SELECT id, {everything} FROM {{}}.every ORDER BY id", "kept"),
        ("SELECT id, name, nir, born, phone, note, data FROM {}.patient WHERE id <= 40 ORDER BY id", "kept"),
    ):
        assert laboratory.superuser(query.format("lab")) == laboratory.superuser(query.format(kept))
    with laboratory.session("biologist") as connection:
        assert connection.execute(
            "SELECT id, nir FROM pgguard.find__lab__patient__nir((SELECT nir FROM lab.patient WHERE id = 7))"
        ).fetchall() == [(7, laboratory.kept()[7])]
    with laboratory.session("clerk") as connection:
        assert set(laboratory.read(connection).values()) == {None}
    with pytest.raises(psycopg.Error) as refused:
        laboratory.session(kek=WRONG)
    assert refused.value.sqlstate == "PGG01"
    with laboratory.session(kek=None) as connection, pytest.raises(psycopg.Error) as locked:
        connection.execute("SELECT nir FROM lab.patient")
    assert locked.value.sqlstate == "PGG01"


def _writes(laboratory: Laboratory, number: int) -> None:
    """Asserts that a row can be written, found and read."""
    nir = f"9{number:014d}"
    laboratory.superuser("INSERT INTO lab.patient (id, name, nir) VALUES (%s, 'new', %s)", number, nir)
    laboratory.superuser("UPDATE lab.patient SET note = 'seen' WHERE id = %s", number)
    found = laboratory.superuser("SELECT id, note FROM pgguard.find__lab__patient__nir(%s)", nir)
    assert found == [(number, "seen")]
    stored = laboratory.superuser(f"SELECT note_pgg1 FROM {laboratory.storage} WHERE id = %s", number)
    assert len(stored[0][0]) > 60


def test_a_dump_restored_into_another_server_opens_and_goes_on(
    source: Laboratory, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    file = str(tmp_path / "dump")
    _program(source.cluster, "pg_dump", "-Fc", "-f", file, source.dsn())
    other = new_cluster()
    _roles(other)
    _program(other, "pg_restore", "--exit-on-error", "--create", "-d", other.dsn(), file)
    phases = replace(source.phases, cluster=other)
    restored = Laboratory(other, source.database, source.form, phases)
    _same(restored)
    _writes(restored, 1001)
    phases.up("contract")
    _same(restored)
    _writes(restored, 1002)
    phases.down("contract", "soak", "switch")
    _same_in_clear(restored)
    # and a dump of what is in clear again, once more
    assert restored.storage == "lab.patient"


def _same_in_clear(laboratory: Laboratory) -> None:
    assert laboratory.superuser(
        "SELECT id, nir, born, phone, note, data FROM lab.patient WHERE id <= 40 ORDER BY id"
    ) == laboratory.superuser("SELECT id, nir, born, phone, note, data FROM kept.patient ORDER BY id")


def test_a_dump_of_the_contracted_database_opens(postgres: Postgres, tmp_path: Path) -> None:
    file = str(tmp_path / "dump")
    with Cluster.start(postgres) as first, Cluster.start(postgres) as other:
        laboratory = encrypted(first, through="contract")
        _program(first, "pg_dump", "-Fc", "-f", file, laboratory.dsn())
        _roles(other)
        _program(other, "pg_restore", "--exit-on-error", "--create", "-d", other.dsn(), file)
        restored = Laboratory(other, laboratory.database, "view", replace(laboratory.phases, cluster=other))
        _same(restored)
        _writes(restored, 1001)


def test_a_subscriber_of_the_storage_table_opens_what_arrives(
    source: Laboratory, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    other = new_cluster()
    _roles(other)
    schema, keys = str(tmp_path / "schema.sql"), str(tmp_path / "keys.sql")
    _program(source.cluster, "pg_dump", "-Fc", "-s", "-f", schema, source.dsn())
    _program(source.cluster, "pg_dump", "-Fc", "-a", "-n", "pgguard", "-n", "kept", "-f", keys, source.dsn())
    _program(other, "pg_restore", "--exit-on-error", "--create", "-d", other.dsn(), schema)
    _program(
        other, "pg_restore", "--exit-on-error", "--disable-triggers", "-d", other.dsn(dbname="clinic"), keys
    )
    subscriber = Laboratory(other, source.database, source.form, source.phases)
    bare = new_cluster()
    _bare_table(source, bare)
    source.superuser("CREATE PUBLICATION stored FOR TABLE lab.patient_pgg1, lab.every_pgg1")
    bare_database = bare.dsn(dbname="bare")
    names = {subscriber.dsn(): "full", bare_database: "bare"}
    try:
        for dsn, name in names.items():
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION stored").format(
                        sql.Identifier(name), sql.Literal(source.dsn())
                    )
                )
        _writes(source, 2001)
        source.superuser("DELETE FROM lab.patient WHERE id = 40")
        for dsn in names:
            _arrived(source, dsn)
        source.superuser("INSERT INTO lab.patient SELECT * FROM kept.patient WHERE id = 40")
        for dsn in names:
            _arrived(source, dsn)
        _same(subscriber)
        # what arrives was sealed already, and is the same, byte by byte
        query = b"SELECT id, nir_pgg1, nir_find, note_pgg1, born_pgg1 FROM lab.patient_pgg1 ORDER BY id"
        rows = source.superuser(query.decode())
        for dsn in names:
            with psycopg.connect(dsn) as connection:
                assert connection.execute(query).fetchall() == rows
        _writes(subscriber, 2002)
    finally:
        for dsn, name in names.items():
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP SUBSCRIPTION IF EXISTS {}").format(sql.Identifier(name)))
        source.superuser("DROP PUBLICATION stored")
        source.superuser("DELETE FROM lab.patient WHERE id = 2001")


def _bare_table(source: Laboratory, bare: Cluster) -> None:
    """A database that has the storage tables and nothing of pgguard."""
    with psycopg.connect(bare.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    with psycopg.connect(bare.dsn(dbname="bare"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA lab")
        for table in TABLES:
            columns = source.superuser(
                "SELECT string_agg(format('%%I %%s', attname, CASE WHEN atttypid < 16384 "
                "THEN format_type(atttypid, atttypmod) ELSE 'text' END), ', ') FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                f"{table}_pgg1",
            )[0][0]
            connection.execute(f"CREATE TABLE {table}_pgg1 ({columns}, PRIMARY KEY (id))".encode())


def _arrived(source: Laboratory, dsn: str) -> None:
    """Waits until the subscriber has the rows of the publisher."""
    query = b"SELECT count(*), md5(string_agg(id::text, ',' ORDER BY id)) FROM lab.patient_pgg1"
    deadline = time.monotonic() + 60
    wanted = source.superuser(query.decode())
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(query).fetchall() != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextlib.contextmanager
def _standby(primary: Cluster) -> Iterator[Cluster]:
    """A physical standby of a cluster, made by pg_basebackup."""
    folder = Path(tempfile.mkdtemp(prefix="pggs", dir=primary.folder.parent))
    folder.chmod(0o755)
    demo._give(folder)
    account = demo._server_user()
    data = folder / "data"
    subprocess.run(
        [primary.postgres.bin / "pg_basebackup", "-D", data, "-R", "-c", "fast", "-d", primary.dsn()],
        check=True,
        capture_output=True,
        env=primary.postgres.environment(),
        cwd="/",
        **account,
    )
    port, held = demo._reserve("")
    demo._append_settings(
        data / "postgresql.conf", {"port": str(port), "unix_socket_directories": str(folder)}
    )
    process = demo._launch(primary.postgres, data, folder / "server.log")
    with Cluster(primary.postgres, folder, port, process, held) as running:
        running._wait_until_ready()
        yield running


def test_a_standby_opens_with_the_key_and_writes_once_it_is_promoted(source: Laboratory) -> None:
    with _standby(source.cluster) as running:
        standby = Laboratory(running, source.database, source.form, source.phases)
        _writes(source, 3001)
        _caught_up(source.cluster, running)
        _same(standby)
        with standby.session("biologist") as connection:
            assert connection.execute("SELECT note FROM lab.patient WHERE id = 3001").fetchone() == ("seen",)
            connection.execute("SELECT pgguard.lock()")
            with pytest.raises(psycopg.Error) as locked:
                connection.execute("SELECT note FROM lab.patient WHERE id = 3001")
            assert locked.value.sqlstate == "PGG01"
            connection.execute("SELECT pgguard.unlock(%b)", (KEK,))
            assert connection.execute("SELECT note FROM lab.patient WHERE id = 3001").fetchone() == ("seen",)
        with standby.session() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("UPDATE lab.patient SET nir = NULL WHERE id = 1")
        with standby.session() as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)
        _writes(standby, 3002)
        _same(standby)
    source.superuser("DELETE FROM lab.patient WHERE id = 3001")


def _caught_up(primary: Cluster, standby: Cluster) -> None:
    with psycopg.connect(primary.dsn(), autocommit=True) as connection:
        (wanted,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
    deadline = time.monotonic() + 60
    with psycopg.connect(standby.dsn(), autocommit=True) as connection:
        query = "SELECT coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false)"
        while connection.execute(query, (wanted,)).fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
