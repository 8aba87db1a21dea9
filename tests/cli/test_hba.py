"""`pgguard hba explain` and `pgguard hba reach` as a user types them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.model.snapshot import Missing, Snapshot
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.snapshot_file import save

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

_HBA = """\
local all postgres trust
# a comment, so that lines and rules are numbered apart
hostssl lab "c.martin" 10.20.0.0/16 scram-sha-256
host lab kiosk lab.example.org md5
host all +staff 10.0.0.0/8 password
host replication all 10.20.9.4/32 scram-sha-256
host lab parked 10.0.0.0/8 scram-sha-256
host lab all 192.168.0.0/16 trust
host all all all reject
"""
_SQL = """
SET password_encryption = 'scram-sha-256';
CREATE ROLE staff NOLOGIN;
CREATE ROLE "c.martin" LOGIN PASSWORD 'made-up-1' IN ROLE staff;
CREATE ROLE kiosk LOGIN;
CREATE ROLE parked LOGIN PASSWORD 'made-up-2' CONNECTION LIMIT 0;
CREATE ROLE standby LOGIN REPLICATION PASSWORD 'made-up-3';
"""


@pytest.fixture(scope="module")
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, hba=_HBA, tls=True) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
            connection.execute(_SQL.encode())
        yield running


@pytest.fixture(scope="module")
def snapshot(cluster: Cluster) -> Snapshot:
    return read_snapshot(Target(cluster.dsn()), ["lab"])


@pytest.fixture(scope="module")
def file(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("hba") / "lab.snapshot"
    save(snapshot, path)
    return str(path)


def _explain(pgguard: Run, file: str, user: str, database: str, address: str, *more: str) -> Any:
    asked = ["--user", user, "--database", database, "--from", address, "--snapshot", file]
    done = pgguard("hba", "explain", *asked, "--format", "json", *more)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def test_explain_says_the_rule_and_why_not_the_others(pgguard: Run, file: str) -> None:
    asked = ["--user", "c.martin", "--database", "lab", "--from", "10.20.1.5", "--snapshot", file]
    done = pgguard("hba", "explain", *asked, "--tls")
    assert done.returncode == 0
    assert '"c.martin" to lab from 10.20.1.5 over TLS' in done.stdout
    assert "pg_hba.conf:3 decides: hostssl lab c.martin 10.20.0.0/16 scram-sha-256" in done.stdout
    assert "asks for the password (scram-sha-256)" in done.stdout
    assert "local all postgres trust  is for the socket" in done.stdout
    plain = pgguard("hba", "explain", *asked)
    assert "pg_hba.conf:5 decides: host all +staff 10.0.0.0/8 password" in plain.stdout
    assert "hostssl lab c.martin 10.20.0.0/16 scram-sha-256  wants TLS" in plain.stdout
    assert 'user "c.martin" is not among kiosk' in plain.stdout


@pytest.mark.parametrize(
    ("asked", "line", "method", "let_in"),
    [
        (("postgres", "lab", "local"), 1, "trust", True),
        (("kiosk", "lab", "192.168.3.4"), None, "unknown", True),
        (("standby", "lab", "192.168.3.4"), 8, "trust", True),
        (("standby", "replication", "10.20.9.4"), 6, "scram-sha-256", True),
        (("c.martin", "replication", "10.20.9.4"), 6, "scram-sha-256", False),
        (("parked", "lab", "10.1.1.1"), 7, "scram-sha-256", False),
        (("c.martin", "lab", "::1"), 9, "reject", False),
        (("c.martin", "lab", "local"), None, "none", False),
        (("c.martin", "postgres", "::ffff:10.0.0.1"), 5, "password", True),
    ],
)
def test_explain_as_json(
    pgguard: Run, file: str, asked: tuple[str, str, str], line: int | None, method: str, let_in: bool
) -> None:
    answer = _explain(pgguard, file, *asked)
    assert (answer["line"], answer["method"], answer["let_in"]) == (line, method, let_in)


def test_what_keeps_a_login_out_all_the_same(pgguard: Run, file: str) -> None:
    parked = _explain(pgguard, file, "parked", "lab", "10.1.1.1")
    assert parked["obstacles"] == ["parked has a connection limit of 0"]
    streaming = _explain(pgguard, file, "c.martin", "lab", "10.20.9.4", "--replication")
    assert streaming["obstacles"] == ['"c.martin" has no REPLICATION, or a connection limit of 0']


def test_a_rule_that_may_decide_is_said(pgguard: Run, file: str) -> None:
    asked = ["--user", "kiosk", "--database", "lab", "--from", "192.168.3.4", "--snapshot", file]
    done = pgguard("hba", "explain", *asked)
    assert "Perhaps pg_hba.conf:4 decides before it (host lab kiosk lab.example.org md5)" in done.stdout
    assert done.returncode == 3


def test_batch_is_csv_in_and_out(pgguard: Run, file: str, tmp_path: Path) -> None:
    questions = (
        "user,database,address,tls\n"
        "c.martin,lab,10.20.1.5,true\n"
        "c.martin,lab,10.20.1.5,false\n"
        "c.martin,lab,local,\n"
        '"standby",replication,10.20.9.4,0\n'
        "kiosk,lab,192.168.3.4,on\n"
    )
    (tmp_path / "questions.csv").write_text(questions, encoding="utf-8")
    done = pgguard("hba", "explain", "--batch", "questions.csv", "--snapshot", file)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == ["user", "database", "address", "tls", "line", "method"]
    assert [(row["tls"], row["line"], row["method"]) for row in rows] == [
        ("true", "3", "scram-sha-256"),
        ("false", "5", "password"),
        ("", "", "none"),
        ("0", "6", "scram-sha-256"),
        ("on", "", "unknown"),
    ]
    assert done.returncode == 0, done.stderr
    # the file as in other commands, questions from stdin, other order, no heading
    same = pgguard(
        "hba", "explain", "--batch", "-", "--from", file, text_input="c.martin,lab,10.20.1.5,yes\n"
    )
    assert same.stdout.splitlines()[1] == "c.martin,lab,10.20.1.5,yes,3,scram-sha-256"
    turned = "address,tls,database,user\nlocal,,lab,postgres\n"
    other = pgguard("hba", "explain", "--batch", "-", "--from", file, text_input=turned)
    assert other.stdout.splitlines()[1] == "postgres,lab,local,,1,trust"


def test_bad_rows_are_said_and_the_others_answered(pgguard: Run, file: str) -> None:
    questions = (
        "c.marten,lab,10.20.1.5,\nc.martin,lab,10.20.1,\nc.martin,lba,10.1.1.1,\nkiosk,lab,local,maybe\nx\n"
    )
    done = pgguard("hba", "explain", "--batch", "-", "--snapshot", file, text_input=questions)
    assert done.returncode == 2
    assert 'row 1: there is no role c.marten: did you mean "c.martin"?' in done.stderr
    assert "row 2: 10.20.1 is no address" in done.stderr
    assert "row 3: there is no database lba: did you mean lab?" in done.stderr
    assert "row 4: tls is maybe" in done.stderr
    assert "row 5: a question is user, database, address, tls" in done.stderr
    rows = [line.rsplit(",", 2)[1:] for line in done.stdout.splitlines()[1:]]
    assert rows == [["9", "reject"], ["", "invalid"], ["5", "password"], ["", "invalid"], ["", "invalid"]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("c.marten", "lab", "10.1.1.1"), 'there is no role c.marten: did you mean "c.martin"?'),
        (("c.martin", "lap", "10.1.1.1"), "there is no database lap: did you mean lab?"),
        (("c.martin", "lab", "10.1.1"), "10.1.1 is no address: write an IPv4 or IPv6 address"),
        (("c.martin", "lab", "lokal"), "lokal is no address: did you mean local?"),
        (("c.martin", "lab", "10.0.0.0/8"), "10.0.0.0/8 is a network: ask for one address of it"),
        (("", "lab", "local"), "--user ROLE --database NAME --from ADDR"),
    ],
)
def test_mistakes_list_what_is_near(pgguard: Run, file: str, asked: tuple[str, ...], said: str) -> None:
    user, database, address = asked
    given = ["--user", user, "--database", database, "--from", address, "--snapshot", file]
    done = pgguard("hba", "explain", *given)
    assert said in done.stderr
    assert done.returncode == 2
    assert done.stdout == ""


def test_batch_files_that_are_none(pgguard: Run, file: str, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "short.csv").write_text("user,database\na,b\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00a")
    for name, said in (
        ("empty.csv", "there is no question in it"),
        ("short.csv", "there is no column address"),
        ("binary.csv", "it is not text in UTF-8"),
        ("none.csv", "cannot be read: No such file"),
    ):
        done = pgguard("hba", "explain", "--batch", name, "--snapshot", file)
        assert said in done.stderr
        assert done.returncode == 2


def test_reach_says_who_gets_in(pgguard: Run, file: str) -> None:
    done = pgguard("hba", "reach", "--from", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("trust: 4 logins, asked for nothing at all")
    assert "from 192.168.0.0/16 with or without TLS, into lab: " in done.stdout
    assert "password: 1 login" in done.stdout
    assert "perhaps from lab.example.org" not in done.stdout, "kiosk has no password"
    assert "parked" not in done.stdout
    answer = json.loads(pgguard("hba", "reach", "--from", file, "--format", "json").stdout)
    assert answer["unknown"] == []
    by_line = {entry["line"]: entry for entry in answer["entries"]}
    assert by_line[8]["addresses"] == ["192.168.0.0/16"]
    assert by_line[8]["logins"] == ["c.martin", "kiosk", "postgres", "standby"]
    assert by_line[8]["authenticated"] is False
    assert by_line[6]["replication"] is True
    assert by_line[6]["logins"] == ["standby"]
    assert 9 not in by_line


def test_reach_into_one_database_and_from_outside(pgguard: Run, file: str, tmp_path: Path) -> None:
    done = pgguard("hba", "reach", "--from", file, "--database", "postgres")
    assert "scram-sha-256" not in done.stdout
    assert "into postgres: postgres" in done.stdout
    near = pgguard("hba", "reach", "--from", file, "--database", "postgras")
    assert "did you mean postgres?" in near.stderr
    assert near.returncode == 2
    (tmp_path / "pgguard.toml").write_text('[networks]\ninternal = ["10.0.0.0/8"]\n', encoding="utf-8")
    outside = pgguard("hba", "reach", "--from", file, "--outside")
    assert outside.stdout.count("pg_hba.conf:") == 1
    assert "pg_hba.conf:8" in outside.stdout
    (tmp_path / "pgguard.toml").write_text("", encoding="utf-8")
    needs = pgguard("hba", "reach", "--from", file, "--outside")
    assert "--outside needs [networks] internal" in needs.stderr
    assert needs.returncode == 2


def test_a_server_is_asked_as_well(pgguard: Run, cluster: Cluster) -> None:
    done = pgguard("hba", "reach", "-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres")
    assert done.stdout.startswith("trust: 4 logins")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("section", "code", "said"),
    [
        ("hba_rules", 3, "hba_rules could not be read: permission denied for function"),
        ("verifiers", 3, "Not known: who has a password (permission denied for function)"),
        ("hba_quotes", 3, "Not known: which words of pg_hba.conf are quoted"),
    ],
)
def test_what_could_not_be_read_is_said(
    pgguard: Run, snapshot: Snapshot, tmp_path: Path, section: str, code: int, said: str
) -> None:
    sections = {**snapshot._sections, section: Missing("permission denied for function")}
    save(Snapshot(sections, snapshot.inspected, "there"), tmp_path / "less.snapshot")
    done = pgguard("hba", "reach", "--from", "less.snapshot")
    assert said in done.stdout + done.stderr
    assert done.returncode == code


def test_a_file_that_did_not_load_is_said(pgguard: Run, postgres: Postgres) -> None:
    with Cluster.start(postgres) as broken:
        (broken.data_directory / "pg_hba.conf").write_text(
            "local all all trust\nhost all\n", encoding="utf-8"
        )
        broken.reload()
        where = ["-h", str(broken.socket_dir), "-p", str(broken.port), "-U", "postgres"]
        done = pgguard("hba", "reach", *where)
        assert "Not known: which rules are in force: pg_hba.conf:2 is in error" in done.stdout
        assert done.returncode == 3
        asked = ["--user", "postgres", "--database", "postgres", "--from", "local"]
        done = pgguard("hba", "explain", *where, *asked)
        assert "Not known: which rules are in force" in done.stdout
        assert done.returncode == 3
