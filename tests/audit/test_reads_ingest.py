"""Logs of real servers mined for reads, in every format, cut, rotated and read again; no value is kept."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.errors import InputError
from pgguard.observe.reads_store import Which
from pgguard.observe.store import ObservationStore
from tests.audit.reading import COLLECTED, FILES, NOW, POLICY, SECRET, Site, commands, kept, needs_pgaudit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

PREFIX = "%m [%p] %q%u@%d/%a %h "
READS = (
    f"SELECT name FROM care.patient WHERE nir = '{SECRET}7'",
    "SELECT room FROM care.patient",
    "COPY care.measure_1 TO STDOUT",
    "SELECT nir FROM care.shown",
    f"UPDATE care.patient SET room = '{SECRET}' WHERE nir = '{SECRET}3'",
    f"SELECT '{SECRET}' AS broken FROM nowhere WHERE name = '{SECRET}'",
    f"DO $$ BEGIN PERFORM nir FROM care.patient WHERE nir = '{SECRET}'; END $$",
)


@pytest.fixture(scope="module")
def plain(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without pgaudit: every statement is in the log, in all the formats that the version has."""
    formats = "stderr, csvlog, jsonlog" if postgres.major >= 15 else "stderr, csvlog"
    settings = {**COLLECTED, "log_destination": formats, "log_statement": "all", "log_line_prefix": PREFIX}
    with Cluster.start(postgres, settings=settings) as cluster:
        site = Site(cluster)
        site.make()
        site.run("lis", "results", *READS)
        site.run(
            "postgres",
            "admin",
            "ALTER ROLE lis PASSWORD 'md5" + "0" * 32 + "'",
            "ALTER SYSTEM RESET work_mem",
        )
        site.freeze(tmp_path_factory.mktemp("plain"))
        yield site


@pytest.fixture(scope="module")
def audited(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With pgaudit as it must not be set up: texts and parameters are in the log beside the reads."""
    needs_pgaudit(postgres)
    settings = {
        **COLLECTED,
        "log_destination": "stderr, csvlog, jsonlog",
        "log_line_prefix": PREFIX,
        "shared_preload_libraries": "pgaudit",
    }
    with Cluster.start(postgres, settings=settings) as cluster:
        site = Site(cluster)
        site.make()
        site.apply(site.steps()[0])
        cluster.set(**{"pgaudit.log_statement": "on", "pgaudit.log_parameter": "on"})
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET pgaudit.log_statement")
        cluster.reload()
        site.run("lis", "results", *READS)
        site.run("anna", "psql", "SELECT p\nFROM care.patient AS p", "SELECT label FROM care.ward")
        site.freeze(tmp_path_factory.mktemp("audited"))
        yield site


@pytest.mark.parametrize("form", FILES)
def test_every_format_tells_the_same_without_pgaudit(plain: Site, tmp_path: Path, form: str) -> None:
    if not plain.log(form).exists():
        pytest.skip("jsonlog is there from 15 on")
    store = tmp_path / "store"
    done = plain.mine(store, plain.log(form), prefix=PREFIX if form == "stderr" else None)
    assert SECRET.encode() in plain.log(form).read_bytes()
    assert SECRET.encode() not in store.read_bytes()
    assert b"md5000" not in store.read_bytes()
    assert (done.gaps, done.lost) == (0, ())
    found = [one for one in kept(store) if one.login == "lis" and one.application == "results"]
    assert {one.evidence for one in found} == {"log_statement"}
    assert {(one.relation, one.columns, one.certainty, one.command) for one in found} == {
        ("care.patient", ("name", "nir"), "named", "SELECT"),
        ("care.measure_1", ("value",), "named", "COPY"),
        ("care.patient", ("nir",), "named", "SELECT"),
        ("care.patient", ("nir",), "named", "UPDATE"),
        ("care.patient", ("nir",), "named", "DO"),
    }
    # who is told by the session as well
    assert {one.session for one in found} == {found[0].session}
    given = {(one.command, one.object, one.login) for one in commands(store)}
    assert given >= {("ALTER ROLE", "lis", "postgres"), ("ALTER SYSTEM", "work_mem", "postgres")}


@pytest.mark.parametrize("form", FILES)
def test_every_format_tells_the_same_with_pgaudit(audited: Site, tmp_path: Path, form: str) -> None:
    store = tmp_path / "store"
    done = audited.mine(store, audited.log(form), prefix=PREFIX if form == "stderr" else None)
    assert SECRET.encode() in audited.log(form).read_bytes()
    assert SECRET.encode() not in store.read_bytes()
    assert (done.gaps, done.lost) == (0, ())
    found = [one for one in kept(store) if one.application in ("results", "psql")]
    assert {one.session for one in found if one.login == "lis"} == {found[0].session}
    told = {(one.login, one.relation, one.certainty, one.evidence, one.command) for one in found}
    # a stderr log does not tell what the client asked for
    copied = "SELECT" if form == "stderr" else "COPY"
    assert told == {
        ("lis", "care.patient", "among", "pgaudit object", "SELECT"),
        ("lis", "care.measure_1", "among", "pgaudit object", copied),
        ("lis", "care.patient", "among", "pgaudit object", "UPDATE"),
        ("anna", "care.patient", "unknown", "pgaudit session", "SELECT"),
    }
    assert sum(one.times for one in found if one.login == "lis") == 5


def test_files_of_pgauditlogtofile(
    new_cluster: Callable[..., Cluster], postgres: Postgres, tmp_path: Path
) -> None:
    needs_pgaudit(postgres)
    library = postgres.bin.parent / "lib" / "pgauditlogtofile.so"
    if not library.is_file():
        pytest.skip(f"no pgauditlogtofile (Debian: postgresql-{postgres.major}-pgauditlogtofile)")
    settings = {
        **COLLECTED,
        "log_destination": "csvlog",
        "shared_preload_libraries": "pgaudit,pgauditlogtofile",
        "pgaudit.log_filename": "audit.log",
        "pgaudit.log_connections": "on",
        "pgaudit.log_disconnections": "on",
    }
    site = Site(new_cluster(settings=settings))
    site.make()
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pgauditlogtofile")
    site.apply(site.steps()[0])
    site.run("lis", "results, all", *READS)
    site.run("lis", "", "SELECT nir FROM care.patient")
    audit = site.cluster.data_directory / "log" / "audit.log"
    deadline = time.monotonic() + 10
    while audit.read_bytes().count(b"disconnection") < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    # a context holds the statement whatever pgaudit is told
    assert SECRET.encode() in audit.read_bytes()
    store = tmp_path / "store"
    done = site.mine(store, audit)
    assert done.gaps == 0
    assert SECRET.encode() not in store.read_bytes()
    found = [one for one in kept(store) if one.login == "lis"]
    assert {(one.relation, one.command) for one in found} == {
        ("care.patient", "SELECT"),
        ("care.measure_1", "COPY"),
        ("care.patient", "UPDATE"),
    }
    assert {one.application for one in found} == {"results, all", ""}
    assert sum(one.times for one in found) == 6


def test_the_identity_that_was_authenticated_is_told(
    postgres: Postgres, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    if postgres.major < 14:
        pytest.skip("the log has identities from 14 on")
    settings = {**COLLECTED, "log_destination": "csvlog", "log_statement": "all"}
    site = Site(new_cluster(settings=settings, listen=["127.0.0.1"]))
    site.make()
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "SET password_encryption = 'scram-sha-256'; ALTER ROLE lis PASSWORD 'made-up-for-the-run'"
        )
    hba = "host all lis 127.0.0.1/32 scram-sha-256\nlocal all all trust\n"
    (site.cluster.data_directory / "pg_hba.conf").write_text(hba)
    site.cluster.reload()
    site.run(
        "lis", "results", "SELECT nir FROM care.patient", host="127.0.0.1", password="made-up-for-the-run"
    )
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))
    (found,) = [one for one in kept(tmp_path / "store") if one.application == "results"]
    assert (found.identity, found.address) == ("lis", "127.0.0.1")
    # by the identity too
    assert kept(tmp_path / "store", Which(person="lis"))


def test_a_log_is_read_once_whatever_happens_to_it(plain: Site, tmp_path: Path) -> None:
    whole = plain.log("csvlog").read_bytes()
    log, store = tmp_path / "server.csv", tmp_path / "store"
    log.write_bytes(whole)
    plain.mine(tmp_path / "at once", log)
    expected = _told(tmp_path / "at once")
    # cut in the middle of every line in turn, read, written on, read again
    log.write_bytes(b"")
    plain.mine(store, log)
    done = 0
    for end in range(600, len(whole), 700):
        with log.open("ab") as file:
            file.write(whole[done:end])
        done = end
        plain.mine(store, log)
    with log.open("ab") as file:
        file.write(whole[done:])
    plain.mine(store, log)
    assert _told(store) == expected
    # rotated: renamed, then packed, with another file of the old name
    log.rename(tmp_path / "server.csv.1")
    log.write_bytes(whole[: whole.index(b"\n") + 1].replace(b",1,", b",99,", 1))
    assert plain.mine(store, log, tmp_path / "server.csv.1").reads == {}
    with gzip.open(tmp_path / "server.csv.1.gz", "wb") as packed:
        packed.write(whole)
    assert plain.mine(store, tmp_path / "server.csv.1.gz").reads == {}
    assert _told(store) == expected


def test_what_was_written_before_a_rotation_is_found(plain: Site, tmp_path: Path) -> None:
    lines = plain.log("csvlog").read_bytes().splitlines(keepends=True)
    half = next(number for number, line in enumerate(lines) if b"SELECT nir FROM care.shown" in line)
    log, store = tmp_path / "server.csv", tmp_path / "store"
    log.write_bytes(b"".join(lines[:half]))
    plain.mine(store, log)
    before = _told(store)
    with log.open("ab") as file:
        file.write(b"".join(lines[half:-2]))
    log.rename(tmp_path / "server.csv.1")
    log.write_bytes(b"".join(lines[-2:]))
    # only the new one is named: the old one lies beside it
    done = plain.mine(store, log)
    assert done.lost == ()
    plain.mine(tmp_path / "at once", plain.log("csvlog"))
    assert _told(store) == _told(tmp_path / "at once") != before


def test_what_cannot_be_found_any_more_is_said_once(plain: Site, tmp_path: Path) -> None:
    lines = plain.log("csvlog").read_bytes().splitlines(keepends=True)
    log, store = tmp_path / "server.csv", tmp_path / "store"
    log.write_bytes(b"".join(lines[:-2]))
    plain.mine(store, log)
    log.write_bytes(b"".join(lines[-2:]))
    (lost,) = plain.mine(store, log).lost
    assert str(log) in lost
    assert "is not there any more" in lost
    assert plain.mine(store, log).lost == ()
    # cut short under the same first line
    log.write_bytes(lines[-2])
    (lost,) = plain.mine(store, log).lost
    assert "it was cut" in lost


def test_a_line_cut_by_a_crash_is_a_gap_and_the_next_is_read(plain: Site, tmp_path: Path) -> None:
    for form in FILES:
        if not plain.log(form).exists():
            continue
        prefix = PREFIX if form == "stderr" else None
        lines = plain.log(form).read_bytes().splitlines(keepends=True)
        cut = next(number for number, line in enumerate(lines) if b"SELECT room" in line)
        log, store = tmp_path / form, tmp_path / f"{form}.store"
        log.write_bytes(b"".join([*lines[:cut], lines[cut].partition(b"CT room")[0], *lines[cut:]]))
        done = plain.mine(store, log, prefix=prefix)
        unclear = [one for one in kept(store) if one.certainty == "unknown"]
        # of a line of stderr nobody knows that it was cut: it is a statement that cannot be understood
        assert bool(unclear) if form == "stderr" else done.gaps >= 1, form
        plain.mine(tmp_path / f"{form}.whole", plain.log(form), prefix=prefix)
        assert _told(store).items() >= _told(tmp_path / f"{form}.whole").items(), form
        assert len(_told(store)) == len(_told(tmp_path / f"{form}.whole")) + len(unclear), form


def test_a_reading_that_was_ended_goes_on(plain: Site, tmp_path: Path) -> None:
    for form in FILES:
        if not plain.log(form).exists():
            continue
        prefix = PREFIX if form == "stderr" else None
        store = tmp_path / f"{form}.store"
        total = 0
        for _ in range(400):
            miner = plain.miner(prefix)
            miner.checkpoint = 3
            try:
                with ObservationStore(store) as opened:
                    _end_at_second(opened)
                    total += miner.mine(opened, [plain.log(form)], now=NOW).lines
            except KeyboardInterrupt:
                continue
            break
        else:
            raise AssertionError(form)
        plain.mine(tmp_path / f"{form}.whole", plain.log(form), prefix=prefix)
        assert _told(store) == _told(tmp_path / f"{form}.whole"), form


def test_many_lines_take_no_more_memory(plain: Site, tmp_path: Path) -> None:
    lines = plain.log("csvlog").read_bytes().splitlines(keepends=True)
    (one,) = [line for line in lines if b"statement: SELECT name FROM" in line]
    log = tmp_path / "server.csv"
    log.write_bytes(lines[0] + one * 30_000)
    store = tmp_path / "store"
    done = plain.mine(store, log)
    assert done.reads == {"log_statement": 30_000}
    (found,) = kept(store)
    assert found.times == 30_000
    assert store.stat().st_size < 200_000


def test_a_file_that_is_no_log_is_refused(plain: Site, tmp_path: Path) -> None:
    log = tmp_path / "notes.txt"
    log.write_text("nothing\nof the kind\n")
    with pytest.raises(InputError, match="no server log"):
        plain.mine(tmp_path / "store", log)
    with pytest.raises(InputError, match="cannot be read"):
        plain.mine(tmp_path / "store", tmp_path / "absent")


def test_an_older_store_is_taken_over(plain: Site, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with ObservationStore(store):
        pass
    with sqlite3.connect(store) as connection:
        connection.executescript(
            "DROP TABLE read; DROP TABLE read_what; DROP TABLE command_given; PRAGMA user_version = 2"
        )
    plain.mine(store, plain.log("csvlog"))
    assert kept(store)


def test_the_commands_say_it_in_every_form(
    plain: Site, tmp_path: Path, pgguard: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "pgguard.toml").write_text(POLICY)
    store = ("--store", str(tmp_path / "reads.sqlite"))
    done = pgguard("audit", "ingest", plain.cluster.dsn(), "--log", str(plain.log("csvlog")), *store)
    assert done.returncode == 0, done.stderr
    assert "by the text of the statement in the log" in done.stdout
    assert "note: pgaudit is not loaded" in done.stdout
    told = pgguard("audit", "reads", "--person", "lis", "--subject-table", "care.measure_1", *store)
    assert told.returncode == 0, told.stderr
    assert "lis read care.measure_1 in postgres: 1 time" in told.stdout
    rows = pgguard("audit", "reads", "--format", "json", *store)
    first = next(json.loads(line) for line in rows.stdout.splitlines() if '"lis"' in line)
    assert (first["login"], first["rows"], first["evidence"]) == ("lis", None, "log_statement")
    table = pgguard("audit", "reads", "--format", "csv", "--since", "2000-01-01", *store)
    assert table.stdout.startswith("at,session,database,login,identity,")
    given = pgguard("audit", "reads", "--commands", *store)
    assert "postgres ALTER ROLE lis in postgres" in given.stdout
    none = pgguard("audit", "reads", "--until", "2000-01-01", *store)
    assert none.stdout == "no read is known in that window\n"
    assert pgguard("audit", "reads", "--store", str(tmp_path / "absent")).returncode == 2
    for one in (done, told, rows, table, given, none):
        assert SECRET not in one.stdout + one.stderr


def test_follow_reads_what_comes_and_what_rotation_leaves(plain: Site, tmp_path: Path) -> None:
    lines = plain.log("csvlog").read_bytes().splitlines(keepends=True)
    half = next(number for number, line in enumerate(lines) if b"SELECT nir FROM care.shown" in line)
    log, store = tmp_path / "server.csv", tmp_path / "store"
    log.write_bytes(b"".join(lines[:half]))
    (tmp_path / "pgguard.toml").write_text(POLICY)
    arguments = [
        "audit",
        "ingest",
        plain.cluster.dsn(),
        "--log",
        str(log),
        "--store",
        str(store),
        "--follow",
        "--every",
        "1s",
    ]
    following = subprocess.Popen(
        [sys.executable, "-m", "pgguard.cli.main", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        _wait(lambda: store.exists() and bool(_told(store)))
        with log.open("ab") as file:
            file.write(b"".join(lines[half:-3]))
        shutil.move(log, tmp_path / "server.csv.1")
        log.write_bytes(b"".join(lines[-3:]))
        plain.mine(tmp_path / "at once", plain.log("csvlog"))
        _wait(lambda: _told(store) == _told(tmp_path / "at once"))
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=20)


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _end_at_second(store: ObservationStore) -> None:
    """The reading ends right after its second checkpoint."""
    checkpoint, seen = store.checkpoint, []

    def counted() -> None:
        checkpoint()
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    store.checkpoint = counted  # type: ignore[method-assign]


def _told(store: Path) -> dict[tuple[object, ...], int]:
    """How often what was read, the session by its login: a cut file may tell the same in other pieces."""
    found: dict[tuple[object, ...], int] = {}
    for one in kept(store):
        key = (one.login, one.application, one.relation, one.columns, one.command, one.evidence, one.at)
        found[key] = found.get(key, 0) + one.times
    return found
