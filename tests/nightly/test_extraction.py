"""Extractions on a real server: exactly the mandated cells leave, encrypted, or nothing does."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import hmac
import io
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyrage
import pysequoia
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.errors import ConnectError, InputError, PolicyError, UsageError
from pgguard.model.mandate import Mandate, MandateTable
from pgguard.nightly.extraction import extract
from pgguard.server.connect import Target
from pgguard.store.mandate_journal import append, read_journal
from tests.mandates_made import (
    DAY,
    NOW,
    PLANTED,
    ROLE,
    SETUP,
    TABLE,
    UNDO,
    age_identity,
    certificate,
    mandate,
    openpgp_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

EXPECTED = [
    ["id", "taken", "result"],
    ["2", "2024-03-01", PLANTED],
    ["3", "2024-03-02", 'two\nlines, "quoted"\r\n'],
    ["4", "2024-03-03", ""],
    ["5", "2024-03-04", ""],
    ["6", "2024-03-05", "é €"],
]


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        yield running


@pytest.fixture
def lab(server: Cluster) -> Iterator[Cluster]:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(SETUP.encode())
        yield server
        connection.execute(UNDO.encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir(0o700)
    return made


@pytest.fixture
def identity() -> Any:
    return age_identity()


@pytest.fixture
def one(folder: Path, identity: Any) -> Mandate:
    return mandate(folder, str(identity.to_public()))


def _target(cluster: Cluster, user: str = ROLE) -> Target:
    return Target.from_options(cluster.dsn(user=user))


def _own(one: Mandate) -> Path:
    return Path(one.folder, one.name)


def _clear(one: Mandate, name: str, identity: Any) -> bytes:
    content = (_own(one) / name).read_bytes()
    if name.endswith(".age"):
        return pyrage.decrypt(content, [identity])  # type: ignore[no-any-return]
    found = pysequoia.decrypt(content, identity.decryptor()).bytes
    assert found is not None
    return found


def _names(one: Mandate) -> set[str]:
    return {each.name for each in _own(one).iterdir()} if _own(one).exists() else set()


def _execute(cluster: Cluster, sql: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.encode())


def view(columns: str, condition: str = "true") -> str:
    name = "mandate_migration.lab__analysis"
    return (
        f"DROP VIEW {name}; CREATE VIEW {name} WITH (security_barrier) AS SELECT {columns} "
        f"FROM lab.analysis WHERE {condition}; GRANT SELECT ON {name} TO {ROLE}"
    )


def test_exactly_the_mandated_cells(lab, one, identity):
    made = extract(one, [TABLE], _target(lab), NOW)
    text = _clear(one, "lab.analysis.csv.age", identity)
    assert list(csv.reader(io.StringIO(text.decode(), newline=""))) == EXPECTED
    assert b'4,2024-03-03,\n5,2024-03-04,""\n' in text
    assert _names(one) == {"lab.analysis.csv.age", "checksums.json.age", "manifest.json", "journal.jsonl"}
    assert made.rows == 5
    assert made.origin.role == made.origin.login == ROLE
    assert made.origin.lsn
    assert made.origin.cluster
    assert [(each.name, each.type) for each in made.tables[0].columns] == [
        ("id", "integer"),
        ("taken", "date"),
        ("result", "text"),
    ]
    assert [each.event for each in read_journal(one).entries] == ["extracting", "extracted"]
    for path in _own(one).iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert PLANTED.encode() not in path.read_bytes()


def test_the_manifest_reconciles(lab, one, identity):
    extract(one, [TABLE], _target(lab), NOW)
    manifest = json.loads((_own(one) / "manifest.json").read_text())
    (table,) = manifest["tables"]
    (file,) = table["files"]
    content = (_own(one) / file["file"]).read_bytes()
    assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    sums = json.loads(_clear(one, "checksums.json.age", identity))
    text = _clear(one, file["file"], identity)
    digest = hashlib.sha256(text)
    assert sums["files"] == {file["file"]: [digest.hexdigest(), len(text)]}
    key = bytes.fromhex(sums["key"])
    assert hmac.new(key, digest.digest(), "sha256").hexdigest() == file["plain_mac"]
    assert digest.hexdigest() not in json.dumps(manifest)
    assert sums["key"] not in json.dumps(manifest)
    assert manifest["recipients"] == [["age", str(identity.to_public())]]


def test_three_recipients_of_both_kinds(lab, folder, tmp_path):
    ages, key = [age_identity(), age_identity()], openpgp_key()
    to = [str(each.to_public()) for each in ages] + [certificate(tmp_path / "r.asc", key)]
    one = mandate(folder, *to)
    extract(one, [TABLE], _target(lab), NOW)
    texts = [_clear(one, "lab.analysis.csv.age", each) for each in ages]
    texts.append(_clear(one, "lab.analysis.csv.pgp", key))
    assert len(set(texts)) == 1
    assert PLANTED.encode() in texts[0]
    assert {"checksums.json.age", "checksums.json.pgp"} < _names(one)


def test_gnupg_opens_it(lab, folder, tmp_path):
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        gpg += ["--passphrase", ""]
        made = [*gpg, "--quick-generate-key", "r@example.org", "future-default", "default", "never"]
        subprocess.run(made, check=True, capture_output=True)
        public = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
        (tmp_path / "r.asc").write_bytes(public)
        one = mandate(folder, str(tmp_path / "r.asc"))
        extract(one, [TABLE], _target(lab), NOW)
        file = _own(one) / "lab.analysis.csv.pgp"
        done = subprocess.run([*gpg, "--decrypt", str(file)], check=True, capture_output=True)
    assert PLANTED.encode() in done.stdout


def test_a_login_that_becomes_the_role(lab, one):
    made = extract(one, [TABLE], _target(lab, "postgres"), NOW)
    assert (made.origin.role, made.origin.login) == (ROLE, "postgres")


@pytest.mark.parametrize(("day", "said"), [(-2, "begins on"), (2, "ended on")])
def test_outside_of_the_window(lab, one, day, said):
    with pytest.raises(UsageError, match=said):
        extract(one, [TABLE], _target(lab), NOW + day * DAY)
    assert _names(one) == set()


def test_another_instruction(lab, one):
    Path(one.document).write_text("extract everything\n")
    with pytest.raises(UsageError, match="not the text that the policy"):
        extract(one, [TABLE], _target(lab), NOW)
    Path(one.document).unlink()
    with pytest.raises(UsageError, match="No such file"):
        extract(one, [TABLE], _target(lab), NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"ALTER ROLE {ROLE} SUPERUSER", "it is a superuser"),
        (f"ALTER ROLE {ROLE} BYPASSRLS", "BYPASSRLS"),
        (f"ALTER ROLE {ROLE} CREATEROLE", "CREATEROLE"),
        (f"GRANT pg_monitor TO {ROLE}", "member of other roles"),
        (f"CREATE TABLE lab.own (); ALTER TABLE lab.own OWNER TO {ROLE}", "owns objects"),
        (f"GRANT SELECT ON lab.analysis TO {ROLE}", "besides its view"),
        (f"GRANT SELECT (patient) ON lab.analysis TO {ROLE}", "besides its view"),
        ("ALTER VIEW mandate_migration.lab__analysis RESET (security_barrier)", "no security barrier"),
        ("DROP VIEW mandate_migration.lab__analysis", "was the mandate opened"),
        (f"REVOKE USAGE ON SCHEMA mandate_migration FROM {ROLE}", "does not let the role read"),
        (view("*"), "columns outside the mandate: patient"),
        (view("id, taken"), "may not read the mandated result"),
        ("ALTER TABLE lab.analysis RENAME TO analyses", "no such table"),
    ],
    ids=range(13),
)
def test_a_role_or_source_that_is_not_as_mandated(lab, one, change, said):
    _execute(lab, change)
    with pytest.raises(UsageError, match=said):
        extract(one, [TABLE], _target(lab), NOW)
    assert _names(one) == set()


def test_a_login_that_may_not_become_the_role(lab, one):
    _execute(lab, "CREATE ROLE somebody LOGIN")
    try:
        with pytest.raises(UsageError, match="may not become that role"):
            extract(one, [TABLE], _target(lab, "somebody"), NOW)
    finally:
        _execute(lab, "DROP ROLE somebody")


def test_a_row_policy_with_column_grants(lab, one, identity):
    _execute(
        lab,
        "DROP VIEW mandate_migration.lab__analysis;"
        f"GRANT USAGE ON SCHEMA lab TO {ROLE}; GRANT SELECT (id, taken, result) ON lab.analysis TO {ROLE};",
    )
    with pytest.raises(UsageError, match="row security is off"):
        extract(one, [TABLE], _target(lab), NOW)
    _execute(
        lab,
        "ALTER TABLE lab.analysis ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY p ON lab.analysis FOR SELECT TO {ROLE} USING (taken >= DATE '2024-03-01')",
    )
    made = extract(one, [TABLE], _target(lab), NOW)
    text = _clear(one, "lab.analysis.csv.age", identity)
    assert list(csv.reader(io.StringIO(text.decode(), newline=""))) == EXPECTED
    assert made.tables[0].source == "lab.analysis"
    assert made.tables[0].definition_sha256


def test_one_row_above_a_ceiling(lab, one):
    exact = dataclasses.replace(TABLE, ceiling=5)
    below = dataclasses.replace(TABLE, ceiling=4)
    with pytest.raises(UsageError, match="5 rows are above its ceiling of 4"):
        extract(one, [below], _target(lab), NOW)
    with pytest.raises(UsageError, match="all tables are above its ceiling of 4"):
        extract(dataclasses.replace(one, ceiling=4), [TABLE], _target(lab), NOW)
    assert _names(one) == set()
    assert extract(one, [exact], _target(lab), NOW).rows == 5


def test_rows_of_others_after_the_count_stay_out(lab, one, identity):
    def say(text: str) -> None:
        if text.startswith("lab.analysis"):
            _execute(lab, "INSERT INTO lab.analysis VALUES (7, 'Petit', '2024-03-06', 'late')")
            _execute(lab, "DELETE FROM lab.analysis WHERE id = 2")

    assert extract(one, [TABLE], _target(lab), NOW, say=say).rows == 5
    text = _clear(one, "lab.analysis.csv.age", identity)
    assert b"late" not in text
    assert PLANTED.encode() in text


def test_a_view_whose_rows_change_while_it_is_read(lab, one):
    _execute(
        lab,
        view("id, taken, result", "taken >= DATE '2024-03-01' OR current_query() LIKE 'COPY%'"),
    )
    with pytest.raises(InputError, match="more than 5 rows came where 5 were counted"):
        extract(one, [TABLE], _target(lab), NOW)
    assert _names(one) == {"journal.jsonl"}
    assert read_journal(one).entries[-1].event == "extraction-failed"


def test_once_and_again_with_a_reason(lab, one, identity):
    first = extract(one, [TABLE], _target(lab), NOW)
    with pytest.raises(UsageError, match="--again REASON"):
        extract(one, [TABLE], _target(lab), NOW)
    _execute(lab, "DELETE FROM lab.analysis WHERE id = 2")
    second = extract(one, [TABLE], _target(lab), NOW, again="the medium was lost")
    assert (first.rows, second.rows, second.again) == (5, 4, "the medium was lost")
    assert PLANTED.encode() not in _clear(one, "lab.analysis.csv.age", identity)
    assert read_journal(one).entries[2].details["again"] == "the medium was lost"


def test_a_journal_that_was_changed(lab, one):
    extract(one, [TABLE], _target(lab), NOW)
    path = _own(one) / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"rows":"5"', b'"rows":"4"', 1))
    with pytest.raises(InputError, match="cannot be trusted"):
        extract(one, [TABLE], _target(lab), NOW, again="x")


def test_what_is_not_ours_in_the_folder(lab, one):
    append(one, "opened", {})
    (_own(one) / "patients.csv").write_text("x")
    with pytest.raises(UsageError, match=r"not ours: patients\.csv"):
        extract(one, [TABLE], _target(lab), NOW)
    assert (_own(one) / "patients.csv").exists()


def test_a_connection_limit_that_is_reached(lab, one):
    with psycopg.connect(lab.dsn(user=ROLE)), pytest.raises(ConnectError, match="too many connections"):
        extract(one, [TABLE], _target(lab), NOW)
    assert _names(one) == set()


def test_two_at_the_same_time(lab, one):
    results: list[object] = []

    def say(text: str) -> None:
        if text.startswith("lab.analysis"):
            try:
                results.append(extract(one, [TABLE], _target(lab, "postgres"), NOW))
            except UsageError as error:
                results.append(str(error))

    extract(one, [TABLE], _target(lab), NOW, say=say)
    assert ["another pgguard works in its folder" in str(each) for each in results] == [True]


def test_the_folder_exchanged_while_rows_come(lab, one, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)

    def say(text: str) -> None:
        if text.startswith("lab.analysis"):
            _own(one).rename(tmp_path / "moved")
            _own(one).symlink_to(elsewhere)

    with pytest.raises(UsageError, match="exchanged"):
        extract(one, [TABLE], _target(lab), NOW, say=say)
    assert list(elsewhere.iterdir()) == []
    assert [each.name for each in (tmp_path / "moved").iterdir()] == ["journal.jsonl"]


def test_a_key_that_does_not_serve(lab, folder, tmp_path):
    one = mandate(folder, str(tmp_path / "none.asc"))
    with pytest.raises(PolicyError, match="cannot be read"):
        extract(one, [TABLE], _target(lab), NOW)
    assert _names(one) == set()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_of_other_encodings(lab, folder, identity, encoding):
    _execute(lab, f"CREATE DATABASE odd TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        with psycopg.connect(lab.dsn(dbname="odd"), autocommit=True) as connection:
            connection.execute("SET client_encoding TO 'LATIN1'" if encoding == "LATIN1" else "SELECT 1")
            connection.execute(
                "CREATE SCHEMA lab; CREATE TABLE lab.analysis (id integer, taken date, result text);"
                "INSERT INTO lab.analysis VALUES (1, '2024-03-01', "
                + ("chr(233)" if encoding == "LATIN1" else r"convert_from('\xe9', 'SQL_ASCII')")
                + f"); GRANT USAGE ON SCHEMA lab TO {ROLE}; GRANT SELECT ON lab.analysis TO {ROLE}"
            )
        one = mandate(folder, str(identity.to_public()), database="odd")
        made = extract(one, [dataclasses.replace(TABLE, rows="")], _target(lab), NOW)
        text = _clear(one, "lab.analysis.csv.age", identity)
        expected = "é".encode() if encoding == "LATIN1" else b"\xe9"
        assert text == b"id,taken,result\n1,2024-03-01," + expected + b"\n"
        assert made.origin.encoding == ("UTF8" if encoding == "LATIN1" else "SQL_ASCII")
    finally:
        _execute(lab, "DROP DATABASE odd")


def test_partitions_no_rows_and_odd_names(lab, one, identity):
    _execute(
        lab,
        "CREATE TABLE lab.parted (id integer, taken date) PARTITION BY RANGE (taken);"
        "CREATE TABLE lab.p1 PARTITION OF lab.parted FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
        "CREATE TABLE lab.p2 PARTITION OF lab.parted FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');"
        "INSERT INTO lab.parted VALUES (1, '2024-01-05'), (2, '2024-02-05');"
        'CREATE TABLE lab."Odd/Näme" ("A ""b""" text);'
        'CREATE TABLE lab."select" ("Id" integer); INSERT INTO lab."select" VALUES (7);'
        f'GRANT SELECT ON lab."select", lab.parted, lab."Odd/Näme" TO {ROLE};'
        f"GRANT USAGE ON SCHEMA lab TO {ROLE}",
    )
    tables = [
        MandateTable("migration", "lab.parted", ("taken", "id")),
        MandateTable("migration", "lab.select", ('"Id"',)),
        MandateTable("migration", 'lab."Odd/Näme"', ('A "b"',)),
    ]
    made = extract(one, tables, _target(lab), NOW)
    assert [each.rows for each in made.tables] == [2, 1, 0]
    assert _clear(one, "lab.select.csv.age", identity) == b"Id\n7\n"
    assert sorted(_clear(one, "lab.parted.csv.age", identity).splitlines()) == [
        b"2024-01-05,1",
        b"2024-02-05,2",
        b"taken,id",
    ]
    name = made.tables[2].files[0].file
    assert "/" not in name
    assert _clear(one, name, identity) == b'"A ""b"""\n'


def test_long_and_short_rows(lab, one, identity):
    _execute(
        lab,
        "INSERT INTO lab.analysis SELECT i, 'p', '2024-04-01', "
        "repeat('x', CASE WHEN i % 700 = 0 THEN 300000 ELSE 10 END) FROM generate_series(100, 3000) AS i",
    )
    extract(one, [TABLE], _target(lab), NOW)
    text = _clear(one, "lab.analysis.csv.age", identity).decode()
    csv.field_size_limit(1 << 20)
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert sorted(int(row[0]) for row in rows) == [*range(2, 7), *range(100, 3001)]
    assert {len(row[2]) for row in rows if int(row[0]) >= 100} == {10, 300_000}


def test_the_connection_lost_while_rows_come(lab, one):
    _execute(
        lab,
        "INSERT INTO lab.analysis SELECT i, 'p', '2024-04-01', repeat('x', 1000) "
        "FROM generate_series(100, 30000) AS i",
    )

    def killed() -> None:
        with psycopg.connect(lab.dsn(), autocommit=True) as connection:
            while not connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'"
            ).fetchall():
                pass

    thread = threading.Thread(target=killed)
    thread.start()
    with pytest.raises(ConnectError, match="the rows stopped coming"):
        extract(one, [TABLE], _target(lab), NOW)
    thread.join()
    assert _names(one) == {"journal.jsonl"}
    extract(one, [TABLE], _target(lab), NOW)
    assert "manifest.json" in _names(one)


def test_settings_of_role_and_database_change_nothing(lab, one, identity):
    _execute(
        lab,
        f"ALTER ROLE {ROLE} SET datestyle = 'German'; ALTER ROLE {ROLE} SET timezone = 'Asia/Tokyo';"
        f"ALTER ROLE {ROLE} SET search_path = 'pg_temp'; ALTER ROLE {ROLE} SET statement_timeout = '100ms';"
        f"ALTER ROLE {ROLE} SET default_transaction_read_only = on;"
        # of 6 rows, each of which takes its time
        + view("id, taken, result", "taken >= DATE '2024-03-01' AND pg_sleep(0.05) IS NOT NULL"),
    )
    extract(one, [TABLE], _target(lab), NOW)
    assert b"2,2024-03-01," in _clear(one, "lab.analysis.csv.age", identity)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_disk_that_is_full(lab, tmp_path, identity):
    small = tmp_path / "small"
    small.mkdir(0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,mode=0700", "tmpfs", str(small)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        one = mandate(small, str(identity.to_public()))
        _execute(
            lab,
            "INSERT INTO lab.analysis SELECT i, 'p', '2024-04-01', repeat('x', 1000) "
            "FROM generate_series(100, 25000) AS i",
        )
        with pytest.raises(UsageError, match="No space left"):
            extract(one, [TABLE], _target(lab), NOW)
        assert _names(one) == {"journal.jsonl"}
    finally:
        subprocess.run(["umount", str(small)], check=True)
