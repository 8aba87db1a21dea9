"""The case itself, as a user runs it: a processor extracts what was instructed, and every copy is erased."""

from __future__ import annotations

import csv
import datetime
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from pgguard.cli.mandate import mandate
from pgguard.demo.cluster import Cluster
from pgguard.errors import PgguardError
from tests.mandates import LABORATORY, ROLE, write_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

TODAY = datetime.datetime.now(datetime.UTC).date()
STAGED = "staged-value-9182"
SIGNED = "[mandates]\nsigning_key = 'sign.pem'\n"


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(LABORATORY)
        yield running


@pytest.fixture
def identity() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def lab(server: Cluster, pgguard: Run, tmp_path: Path) -> Iterator[Cluster]:
    yield server
    if (tmp_path / "pgguard.toml").exists():
        pgguard("mandate", "close", "migration", server.dsn())
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS lab.staged, lab.staged_more CASCADE")


def _policy(folder: Path, identity: Any, **entries: Any) -> None:
    write_policy(folder, recipients=[str(identity.to_public())], **entries)
    (folder / "identity.txt").write_text(f"# an age identity\n{identity}\n")


def _ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _own(folder: Path) -> Path:
    return folder / "export" / "migration"


def _rows(folder: Path, table: str, identity: Any) -> list[list[str]]:
    text = pyrage.decrypt((_own(folder) / f"{table}.csv.age").read_bytes(), [identity])
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


def _execute(cluster: Cluster, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        done = connection.execute(sql.encode())
        return done.fetchall() if done.description else []


def _verdicts(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines()}


def _keys(folder: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "sign.pem").touch(0o600)
    (folder / "sign.pem").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)


def test_the_case_itself(lab: Cluster, pgguard: Run, tmp_path: Path, identity: Any) -> None:
    _policy(tmp_path, identity, staging=["lab.staged"], more=SIGNED)
    _keys(tmp_path)
    _ok(pgguard("mandate", "plan", "migration", lab.dsn()))
    _ok(pgguard("mandate", "open", "migration", lab.dsn()))
    said = _ok(pgguard("mandate", "extract", "migration", lab.dsn(user=ROLE)))
    assert "202 rows in 3 encrypted files" in said

    # exactly those cells leave
    for table, sql in {
        "lab.patient": "SELECT id, name, born FROM lab.patient WHERE site = 'S1'",
        "lab.result": "SELECT id, patient, taken, value FROM lab.result "
        "WHERE taken BETWEEN '2024-01-01' AND '2024-06-30'",
    }.items():
        header, *rows = _rows(tmp_path, table, identity)
        expected = [[str(value) for value in row] for row in _execute(lab, sql)]
        assert sorted(rows) == sorted(expected)
        assert header == sql.split(" FROM ")[0].removeprefix("SELECT ").split(", ")

    # with a manifest that reconciles
    verified = pgguard("mandate", "verify", "migration", lab.dsn(), "--identity", "identity.txt")
    assert "20 rows in clear text, checksums agree" in _ok(verified)
    assert "182 rows in the database now, 182 extracted" in verified.stdout
    assert _verdicts(verified.stdout) == {"pass", "noted"}

    # a migration loads into staging tables, which must not outlive it
    _execute(
        lab,
        f"CREATE TABLE lab.staged AS SELECT id, '{STAGED}-' || id AS text FROM lab.patient; "
        "ANALYZE lab.staged; CHECKPOINT",
    )
    (filenode,) = _execute(lab, "SELECT pg_relation_filepath('lab.staged')")[0]
    early = pgguard("mandate", "erase", "migration", lab.dsn(), "--by", "DPO", "--receipt-of", str(TODAY))
    assert early.returncode == 2
    assert "pgguard mandate close migration first" in early.stderr
    _ok(pgguard("mandate", "close", "migration", lab.dsn()))
    assert _execute(lab, f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'") == []

    # every copy is erased, and the report of it is true
    (tmp_path / "receipt.pdf").write_bytes(b"received in good order")
    erased = pgguard("mandate", "erase", "migration", lab.dsn(), "--by", "DPO", "--receipt", "receipt.pdf")
    assert "lab.staged dropped (DROP TABLE): 60 rows before, none after" in _ok(erased)
    assert filenode in erased.stdout
    assert "lab.patient.csv.age removed (unlink)" in erased.stdout
    assert {one.name for one in _own(tmp_path).iterdir()} == {
        "manifest.json",
        "journal.jsonl",
        "erasure.json",
    }
    _execute(lab, "CHECKPOINT")
    found = {
        str(path.relative_to(lab.data_directory))
        for path in lab.data_directory.rglob("*")
        if path.is_file() and STAGED.encode() in path.read_bytes()
    }
    told = {"pg_wal/": "pg_wal: ", "base/": "pg_statistic: "}
    for name in found:
        (said,) = [text for folder, text in told.items() if name.startswith(folder)]
        assert f"the server may still hold it: {said}" in erased.stdout
    (statistics,) = _execute(lab, "SELECT pg_relation_filepath('pg_statistic')")[0]
    assert {name for name in found if name.startswith("base/")} <= {statistics}
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "identity.txt":
            assert STAGED.encode() not in path.read_bytes()
            assert b"name-1," not in path.read_bytes()

    # the report is signed, and openssl can check it too
    report = pgguard("mandate", "report", "migration", "--format", "markdown", "-o", "report.md")
    assert report.returncode == 0, report.stderr + (tmp_path / "report.md").read_text()
    text = (tmp_path / "report.md").read_text()
    for event in ("opened", "extracted", "verified", "closed", "erased"):
        assert f" {event} by " in text
    assert "every step is there" in text
    checked = pgguard("mandate", "report", "--check", "report.md", "--key", "public.pem")
    assert "not changed since" in _ok(checked)
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        "public.pem",
        "-in",
        "report.md",
    ]
    done = subprocess.run(
        [*command, "-sigfile", "report.md.sig"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "report.md").write_text(text.replace("182", "181"))
    changed = pgguard("mandate", "report", "--check", "report.md", "--key", "public.pem")
    assert changed.returncode == 2
    assert "it was changed" in changed.stderr


def test_without_a_mandate_or_beyond_it_is_found(
    lab: Cluster, pgguard: Run, tmp_path: Path, identity: Any
) -> None:
    _policy(tmp_path, identity)
    with open(tmp_path / "pgguard.toml", "a", encoding="utf-8") as file:
        file.write(
            f'\n[[folder]]\npath = "{tmp_path}/export"\npurpose = "exports"\nkeep_days = 30\n'
            'mandate = "migration"\n'
        )

    def findings() -> dict[str, str]:
        done = pgguard("inspect", lab.dsn(), "--format", "json")
        assert done.stdout, done.stderr
        outcomes = json.loads(done.stdout)["outcomes"]
        return {one["check"]: one["verdict"] for one in outcomes}

    _ok(pgguard("mandate", "open", "migration", lab.dsn()))
    _ok(pgguard("mandate", "extract", "migration", lab.dsn(user=ROLE)))
    before = findings()
    assert before["reg-mandate-exceeded"] == "pass"
    assert before["file-clear-export"] == "pass"
    _execute(lab, f"GRANT SELECT (nir) ON lab.patient TO {ROLE}")
    (tmp_path / "export" / "patients.csv").write_text("nom,prenom,nir\nx,y,1\n")
    after = findings()
    assert after["reg-mandate-exceeded"] == "fail"
    assert after["file-clear-export"] == "fail"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """The command in this process: its exit code, what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(mandate, arguments)
        if isinstance(done.exception, PgguardError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run


def test_a_report_that_is_not_signed(
    told: Callable[..., tuple[int, str]], tmp_path: Path, identity: Any
) -> None:
    _policy(tmp_path, identity, more=SIGNED)
    _keys(tmp_path)
    key = tmp_path / "sign.pem"
    code, said = told("report", "migration")
    assert (code, "it is not signed: give -o FILE" in said) == (0, True)
    key.chmod(0o644)
    code, said = told("report", "migration", "-o", "report.txt")
    assert (code, "others may read" in said) == (2, True)
    key.chmod(0o600)
    other = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    code, said = told("report", "migration", "-o", "report.txt")
    assert (code, "is not Ed25519" in said) == (2, True)
    key.write_bytes(b"secret things")
    code, said = told("report", "migration", "-o", "report.txt")
    assert (code, "secret things" in said) == (2, False)
    assert not (tmp_path / "report.txt.sig").exists()
    assert told("report", "--check", "report.txt")[0] == 2


def test_what_is_asked_wrongly(told: Callable[..., tuple[int, str]], tmp_path: Path, identity: Any) -> None:
    _policy(tmp_path, identity)
    code, said = told("extract", "other")
    assert (code, "no mandate other: there are migration" in said) == (2, True)
    code, said = told("erase", "migration", "--by", "DPO", "--receipt-of", "yesterday")
    assert (code, "expected a day such as" in said) == (2, True)
    code, said = told("verify", "migration", "--offline", "--identity", "none.txt")
    assert (code, "the identity cannot be read" in said) == (2, True)
