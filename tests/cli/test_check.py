"""`pgguard check` and `pgguard history` as cron and a person use them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from importlib import resources
from typing import TYPE_CHECKING

import jsonschema
import psycopg
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

SCHEMA = json.loads(resources.files("pgguard").joinpath("data/report.schema.json").read_text("utf-8"))


@pytest.fixture
def check(pgguard: Run, cluster: Cluster, tmp_path: Path) -> Run:
    """Runs `pgguard check` on the shared cluster, with a state folder of its own."""

    def run(*arguments: str, user: str = "postgres") -> subprocess.CompletedProcess[str]:
        where = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", user, "-d", "postgres"]
        return pgguard("check", *where, *arguments, XDG_STATE_HOME=str(tmp_path / "state"))

    return run


@pytest.fixture
def sql(cluster: Cluster) -> Iterator[Callable[[str], None]]:
    """Runs SQL as a superuser; roles it makes are named drifter and gone afterwards."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:

        def run(text: str) -> None:
            connection.execute(text.encode())

        yield run
        connection.execute("DROP ROLE IF EXISTS drifter")


def test_what_changed_is_told_and_what_did_not_is_not(
    check: Run, sql: Callable[[str], None], pgguard: Run, tmp_path: Path
) -> None:
    first = check()
    assert "NEW" in first.stdout
    assert "the first look" in first.stdout
    second = check()
    assert (second.stdout, second.stderr) == ("", "")
    assert second.returncode == first.returncode == 1
    sql("CREATE ROLE drifter LOGIN SUPERUSER CONNECTION LIMIT 5")
    drift = check()
    assert "role-superuser-login  drifter" in drift.stdout
    assert "fix  ALTER ROLE drifter NOSUPERUSER" in drift.stdout
    document = json.loads(check("--format", "json").stdout)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["history"]["changes"] == []
    sql("DROP ROLE drifter")
    fixed = check("--format", "json")
    document = json.loads(fixed.stdout)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert ("fixed", "drifter") in [
        (one["kind"], one["subject"]["name"]) for one in document["history"]["changes"]
    ]
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    told = pgguard("history", **state)
    assert "5 runs" in told.stdout
    assert "time to fix" in told.stdout
    (trend,) = json.loads(pgguard("history", "--format", "json", **state).stdout)
    assert trend["months"][0]["looks"] == 5
    assert trend["months"][0]["events"]["fixed"] >= 1
    (print_,) = (
        one["fingerprint"]
        for one in document["history"]["changes"]
        if one["subject"]["name"] == "drifter" and one["check"] == "role-superuser-login"
    )
    story = pgguard("history", "--finding", print_[:8], **state).stdout
    assert [line.split()[2] for line in story.splitlines()[4:]] == ["new", "fixed"]


def test_what_could_not_be_evaluated_is_told_once(check: Run, sql: Callable[[str], None]) -> None:
    sql("CREATE ROLE drifter LOGIN")
    first, second = (check("--fail-on", "critical", user="drifter") for _ in range(2))
    assert "NOT EVALUATED" in first.stdout
    assert (second.stdout, second.stderr) == ("", "")
    assert first.returncode == second.returncode == 3
    assert check("--fail-on", "critical", "--allow-unknown", user="drifter").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--history", "postgresql://nobody@127.0.0.1:1/history"], 3, "the history at postgresql://nobody"),
        (["--history", "letter"], 2, "it is left as it is"),
        (["--history", "postgresql://nobody:made-up-9@127.0.0.1:1/history"], 2, "~/.pgpass"),
    ],
)
def test_without_its_history_the_whole_report_is_told(
    check: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    letter = tmp_path / "letter"
    letter.write_text("a letter to a colleague, which is long enough to be no database at all\n" * 20)
    before = letter.read_bytes()
    done = check(*arguments, "--fail-on", "critical")
    assert "hba-trust-local" in done.stdout
    assert said in done.stderr
    assert "made-up-9" not in done.stderr + done.stdout
    assert done.returncode == code
    assert letter.read_bytes() == before


def test_a_server_that_goes_away_in_the_middle_is_no_all_clear(
    pgguard: Run, cluster: Cluster, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def half() -> None:
            client, _ = server.accept()
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(str(cluster.socket_dir / f".s.PGSQL.{cluster.port}"))
            with client, behind:
                up = threading.Thread(target=_pump, args=(client, behind, None), daemon=True)
                up.start()
                _pump(behind, client, 5_000)
                for one in (client, behind):
                    # the other end may have gone already
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=half, daemon=True)
        thread.start()
        port = str(server.getsockname()[1])
        state = {"XDG_STATE_HOME": str(tmp_path / "state")}
        where = ["-h", "127.0.0.1", "-p", port, "-U", "postgres", "-d", "sslmode=disable dbname=postgres"]
        done = pgguard("check", *where, **state)
        thread.join()
    assert "broke off" in done.stderr
    assert done.returncode == 3
    assert "1 run could not look" in pgguard("history", **state).stdout


def _pump(source: socket.socket, to: socket.socket, most: int | None) -> None:
    """Pass on what comes, and stop after so many bytes."""
    passed = 0
    with contextlib.suppress(OSError):
        while (most is None or passed < most) and (data := source.recv(1024)):
            to.sendall(data)
            passed += len(data)


def test_nothing_is_remembered_before_the_first_run(pgguard: Run, tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = pgguard("history", **state)
    assert "nothing is remembered yet" in done.stdout
    assert not (tmp_path / "state").exists()
    assert pgguard("history", "--target", "x", **state).returncode == 2
    assert pgguard("history", "--finding", "abc", **state).returncode == 2


def test_the_history_may_be_kept_in_the_server_itself(
    check: Run, cluster: Cluster, sql: Callable[[str], None]
) -> None:
    place = f"postgresql://postgres@/postgres?host={cluster.socket_dir}&port={cluster.port}"
    try:
        first, second = (check("--history", place) for _ in range(2))
    finally:
        sql("DROP SCHEMA pgguard_history CASCADE")
    assert "NEW" in first.stdout
    # its tables are seen by the second run, and nothing is wrong with them
    assert second.stdout == ""
    assert first.returncode == second.returncode


def test_the_policy_says_where_and_under_which_name(check: Run, pgguard: Run, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text(
        '[history]\nstore = "kept/here.sqlite"\ntarget = "the laboratory"\n'
    )
    assert "check of the laboratory" in check().stdout
    assert (tmp_path / "kept" / "here.sqlite").exists()
    assert pgguard("history").stdout.startswith("the laboratory: 1 run")
