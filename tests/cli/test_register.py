"""`pgguard register report` and the register's digest in reports, as a user sees them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from importlib import resources
from typing import TYPE_CHECKING

import jsonschema
import psycopg
import pytest

from pgguard.model.register import MENTIONS
from tests.plan.rights import rights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

REGISTER = """\
[[controller]]
name = "Hospital"
dpo = "dpo@hospital.example.org"

[[processor]]
name = "Vendor"

[[processor]]
name = "Below"
engaged_by = "Vendor"

[[certificate]]
processor = "Vendor"
name = "HDS"
until = 2090-05-01

[[contract]]
name = "maintenance"
processor = "Vendor"
subject = "maintenance | of the *application*"
roles = ["vendor"]
clause_a = "4.1"
document = "contract.pdf"
sha256 = "%s"

[[activity]]
name = "care"
purpose = "care"
databases = ["lab"]
recipients = ["physicians"]
"""
TEXT = b"as signed"


@pytest.fixture
def register(tmp_path: Path) -> Path:
    (tmp_path / "pgguard.toml").write_text('[register]\nfile = "register.toml"\n')
    (tmp_path / "contract.pdf").write_bytes(TEXT)
    file = tmp_path / "register.toml"
    file.write_text(REGISTER % hashlib.sha256(TEXT).hexdigest())
    return file


def declared(run: Run, view: str) -> dict[str, dict[str, list[str]]]:
    done = run("register", "report", "--view", view, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return {
        entry["title"]: {f"{one['article'] or ''} {one['label']}": one["declared"] for one in entry["items"]}
        for entry in json.loads(done.stdout)["entries"]
    }


def test_the_controllers_record_has_each_letter_of_article_30_1(pgguard: Run, register: Path) -> None:
    (items,) = declared(pgguard, "controller").values()
    articles = {name.split()[0] for name in items}
    assert {f"30(1)({letter})" for letter in "abcdefg"} <= articles
    assert items["30(1)(a) controller"] == ["Hospital, data protection officer: dpo@hospital.example.org"]
    assert items["30(1)(d) categories of recipients"] == ["physicians"]
    assert items["30(1)(e) transfers to third countries"] == []
    text = pgguard("register", "report").stdout
    assert hashlib.sha256(register.read_bytes()).hexdigest() in text


def test_the_processors_record_says_where_the_mentions_are_and_judges_nothing(
    pgguard: Run, register: Path
) -> None:
    found = declared(pgguard, "processor")
    items = found["Vendor: maintenance"]
    mentions = {name: values for name, values in items.items() if name.startswith("28(3)(")}
    assert len(mentions) == len(MENTIONS)
    assert mentions.pop("28(3)(a) documented instructions") == ["declared in 4.1"]
    assert set(map(tuple, mentions.values())) == {()}
    assert items["28(2) sub-processors"] == ["Below"]
    assert items[" certificates"] == ["HDS, until 2090-05-01"]
    assert items["28(9) text"][-1] == "the file has this digest"
    assert found["Below"]["28(4) sub-processor, engaged by"] == ["Vendor"]
    for form in ("terminal", "markdown"):
        text = pgguard("register", "report", "--view", "processor", "--format", form).stdout
        assert "Nothing here says that a contract is valid" in text
        assert text.count("not declared") >= len(mentions)
    assert "maintenance \\| of the \\*application\\*" in text
    register.with_name("contract.pdf").write_bytes(TEXT + b" or not")
    items = declared(pgguard, "processor")["Vendor: maintenance"]
    assert items["28(9) text"][-1] == "the file has another digest: it is another text"


def test_a_report_names_the_register_that_it_was_made_with(
    pgguard: Run, register: Path, cluster: Cluster
) -> None:
    server = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "lab"]
    chosen = ["--check", "reg-not-in-register", "--check", "reg-contract-missing"]
    done = pgguard("inspect", *server, *chosen, "--format", "json")
    report = json.loads(done.stdout)
    schema = resources.files("pgguard").joinpath("data/report.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(report, json.loads(schema))
    digest = hashlib.sha256(register.read_bytes()).hexdigest()
    assert report["policy"]["register"] == {"file": str(register), "sha256": digest}
    verdicts = {one["check"]: one["verdict"] for one in report["outcomes"]}
    assert verdicts == {"reg-not-in-register": "pass", "reg-contract-missing": "fail"}
    assert f"(sha256 {digest[:16]}...)" in pgguard("inspect", *server, *chosen).stdout
    # a text that is gone is not known to be unchanged
    register.with_name("contract.pdf").unlink()
    gone = json.loads(pgguard("inspect", *server, *chosen, "--format", "json").stdout)
    verdicts = {one["check"]: one["verdict"] for one in gone["outcomes"]}
    assert verdicts["reg-not-in-register"] == "unknown"


def test_policy_check_looks_up_what_the_register_names(
    pgguard: Run, register: Path, new_cluster: Callable[..., Cluster]
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    server = ["-h", str(own.socket_dir), "-p", str(own.port), "-U", "postgres", "-d", "lab"]
    listed = 'tables = ["lab.patient"]\ncolumns = ["lab.patient.nir"]\n'
    register.write_text(register.read_text() + listed)
    said = pgguard("policy", "check", "pgguard.toml", *server).stderr
    lines = register.read_text().splitlines()
    roles = lines.index('roles = ["vendor"]') + 1
    assert f"register.toml:{roles}: contract.roles: there is no role vendor" in said
    assert f"register.toml:{len(lines) - 1}: activity.tables: there is no table lab.patient" in said
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("CREATE ROLE vendor; CREATE SCHEMA lab; CREATE TABLE lab.patient (nir text)")
    done = pgguard("policy", "check", "pgguard.toml", *server)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_register_the_record_is_empty_and_says_so(pgguard: Run) -> None:
    for view in ("controller", "processor"):
        done = pgguard("register", "report", "--view", view)
        assert done.returncode == 0
        assert "The register has no such entry." in done.stdout


def test_the_database_records_which_register_is_in_force(
    pgguard: Run, register: Path, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    own = new_cluster()
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute("CREATE DATABASE other")
    before = rights(own, "lab", "other"), shape(own)
    dsn = own.dsn(dbname="lab")
    against = ("register", "report", "--against-database", dsn)
    done = pgguard(*against)
    assert done.returncode == 1
    assert "database lab has recorded no version of the register" in done.stdout
    first = planned(pgguard, dsn, tmp_path / "first")
    assert [
        one["database"] for one in json.loads((tmp_path / "first/plan.json").read_text())["migrations"]
    ] == ["lab"]
    assert psql(own, first.with_suffix(".verify.sql")).returncode != 0
    for _ in range(2):
        psql(own, first, check=True)
        psql(own, first.with_suffix(".verify.sql"), check=True)
    done = pgguard(*against)
    assert done.returncode == 0
    assert "database lab has recorded this version, on " in done.stdout
    psql(own, first.with_suffix(".down.sql"), check=True)
    assert (rights(own, "lab", "other"), shape(own)) == before
    psql(own, first, check=True)

    register.write_text(register.read_text() + '\n[[account]]\nrole = "roux"\nperson = "A"\n')
    done = pgguard(*against, "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["recorded"]["is_this"] is False
    second = planned(pgguard, dsn, tmp_path / "second")
    for _ in range(2):
        psql(own, second, check=True)
    assert pgguard(*against, "--format", "markdown").returncode == 0
    # what was recorded since is not lost by taking the first back
    refused = psql(own, first.with_suffix(".down.sql"))
    assert refused.returncode != 0
    assert "they are evidence, and stay" in refused.stderr
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT sha256, file, by FROM pgguard.register_version ORDER BY id"
        ).fetchall()
        assert [one[1:] for one in rows] == [("register.toml", "postgres")] * 2
        assert rows[1][0] == hashlib.sha256(register.read_bytes()).hexdigest()
        for statement in (
            "UPDATE pgguard.register_version SET file = 'x'",
            "DELETE FROM pgguard.register_version",
            "TRUNCATE pgguard.register_version",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
                connection.execute(statement.encode())


def test_there_is_nothing_to_record_without_a_register(
    pgguard: Run, tmp_path: Path, cluster: Cluster
) -> None:
    (tmp_path / "pgguard.toml").write_text('[administrators]\nroles = ["dba"]\n')
    done = pgguard("plan", "--register", cluster.dsn(dbname="lab"))
    assert done.returncode == 2
    assert "the policy has no register of processing" in done.stderr


def planned(pgguard: Run, dsn: str, folder: Path) -> Path:
    done = pgguard("plan", "--register", dsn, "-o", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "0001_register_recorded.sql"


def psql(cluster: Cluster, file: Path, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    program = str(cluster.postgres.psql or "psql")
    library = cluster.postgres.library_path
    done = subprocess.run(
        [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), cluster.dsn(dbname="lab")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **({"LD_LIBRARY_PATH": str(library)} if library else {})},
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def shape(cluster: Cluster) -> list[tuple[object, ...]]:
    """All that is not the server's own in the database."""
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        return connection.execute(
            "SELECT 'c', relname::text FROM pg_class WHERE oid >= 16384 UNION ALL "
            "SELECT 'p', proname::text FROM pg_proc WHERE oid >= 16384 UNION ALL "
            "SELECT 'n', nspname::text FROM pg_namespace WHERE oid >= 16384 ORDER BY 1, 2"
        ).fetchall()
