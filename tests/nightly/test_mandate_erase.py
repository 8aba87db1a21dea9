"""Erasure: after a receipt, all of ours and nothing else, and finished by a rerun wherever it was killed."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.errors import ApplyStopped, ConnectError, UsageError
from pgguard.nightly.extraction import extract
from pgguard.nightly.mandate_erase import Receipt, erase
from pgguard.nightly.mandate_life import life
from pgguard.nightly.mandate_verify import verify
from pgguard.report.mandate_report import render_erasure
from pgguard.server.connect import Target
from pgguard.store.mandate_journal import read_journal
from tests.mandates_made import DAY, NOW, ROLE, SETUP, TABLE, TODAY, age_identity, mandate, own_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.model.mandate import Mandate

GIVEN = Receipt(day=TODAY)
CLOSE = f"DROP SCHEMA IF EXISTS mandate_migration CASCADE; DROP OWNED BY {ROLE}; DROP ROLE {ROLE}"
EVIDENCE = {"manifest.json", "journal.jsonl", "erasure.json"}


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        yield running


@pytest.fixture
def admin(server: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(SETUP.encode())
        yield connection
        connection.execute("DROP SCHEMA lab CASCADE")
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
            connection.execute(CLOSE.encode())


@pytest.fixture
def extracted(admin: psycopg.Connection, server: Cluster, tmp_path: Path) -> Mandate:
    (tmp_path / "out").mkdir(0o700)
    one = mandate(tmp_path / "out", str(age_identity().to_public()), staging=("lab.staged", "lab.more"))
    extract(one, [TABLE], Target.from_options(server.dsn(user=ROLE)), NOW)
    return one


@pytest.fixture
def closed(admin: psycopg.Connection, extracted: Mandate) -> Mandate:
    admin.execute(CLOSE.encode())
    return extracted


def _staged(admin: psycopg.Connection) -> None:
    admin.execute(
        "CREATE TABLE lab.staged (id int PRIMARY KEY); INSERT INTO lab.staged VALUES (1), (2);"
        "CREATE TABLE lab.more (id int) PARTITION BY LIST (id);"
        "CREATE TABLE lab.more_1 PARTITION OF lab.more FOR VALUES IN (1);"
        "ALTER TABLE lab.more_1 ADD FOREIGN KEY (id) REFERENCES lab.staged; INSERT INTO lab.more VALUES (1)"
    )


def _names(one: Mandate) -> set[str]:
    return {each.name for each in own_folder(one).iterdir()}


def _target(server: Cluster) -> Target:
    return Target(server.dsn())


def test_files_and_tables_that_refer_to_each_other(
    server: Cluster, admin: psycopg.Connection, closed: Mandate
) -> None:
    _staged(admin)
    done = erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert [(one.table, one.rows) for one in done.tables] == [("lab.staged", 2), ("lab.more", 1)]
    assert {one.file for one in done.files} == {"lab.analysis.csv.age", "checksums.json.age"}
    assert all(one.paths for one in done.tables)
    assert _names(closed) == EVIDENCE
    assert admin.execute("SELECT to_regclass('lab.staged'), to_regclass('lab.more_1')").fetchall() == [
        (None, None)
    ]
    assert [one.event for one in read_journal(closed).entries][-4:] == [
        "dropping",
        "dropping",
        "removing",
        "erased",
    ]
    # once more changes nothing, and says the same
    assert erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW) == done
    found = verify(closed, [TABLE], NOW)
    assert ("files", "pass") in {(one.subject, one.verdict) for one in found}
    # what has come back since is erased too, and told with the rest
    (own_folder(closed) / "lab.analysis.csv.age").write_bytes(b"x")
    again = erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert {one.file for one in again.files} == {one.file for one in done.files}
    assert _names(closed) == EVIDENCE


def test_what_the_server_still_holds_is_told(
    server: Cluster, admin: psycopg.Connection, closed: Mandate
) -> None:
    _staged(admin)
    admin.execute("SELECT pg_create_physical_replication_slot('kept', true)")
    try:
        told = render_erasure(erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW))
    finally:
        admin.execute("SELECT pg_drop_replication_slot('kept')")
    for said in ("physical slot kept", "pg_wal: ", "base backups and dumps", "pg_statistic: ", "unlink"):
        assert said in told


def test_it_is_open(server: Cluster, extracted: Mandate) -> None:
    with pytest.raises(UsageError, match="pgguard mandate close migration first"):
        erase(extracted, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert "lab.analysis.csv.age" in _names(extracted)


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (Receipt(), "give one of --receipt FILE"),
        (Receipt(reason="  "), "give one of --receipt FILE"),
        (Receipt(day=TODAY, reason="x"), "give one of --receipt FILE"),
        (Receipt(day=TODAY - 30 * DAY), "older than the extraction"),
        (Receipt(day=TODAY + DAY), "one of the future"),
        (Receipt(document="/none.pdf"), "No such file"),
    ],
    ids=["none", "blank", "two", "old", "future", "no file"],
)
def test_no_erasure_without_a_receipt(server: Cluster, closed: Mandate, receipt: Receipt, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        erase(closed, [TABLE], _target(server), receipt, "DPO", NOW)
    assert "lab.analysis.csv.age" in _names(closed)


def test_the_receipts_digest_is_kept(server: Cluster, closed: Mandate, tmp_path: Path) -> None:
    (tmp_path / "receipt").write_bytes(b"in good order")
    given = Receipt(document=str(tmp_path / "receipt"))
    done = erase(closed, [TABLE], _target(server), given, "DPO", NOW)
    assert done.receipt_sha256 == hashlib.sha256(b"in good order").hexdigest()


@pytest.mark.parametrize(
    ("make", "staging", "said"),
    [
        ("", "lab.analysis", "a table that the mandate reads"),
        ("CREATE TABLE lab.child () INHERITS (lab.analysis)", "lab.child", "a table that the mandate reads"),
        (
            "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;"
            "CREATE FOREIGN TABLE lab.far (id int) SERVER s",
            "lab.far",
            "is a foreign table",
        ),
    ],
    ids=["source", "child", "foreign"],
)
def test_tables_that_are_no_staging(
    server: Cluster, admin: psycopg.Connection, closed: Mandate, make: str, staging: str, said: str
) -> None:
    try:
        admin.execute((make or "SELECT 1").encode())
    except psycopg.Error:
        pytest.skip("this server has no postgres_fdw")
    one = dataclasses.replace(closed, staging=(staging,))
    with pytest.raises(UsageError, match=said):
        erase(one, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert "lab.analysis.csv.age" in _names(closed)
    admin.execute("DROP EXTENSION IF EXISTS postgres_fdw CASCADE")


def test_what_depends_on_it_is_told_and_kept(
    server: Cluster, admin: psycopg.Connection, closed: Mandate
) -> None:
    _staged(admin)
    admin.execute("CREATE VIEW lab.of_staged AS SELECT * FROM lab.staged")
    with pytest.raises(ApplyStopped, match=r"on lab\.staged: rule _RETURN on view lab\.of_staged"):
        erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert admin.execute("SELECT count(*) FROM lab.more").fetchall() == [(1,)]
    assert "lab.analysis.csv.age" in _names(closed)


def test_what_is_not_ours_is_not_touched(server: Cluster, closed: Mandate) -> None:
    stray = own_folder(closed) / "patients.csv"
    stray.write_text("x")
    with pytest.raises(UsageError, match=r"not ours: patients\.csv"):
        erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert {"patients.csv", "lab.analysis.csv.age"} < _names(closed)


def test_other_names_of_a_file_are_told(server: Cluster, closed: Mandate, tmp_path: Path) -> None:
    (tmp_path / "other").hardlink_to(own_folder(closed) / "lab.analysis.csv.age")
    done = erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert {one.file: one.links for one in done.files}["lab.analysis.csv.age"] == 1
    assert "NOT gone: 1 other name of it" in render_erasure(done)


def test_a_server_that_is_gone(closed: Mandate, tmp_path: Path) -> None:
    nowhere = Target.from_options(host=str(tmp_path), port="1")
    with pytest.raises(ConnectError):
        erase(closed, [TABLE], nowhere, GIVEN, "DPO", NOW)
    assert "lab.analysis.csv.age" in _names(closed)
    done = erase(closed, [TABLE], None, GIVEN, "DPO", NOW, unseen="scrapped")
    assert _names(closed) == EVIDENCE
    assert "the server was not asked: scrapped" in render_erasure(done)
    assert "the server was not asked when it was erased: scrapped" in life(closed, [TABLE], NOW).doubts


def test_late_and_missing_is_told(server: Cluster, extracted: Mandate, admin: psycopg.Connection) -> None:
    def doubts(days: int) -> str:
        return "\n".join(life(extracted, [TABLE], NOW + days * DAY).doubts)

    assert "it was not verified" in doubts(0).replace("the extraction", "it")
    assert "it is not erased yet" in doubts(0)
    assert "it is not erased, 2 days late" in doubts(12)
    admin.execute(CLOSE.encode())
    erase(extracted, [TABLE], _target(server), Receipt(reason="the recipient is gone"), "DPO", NOW)
    assert "without a receipt: the recipient is gone" in doubts(0)
    assert "not erased" not in doubts(12)


KILL = """
import os, pickle, signal, sys
import pgguard.nightly.mandate_erase as module
from pgguard.server.connect import Target

one, tables, receipt, now, dsn, (name, number, after) = pickle.loads(bytes.fromhex(sys.argv[1]))
real, calls = getattr(module, name), [0]

def killing(*arguments, **named):
    calls[0] += 1
    last = calls[0] == number
    if last and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(*arguments, **named)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(module, name, killing)
module.erase(one, tables, Target(dsn), receipt, "DPO", now)
"""


@pytest.mark.parametrize(
    "point",
    [
        ("append", 1, True),
        ("drop", 1, True),
        ("_removed", 1, False),
        ("remove", 1, True),
        ("write_erasure", 1, True),
    ],
    ids=str,
)
def test_killed_at_every_phase(
    server: Cluster, admin: psycopg.Connection, closed: Mandate, point: Any
) -> None:
    _staged(admin)
    given = pickle.dumps((closed, [TABLE], GIVEN, NOW, server.dsn(), point)).hex()
    killed = subprocess.run([sys.executable, "-c", KILL, given], check=False)
    assert killed.returncode == -signal.SIGKILL
    done = erase(closed, [TABLE], _target(server), GIVEN, "DPO", NOW)
    assert [(one.table, one.rows) for one in done.tables] == [("lab.staged", 2), ("lab.more", 1)]
    assert {one.file for one in done.files} == {"lab.analysis.csv.age", "checksums.json.age"}
    assert all(one.sha256 for one in done.files)
    assert _names(closed) == EVIDENCE
    assert admin.execute("SELECT to_regclass('lab.staged')").fetchall() == [(None,)]
    assert read_journal(closed).entries[-1].event == "erased"
