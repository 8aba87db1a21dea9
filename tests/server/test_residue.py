"""Searching for clear values: held to grep over the files at every stage of an encryption by hand."""

from __future__ import annotations

import gzip
import json
import secrets
import subprocess
import time
import uuid
from importlib import resources
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ConnectError, InputError, SetupError, UsageError
from pgguard.server.connect import Target
from pgguard.server.residue import Wanted, search
from pgguard.store.kek_provider import Kek

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.residue import Found, Residue

    Run = Callable[..., subprocess.CompletedProcess[str]]

_INSTALL = resources.files("pgguard").joinpath("sql/install/010_encryption.sql").read_bytes()
_PEOPLE = 300
_ALL = 10 * _PEOPLE
_SMALL_WAL = {"min_wal_size": "2MB", "max_wal_size": "2MB", "wal_compression": "off"}
_SETTINGS = {"logging_collector": "on", "log_directory": "log", **_SMALL_WAL}


class Hospital:
    """A database with keys, and a table whose columns are encrypted by hand, step by step."""

    def __init__(self, cluster: Cluster, admin: psycopg.Connection) -> None:
        self.cluster = cluster
        self.admin = admin
        self.kek = Kek(secrets.token_bytes(32))
        self.target = Target(cluster.dsn(dbname="lab"))

    def run(self, text: str, *values: object) -> None:
        """One statement."""
        self.admin.execute(text.encode(), values or None)

    def names(self, text: str) -> list[str]:
        """The first column of a query."""
        return [row[0] for row in self.admin.execute(text.encode()).fetchall()]

    def search(self, *canaries: str, sample: int = _ALL, target: Target | None = None) -> Residue:
        """A search with the key."""
        return search(target or self.target, Wanted(sample, canaries, self.kek))

    def unlock(self) -> None:
        """Open this session."""
        psycopg.RawCursor(self.admin).execute(b"SELECT pgguard.unlock($1)", (self.kek.reveal(),))


@pytest.fixture
def hospital(new_cluster: Callable[..., Cluster]) -> Iterator[Hospital]:
    cluster = new_cluster(settings=_SETTINGS)
    if cluster.postgres.major < 14:
        pytest.skip("columns are encrypted on PostgreSQL 14 and later")
    with _opened(cluster) as admin:
        yield _prepared(cluster, admin)


def _opened(cluster: Cluster) -> psycopg.Connection:
    with psycopg.connect(cluster.dsn(), autocommit=True) as first:
        first.execute("CREATE DATABASE lab")
    return psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True)


def _prepared(cluster: Cluster, admin: psycopg.Connection) -> Hospital:
    found = Hospital(cluster, admin)
    admin.execute(_INSTALL)
    for text in (b"SELECT pgguard.new_kek($1)", b"SELECT pgguard.new_key($1, 'main', 'data')"):
        psycopg.RawCursor(admin).execute(text, (found.kek.reveal(),))
    found.run("CREATE SCHEMA lab")
    return found


def _people(hospital: Hospital) -> list[str]:
    hospital.run("CREATE TABLE lab.patient (id integer PRIMARY KEY, nir text, nom text, born date)")
    hospital.run(
        "INSERT INTO lab.patient SELECT n, '2840775' || pg_catalog.md5(n::text), "
        "'name of a patient that was planted ' || left(pg_catalog.md5('nom' || n), 12), "
        "date '1950-01-01' + n "
        f"FROM generate_series(1, {_PEOPLE}) AS n"
    )
    hospital.run("CREATE INDEX patient_nir ON lab.patient (nir)")
    hospital.run("CREATE INDEX patient_nom ON lab.patient (lower(nom))")
    hospital.run("ANALYZE lab.patient")
    return hospital.names("SELECT nir FROM lab.patient UNION ALL SELECT nom FROM lab.patient")


def _register(hospital: Hospital, table: str, *columns: str) -> None:
    for column in columns:
        hospital.run(f"ALTER TABLE lab.{table} ADD COLUMN {column}_pgg1 bytea")
        hospital.run(
            "INSERT INTO pgguard.encrypted_column (id, table_schema, table_name, column_name, storage_name, "
            "stored_column, key_group) VALUES (gen_random_uuid(), 'lab', %s, %s, %s, %s, 'main')",
            table,
            column,
            table,
            f"{column}_pgg1",
        )
        hospital.run(
            f"CREATE FUNCTION pgguard.open__lab__{table}__{column}(stored bytea, key_1 integer) RETURNS text "
            "LANGUAGE sql STABLE AS $$ SELECT convert_from(pgguard.pgg1_open("
            f"stored, pgguard.session_keys('pgguard.data_main'), '{column}'::bytea || int4send(key_1)), "
            "'UTF8') $$"
        )


def _seal(hospital: Hospital, table: str, *columns: str) -> None:
    sets = ", ".join(
        f"{one}_pgg1 = pgguard.pgg1_seal(convert_to({one}, 'UTF8'), "
        f"pgguard.session_keys('pgguard.data_main'), '{one}'::bytea || int4send(id))"
        for one in columns
    )
    hospital.unlock()
    hospital.run(f"UPDATE lab.{table} SET {sets}")


def _grep(hospital: Hospital, values: Iterable[str], tmp_path: Path) -> set[str]:
    """The files of the data directory in which grep finds any of the values."""
    patterns = tmp_path / "patterns"
    patterns.write_text("".join(f"{one}\n" for one in values), encoding="utf-8")
    done = subprocess.run(
        ["grep", "-r", "-l", "-a", "-F", "-f", patterns, "."],
        cwd=hospital.cluster.data_directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {line.removeprefix("./") for line in done.stdout.splitlines()}


def _in_files(found: Residue) -> set[str]:
    # what stands compressed in a file is for grep not there
    return {
        one.file for one in found.found if one.file and dict(one.offsets).get("compressed", 0) < one.times
    }


def _kinds(found: Residue) -> set[str]:
    return {one.kind for one in found.found}


def _parts(found: Iterable[Found], kind: str) -> set[str]:
    return {part for one in found if one.kind == kind for part, _ in one.offsets}


def _write_over_wal(hospital: Hospital) -> None:
    hospital.run("CREATE TABLE junk AS SELECT repeat('x', 500) AS x FROM generate_series(1, 3000)")
    for _ in range(40):
        hospital.run("UPDATE junk SET x = repeat('y', 500)")
        hospital.run("VACUUM junk")
        hospital.run("SELECT pg_switch_wal()")
        hospital.run("CHECKPOINT")
    hospital.run("DROP TABLE junk")
    hospital.run("CHECKPOINT")


def test_what_is_found_at_every_stage_is_what_grep_finds(hospital: Hospital, tmp_path: Path) -> None:
    values = _people(hospital)
    _register(hospital, "patient", "nir", "nom")

    def stage() -> Residue:
        found = hospital.search()
        assert _in_files(found) == _grep(hospital, values, tmp_path)
        assert [one.reason for one in found.sought] == ["", ""]
        assert all(one.searched == _PEOPLE for one in found.sought)
        assert not found.unsearched
        return found

    clear = stage()
    assert {"table", "index", "statistics", "wal"} <= _kinds(clear)
    assert _parts(clear.found, "table") == {"row"}
    assert any("lab.patient (nir)" in one.name for one in clear.found if not one.file)

    _seal(hospital, "patient", "nir", "nom")
    # drawing values reads the pages, and thereby cuts old versions of rows out of them
    assert {"row", "free space"} <= _parts(stage().found, "table")

    for column in ("nir", "nom"):
        hospital.run(f"ALTER TABLE lab.patient DROP COLUMN {column}")
        hospital.run(f"ALTER TABLE lab.patient ADD COLUMN {column} text CHECK ({column} IS NULL)")
    dropped = stage()
    # the rows that are in use still hold what was dropped
    assert "row" in _parts(dropped.found, "table")
    assert "index" not in _kinds(dropped)

    hospital.run("VACUUM lab.patient")
    assert "row" in _parts(stage().found, "table")

    hospital.run("VACUUM FULL lab.patient")
    rewritten = stage()
    assert _kinds(rewritten) == {"statistics", "wal"}
    assert rewritten.exit_code == 1

    hospital.run("VACUUM FULL pg_statistic")
    assert _kinds(stage()) == {"wal"}

    _write_over_wal(hospital)
    clean = stage()
    assert not clean.found
    assert clean.exit_code == 0


def test_the_part_of_the_page_is_told(hospital: Hospital) -> None:
    values = _people(hospital)

    def parts(number: int) -> set[str]:
        found = hospital.search(values[number])
        return _parts([one for one in found.found if one.name == "lab.patient"], "copy")

    last = _PEOPLE - 1
    assert parts(last) == {"row"}
    hospital.run(f"DELETE FROM lab.patient WHERE id = {_PEOPLE}")
    assert parts(last) == {"deleted row"}
    # the last row of a page: no other one is moved over it
    hospital.run("VACUUM (TRUNCATE off) lab.patient")
    assert parts(last) == {"free space"}
    entries = hospital.search(values[2]).found
    assert _parts([one for one in entries if one.name == "lab.patient_nir"], "copy") == {"index entry"}


def test_the_statistics_of_an_emptied_column_stay(hospital: Hospital, tmp_path: Path) -> None:
    values = _people(hospital)
    _register(hospital, "patient", "nir")
    _seal(hospital, "patient", "nir")
    hospital.run("UPDATE lab.patient SET nir = NULL, nom = NULL")
    hospital.run("VACUUM FULL lab.patient")
    found = hospital.search()
    assert _in_files(found) == _grep(hospital, [one for one in values if one.startswith("284")], tmp_path)
    named = {one.name for one in found.found if one.kind == "statistics" and not one.file}
    assert named == {"lab.patient (nir)"}


def _long_texts() -> list[str]:
    # compressible, and each with words of its own from the first line on
    words = ["consultation", "tension", "examen", "du patient", "sans particularite"]
    return [
        " ".join(
            f"{words[(n + i) % 5]} {secrets.token_hex(4)}" if i % 4 == 0 else words[(n + i) % 5]
            for i in range(lines)
        )
        for n, lines in enumerate((60, 160, 300, 900))
    ]


@pytest.mark.parametrize("method", ["pglz", "lz4"])
def test_compressed_values_are_found_after_they_were_deleted(hospital: Hospital, method: str) -> None:
    if method == "lz4":
        try:
            hospital.run("SET default_toast_compression = 'lz4'")
        except psycopg.Error:
            pytest.skip("this server has no LZ4")
    texts = _long_texts()
    hospital.run("CREATE TABLE lab.note (id integer, note text)")
    for number, text in enumerate(texts):
        for copy in range(3):
            # neighbours that fill a page, so that long rows are compressed
            hospital.run("INSERT INTO lab.note VALUES (%s, %s)", number, text + " " * copy)
    stored = hospital.names(
        "SELECT DISTINCT pg_column_compression(note) FROM lab.note WHERE length(note) > 2100"
    )
    assert stored == [method]
    for statement in ("SELECT 1", "DELETE FROM lab.note", "VACUUM (TRUNCATE off) lab.note"):
        hospital.run(statement)
        for text in texts[-3:]:
            found = hospital.search(text)
            places = [one for one in found.found if one.kind == "copy" and "compressed" in dict(one.offsets)]
            assert places, statement
    hospital.run("VACUUM FULL lab.note")
    assert not [one for text in texts for one in hospital.search(text).found if one.kind == "copy"]


def test_statistics_that_are_compressed_are_read(hospital: Hospital) -> None:
    values = _people(hospital)
    hospital.run("ALTER TABLE lab.patient ALTER COLUMN nom SET STATISTICS 1000")
    hospital.run("ANALYZE lab.patient")
    hospital.run("DELETE FROM lab.patient")
    hospital.run("VACUUM FULL lab.patient")
    found = hospital.search(*values)
    seen = [one for one in found.found if one.kind == "statistics"]
    assert {one.name for one in seen if not one.file} == {
        "lab.patient (nir)",
        "lab.patient (nom)",
        "lab.patient_nom (lower)",
    }
    # some fit into a row of pg_statistic once they are compressed, and more of them do not
    packed = {one.name for one in seen if "compressed" in dict(one.offsets)}
    assert packed == {"pg_catalog.pg_statistic", "pg_toast.pg_toast_2619"}
    toasted = [one for one in seen if one.name == "pg_toast.pg_toast_2619"]
    assert sum(count for one in toasted for _, count in one.values) >= _PEOPLE
    hospital.run("TRUNCATE lab.patient")
    hospital.run("DELETE FROM pg_statistic WHERE starelid >= 16384")
    removed = hospital.search(*values)
    assert {one.name for one in removed.found if one.kind == "statistics"} >= packed
    hospital.run("VACUUM FULL pg_statistic")
    assert "statistics" not in _kinds(hospital.search(*values))


_TYPES = {
    "whole": ("bigint", "712345678901234"),
    "amount": ("numeric(15)", "284077512345678"),
    "moment": ("timestamp", "'2021-03-04 05:06:07.891'"),
    "zoned": ("timestamptz", "'2021-03-04 05:06:07.892+00'"),
    "key": ("uuid", f"'{uuid.UUID(int=0x5B1F2F0E6B0B5D439B0E0D5A8F7A9C11)}'"),
    "raw": ("bytea", "'\\x5b1f2f0e6b0b5d43'"),
    "document": ("jsonb", '\'{"name": "planted in a document", "ids": [1, "planted in an array"]}\''),
    "texts": ("text[]", "ARRAY['planted as an element']"),
    "padded": ("char(40)", "'planted and padded'"),
}
_UNTOLD = {
    "day": ("date", "'2021-03-04'"),
    "small": ("integer", "12345"),
    "flag": ("boolean", "true"),
    "cents": ("numeric(6,2)", "12.34"),
    "little": ("bigint", "1234"),
    "midnight": ("timestamp", "'2021-03-04'"),
    "short": ("text", "'abcde'"),
}


def test_types_are_looked_for_as_they_are_stored(hospital: Hospital) -> None:
    every = {**_TYPES, **_UNTOLD}
    hospital.run("CREATE TABLE lab.kinds (id integer PRIMARY KEY)")
    hospital.run("INSERT INTO lab.kinds VALUES (1)")
    for name, (kind, value) in every.items():
        hospital.run(f"ALTER TABLE lab.kinds ADD COLUMN {name} {kind}")
        hospital.run(f"UPDATE lab.kinds SET {name} = {value}")
        _register(hospital, "kinds", name)
    found = hospital.search()
    told = {one.column.rpartition(".")[2] for one in found.sought if one.searched and not one.reason}
    assert told == set(_TYPES)
    met = {
        column.rpartition(".")[2] for one in found.found if one.kind == "table" for column, _ in one.values
    }
    assert met == set(_TYPES)


def test_every_other_place(hospital: Hospital) -> None:
    values = _people(hospital)
    data = hospital.cluster.data_directory
    own = hospital.names("SELECT oid::text FROM pg_database WHERE datname = 'lab'")[0]
    text = f"something before {values[0]} something after".encode()
    hospital.run("CREATE TABLE lab.sauvegarde AS SELECT nir FROM lab.patient")
    (data / "base" / own / "999999").write_bytes(text.ljust(8192, b"\0"))
    (data / "dump.sql").write_bytes(text)
    (data / "base" / "pgsql_tmp").mkdir(exist_ok=True)
    (data / "base" / "pgsql_tmp" / "pgsql_tmp1.0").write_bytes(text)
    (data / "log" / "old.log").write_bytes(text)
    (data / "log" / "older.log.gz").write_bytes(gzip.compress(text))
    (data / "log" / "oldest.log.zst").write_bytes(b"whatever")
    (data / "pg_stat_tmp").mkdir(exist_ok=True)
    (data / "pg_stat_tmp" / "pgss_query_texts.stat").write_bytes(text)
    with psycopg.connect(hospital.cluster.dsn(dbname="lab")) as other:
        other.execute(f"SELECT '{values[0]}'")
        found = hospital.search(*values)
    by_kind: dict[str, set[str]] = {}
    for one in found.found:
        by_kind.setdefault(one.kind, set()).add(one.name or one.file)
    assert {"lab.patient", "lab.sauvegarde"} <= by_kind["copy"]
    assert by_kind["left-over"] == {f"base/{own}/999999"}
    assert by_kind["other-file"] == {"dump.sql"}
    assert by_kind["temporary"] == {"base/pgsql_tmp/pgsql_tmp1.0"}
    assert by_kind["log"] == {"log/old.log", "log/older.log.gz"}
    assert by_kind["statements"] == {"pg_stat_tmp/pgss_query_texts.stat"}
    assert by_kind["sessions"] == {"pg_stat_activity"}
    assert [one.what for one in found.unsearched] == ["log/oldest.log.zst"]


def test_tracked_statements_are_read(new_cluster: Callable[..., Cluster]) -> None:
    try:
        cluster = new_cluster(settings={**_SETTINGS, "shared_preload_libraries": "pg_stat_statements"})
    except SetupError:
        pytest.skip("this server has no pg_stat_statements")
    if cluster.postgres.major < 14:
        pytest.skip("columns are encrypted on PostgreSQL 14 and later")
    with _opened(cluster) as admin:
        hospital = _prepared(cluster, admin)
        hospital.run("CREATE SCHEMA stats")
        hospital.run("CREATE EXTENSION pg_stat_statements SCHEMA stats")
        literal = f"planted {secrets.token_hex(8)}"
        # statements of this kind keep their constants
        hospital.run(f"COMMENT ON SCHEMA lab IS '{literal}'")
        hospital.run("COMMENT ON SCHEMA lab IS NULL")
        named = {one.name for one in hospital.search(literal).found if one.kind == "statements"}
        assert "pg_stat_statements" in named
        hospital.run("SELECT stats.pg_stat_statements_reset()")
        assert "statements" not in _kinds(hospital.search(literal))


def test_other_databases_are_searched_too(hospital: Hospital) -> None:
    values = _people(hospital)
    admin = psycopg.connect(hospital.cluster.dsn(), autocommit=True)
    hospital.admin.close()
    with admin:
        admin.execute("CREATE DATABASE training TEMPLATE lab")
    found = search(hospital.target, Wanted(canaries=tuple(values[:20])))
    places = [one for one in found.found if one.kind == "other-database"]
    assert {one.name for one in places} == {"database training"}


def test_a_value_over_the_border_of_two_pages_of_wal_is_found(hospital: Hospital) -> None:
    hospital.run("SELECT pg_switch_wal()")
    marks = [secrets.token_hex(16) for _ in range(600)]
    for mark in marks:
        hospital.run("SELECT pg_logical_emit_message(true, 'pgguard', %s)", mark)
    found = hospital.search(*marks)
    assert sum(count for one in found.found if one.kind == "wal" for _, count in one.values) >= len(marks)


def test_through_sql_the_same_is_found(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(settings=_SETTINGS, listen=["127.0.0.1"], tls=True)
    if cluster.postgres.major < 14:
        pytest.skip("columns are encrypted on PostgreSQL 14 and later")
    with _opened(cluster) as admin:
        hospital = _prepared(cluster, admin)
        values = _people(hospital)[:50]
        # by a name that is not this machine's
        far = Target(cluster.dsn(dbname="lab", host="far.example", hostaddr="127.0.0.1", sslmode="require"))
        near, remote = hospital.search(*values), hospital.search(*values, target=far)
        assert remote.how == "pg_read_binary_file"
        assert near.how != remote.how
        assert {(one.kind, one.name, one.file, one.times) for one in near.found if one.kind != "wal"} == {
            (one.kind, one.name, one.file, one.times) for one in remote.found if one.kind != "wal"
        }
        hospital.run("CREATE ROLE weak LOGIN PASSWORD 'only here'")
        weak = Target(
            cluster.dsn(
                user="weak",
                dbname="lab",
                host="far.example",
                hostaddr="127.0.0.1",
                sslmode="require",
                password="only here",
            )
        )
        # without any right it is never clean
        nothing = search(weak, Wanted(canaries=(secrets.token_hex(16),)))
        assert nothing.exit_code == 3
        assert {"the server's files", "pages in memory", "encrypted columns"} <= {
            one.what for one in nothing.unsearched
        }
        assert not nothing.files
        clear = Target(cluster.dsn(dbname="lab", host="far.example", hostaddr="127.0.0.1", sslmode="disable"))
        with pytest.raises(UsageError, match="network in clear"):
            hospital.search(*values, target=clear)


def test_without_the_key_a_column_cannot_be_told(hospital: Hospital) -> None:
    _people(hospital)
    _register(hospital, "patient", "nir")
    _seal(hospital, "patient", "nir")
    hospital.run("ALTER TABLE lab.patient DROP COLUMN nir")
    found = search(hospital.target, Wanted())
    assert found.exit_code == 3
    assert "no key" in found.sought[0].reason
    with pytest.raises(InputError, match="not the key-encryption key"):
        search(hospital.target, Wanted(key=Kek(secrets.token_bytes(32))))
    hospital.run("DROP FUNCTION pgguard.open__lab__patient__nir(bytea, integer)")
    assert "no function" in hospital.search().sought[0].reason


def test_what_is_beyond_the_search_is_told(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(
        settings={
            **_SETTINGS,
            "wal_level": "logical",
            "archive_mode": "on",
            "archive_command": "/bin/true",
            "max_prepared_transactions": "2",
            "wal_compression": "on",
        }
    )
    if cluster.postgres.major < 14:
        pytest.skip("columns are encrypted on PostgreSQL 14 and later")
    with _opened(cluster) as admin:
        hospital = _prepared(cluster, admin)
        _people(hospital)
        _register(hospital, "patient", "nir")
        hospital.run("SELECT pg_create_physical_replication_slot('left_over', true)")
        hospital.run("CREATE PUBLICATION everything FOR ALL TABLES")
        with admin.transaction():
            admin.execute("INSERT INTO lab.patient VALUES (0)")
            admin.execute("PREPARE TRANSACTION 'forgotten'")
        found = hospital.search()
        told = {one.what.split(",")[0]: one.holds for one in found.elsewhere}
        assert told["WAL archive"]
        assert told["subscribers of publication everything"]
        assert told["physical slot left_over"] is False
        assert told["prepared transactions: 1"] is False
        assert "base backups and dumps" in told
        assert "images of pages in WAL" in {one.what for one in found.unsearched}
        admin.execute("ROLLBACK PREPARED 'forgotten'")


def test_nothing_to_look_for_and_short_canaries_are_said(hospital: Hospital) -> None:
    with pytest.raises(UsageError, match="nothing to look for"):
        hospital.search()
    with pytest.raises(UsageError, match="canary 2 is shorter than 6 bytes") as raised:
        hospital.search("long enough", "tiny")
    assert "tiny" not in str(raised.value)


def test_an_older_server_is_refused(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    if cluster.postgres.major >= 14:
        pytest.skip("this one is not older")
    with pytest.raises(ConnectError, match="needs 14"):
        search(Target(cluster.dsn()), Wanted(canaries=("long enough",)))


def test_the_command_and_that_no_value_is_shown(hospital: Hospital, pgguard: Run, tmp_path: Path) -> None:
    hospital.run("ALTER SYSTEM SET log_statement = 'all'")
    hospital.run("ALTER SYSTEM SET log_min_duration_statement = 0")
    values = _people(hospital)
    _register(hospital, "patient", "nir", "nom")
    _seal(hospital, "patient", "nir", "nom")
    hospital.cluster.reload()
    canaries, key = tmp_path / "canaries.txt", tmp_path / "kek"
    planted = f"canary {secrets.token_hex(8)}"
    canaries.write_text(f"{planted}\n\n{values[5]}\n", encoding="utf-8")
    key.write_text(hospital.kek.reveal().hex(), encoding="ascii")
    key.chmod(0o600)
    options = ["--residue", "--canaries", str(canaries), "--key", f"file:{key}", "--sample", str(_ALL)]
    dsn = hospital.cluster.dsn(dbname="lab")
    text = pgguard("verify", dsn, *options)
    machine = pgguard("verify", *options, "--format", "json", "-d", dsn)
    assert text.returncode == machine.returncode == 1, text.stderr
    read = json.loads(machine.stdout)
    assert read["verdict"] == "found"
    assert {one["column"]: one["searched"] for one in read["sought"]} == {
        "canaries": 2,
        "lab.patient.nir": _PEOPLE,
        "lab.patient.nom": _PEOPLE,
    }
    assert "MB/s" in text.stdout
    logged = "".join(
        one.read_text("utf-8", "replace") for one in (hospital.cluster.data_directory / "log").iterdir()
    )
    shown = text.stdout + text.stderr + machine.stdout + machine.stderr + logged
    assert "TABLESAMPLE" in logged
    assert not [one for one in (*values, planted, hospital.kek.reveal().hex()) if one in shown]
    folder = tmp_path / "plan"
    folder.mkdir()
    refused = pgguard("verify", str(folder), dsn, "--residue")
    assert refused.returncode == 2
    assert "leave FOLDER" in refused.stderr


def test_how_many_megabytes_a_second_are_searched(hospital: Hospital) -> None:
    hospital.run(
        "CREATE TABLE lab.result AS SELECT n, now() + n * interval '1 second' AS at, n * 37 AS amount, "
        "'result ' || md5(n::text) AS text FROM generate_series(1, 300000) AS n"
    )
    # of the processor's time: others may use the machine as well
    began = time.process_time()
    found = hospital.search(*(secrets.token_hex(12) for _ in range(1000)))
    speed = found.bytes / 1e6 / (time.process_time() - began)
    print(f"{speed:.0f} MB a second of one core, with 1,000 canaries")
    assert not [one for one in found.found if one.file]
    assert speed > 20
