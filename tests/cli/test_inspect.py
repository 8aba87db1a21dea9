"""`pgguard inspect` as a user types it: formats, files, exit codes, and one sentence for what goes wrong."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading
from importlib import resources
from typing import TYPE_CHECKING

import jsonschema
import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

SCHEMA = json.loads(resources.files("pgguard").joinpath("data/report.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def quiet(postgres) -> Iterator[Cluster]:
    """A cluster that only its superuser enters, by a password."""
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres, listen=["127.0.0.1"]) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("SET password_encryption = 'scram-sha-256'")
            connection.execute("ALTER ROLE postgres PASSWORD 'made-up-Wq7-for-the-run'")
        rules = "local all postgres scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (cluster.data_directory / "pg_hba.conf").write_text(rules)
        cluster.reload()
        yield cluster


def where(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]


def test_json_keeps_to_the_schema_and_exit_code_1_tells_of_findings(pgguard: Run, cluster: Cluster) -> None:
    done = pgguard("inspect", *where(cluster), "--format", "json")
    assert done.stderr == ""
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    # the test cluster lets everybody in from the machine itself, which is high
    assert document["summary"]["high"] > 0
    assert done.returncode == 1


def test_the_report_goes_to_a_file_that_only_its_owner_reads(
    pgguard: Run, cluster: Cluster, tmp_path: Path
) -> None:
    done = pgguard("inspect", *where(cluster), "-o", "report.txt")
    assert done.stdout == ""
    report = tmp_path / "report.txt"
    assert "hba-trust-local" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_fail_on_chooses_what_counts(pgguard: Run, cluster: Cluster) -> None:
    assert pgguard("inspect", *where(cluster), "--check", "hba-trust-local").returncode == 1
    lenient = ("--fail-on", "critical")
    assert pgguard("inspect", *where(cluster), "--check", "hba-trust-local", *lenient).returncode == 0


def test_what_was_not_evaluated_is_exit_code_3_unless_allowed(pgguard: Run, cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE little LOGIN")
        try:
            chosen = ["inspect", *where(cluster)[:4], "-U", "little", "-d", "postgres", "--check", "hba-md5"]
            done = pgguard(*chosen)
            assert "NOT EVALUATED" in done.stdout
            assert "permission denied" in done.stdout
            assert done.returncode == 3
            assert pgguard(*chosen, "--allow-unknown").returncode == 0
        finally:
            connection.execute("DROP ROLE little")


def test_a_waived_finding_is_shown_and_does_not_count(pgguard: Run, cluster: Cluster, tmp_path: Path) -> None:
    found = json.loads(
        pgguard("inspect", *where(cluster), "--check", "hba-trust-local", "--format", "json").stdout
    )
    subjects = [one["subject"]["name"] for one in found["outcomes"][0]["findings"]]
    waivers = "".join(
        f'[[waiver]]\ncheck = "hba-trust-local"\nsubject = "{subject}"\n'
        'reason = "throwaway"\nowner = "RSSI"\nuntil = 2999-12-31\n'
        for subject in subjects
    )
    (tmp_path / "pgguard.toml").write_text(waivers)
    done = pgguard("inspect", *where(cluster), "--check", "hba-trust-local")
    assert f"WAIVED  {len(subjects)}" in done.stdout
    assert "throwaway (RSSI, until 2999-12-31)" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--check", "hba-trsut"], 2, "there is no check hba-trsut: did you mean hba-trust"),
        (["--policy", "nowhere.toml"], 2, "nowhere.toml: there is no such policy file"),
        (["-h", "/nowhere"], 3, "could not connect"),
        (["-h", "127.0.0.1", "-p", "1"], 3, "Connection refused"),
        (["-h", "nohost.invalid"], 3, "resolve host 'nohost.invalid'"),
        (["host=x password=made-up-9"], 2, "~/.pgpass"),
        (["postgresql://u:made-up-9@localhost/x"], 2, "~/.pgpass"),
        (["postgresql://u:made-up-9@[localhost/x"], 2, "cannot be read"),
        (["-p", "many"], 3, "could not connect"),
        (["--format", "yaml"], 2, "yaml"),
        (["-o", "no/such/folder/report"], 2, "cannot be written"),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(
    pgguard: Run, cluster: Cluster, arguments: list[str], code: int, said: str
) -> None:
    given = arguments if code == 3 or "9" in arguments[0] else [*where(cluster), *arguments]
    done = pgguard("inspect", *given)
    assert said in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "made-up-9" not in done.stderr + done.stdout
    assert done.stdout == ""


def test_a_wrong_password_says_where_passwords_belong(pgguard: Run, quiet: Cluster) -> None:
    done = pgguard("inspect", *where(quiet), PGPASSWORD="wrong-6b1")
    assert "password authentication failed" in done.stderr
    assert "~/.pgpass" in done.stderr
    assert "wrong-6b1" not in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize("way", ["PGPASSWORD", "pgpass", "service"])
def test_passwords_come_from_where_psql_has_them(
    pgguard: Run, quiet: Cluster, tmp_path: Path, way: str
) -> None:
    password = "made-up-Wq7-for-the-run"
    settings = {"PGPASSWORD": password}
    target = where(quiet)
    if way == "pgpass":
        file = tmp_path / "pgpass"
        file.write_text(f"*:{quiet.port}:*:postgres:{password}\n")
        file.chmod(0o600)
        settings = {"PGPASSFILE": str(file)}
    elif way == "service":
        file = tmp_path / "services"
        lines = [f"host={quiet.socket_dir}", f"port={quiet.port}", "user=postgres", f"password={password}"]
        file.write_text("\n".join(["[lab]", *lines, "dbname=postgres"]) + "\n")
        settings = {"PGSERVICEFILE": str(file)}
        target = ["service=lab"]
    done = pgguard("inspect", *target, "--check", "hba-trust", **settings)
    assert done.stderr == ""
    assert done.returncode == 0
    assert password not in done.stdout


def test_a_port_where_something_else_answers(pgguard: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = pgguard("inspect", "-h", "127.0.0.1", "-p", str(server.getsockname()[1]), "-U", "postgres")
        thread.join()
    assert "not PostgreSQL" in done.stderr
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_mistakes_in_the_policy_are_named_before_anything_is_read(pgguard: Run, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text(
        '[networks]\ninternl = ["10.0.0.0/8"]\n\n[thresholds]\ndormant_days = "x"\n'
    )
    done = pgguard("inspect", "-h", "/nowhere")
    assert "pgguard.toml:2: networks.internl: unknown key; did you mean internal?" in done.stderr
    assert "pgguard.toml:5: thresholds.dormant_days" in done.stderr
    assert done.returncode == 2


def test_a_reader_that_goes_away_is_no_error(cluster: Cluster) -> None:
    command = [sys.executable, "-m", "pgguard.cli.main", "inspect", *where(cluster), "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""
