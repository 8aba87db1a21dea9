"""A run whose history, disk or server fails tells what it has, is not silent, and does not exit with 0."""

from __future__ import annotations

import dataclasses
import datetime
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.checks import named
from pgguard.errors import HistoryError
from pgguard.model.finding import Severity
from pgguard.nightly.lock import only_run
from pgguard.nightly.run import Settings, run
from pgguard.report import changes
from pgguard.store.history import open_history
from tests.nightly.nights import BEGIN, Nights, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.history import RunResult

FEW = tuple(named(one) for one in ("role-createdb", "hba-md5"))


@pytest.fixture
def nights(cluster: Cluster, tmp_path: Path) -> Nights:
    """Nights that judge by two checks, one of which a role without rights cannot evaluate."""
    return Nights(cluster, tmp_path, checks=FEW)


@pytest.fixture
def drifter(cluster: Cluster) -> Iterator[str]:
    """A role that one check finds."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE drifter LOGIN CREATEDB")
        connection.execute("CREATE ROLE little LOGIN")
    yield "drifter"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS drifter")
        connection.execute("DROP ROLE little")


def test_a_second_run_is_silent_and_exits_as_the_first(nights: Nights, drifter: str) -> None:
    first, second = nights.run(0, fail_on=Severity.LOW), nights.run(1, fail_on=Severity.LOW)
    assert drifter in changes.render(first)
    assert (second.is_silent, changes.render(second)) == (True, "")
    assert first.run.exit_code == second.run.exit_code == 1


def test_an_open_finding_that_is_not_looked_at_still_counts(nights: Nights, drifter: str) -> None:
    nights.run(0, fail_on=Severity.LOW)
    blind = dataclasses.replace(nights, checks=(dataclasses.replace(FEW[0], find=FEW[1].find), FEW[1]))
    blind.user = "little"
    result = blind.run(1, fail_on=Severity.LOW, allow_unknown=True)
    assert result.comparison is not None
    assert [one.name for one in result.comparison.not_looked_at] == [drifter]
    assert result.run.exit_code == 1
    # and on the night after that there is nothing new to tell
    assert blind.run(2, fail_on=Severity.LOW, allow_unknown=True).is_silent
    again = nights.run(3, fail_on=Severity.LOW)
    assert told(again) == []
    assert [one.check for one in again.now_evaluated] == ["role-createdb", "hba-md5"]


@pytest.mark.parametrize(
    ("store", "code"),
    [
        ("postgresql://nobody@127.0.0.1:1/history", 3),
        ("/proc/nowhere/history.sqlite", 3),
        ("postgresql://nobody:made-up-9@127.0.0.1:1/history", 2),
        ("letter", 2),
    ],
)
def test_without_its_history_a_run_tells_all_it_found(
    nights: Nights, drifter: str, tmp_path: Path, store: str, code: int
) -> None:
    letter = tmp_path / "letter"
    letter.write_text("a letter to a colleague, which is long enough to be no database at all\n" * 20)
    nights.store = str(letter) if store == "letter" else store
    result = nights.run(0, fail_on=Severity.CRITICAL)
    assert result.problem
    assert "made-up-9" not in result.problem
    assert result.report is not None
    found = [judged.finding.subject.name for one in result.report.outcomes for judged in one.findings]
    assert drifter in found
    assert result.run.exit_code == code
    assert not result.is_silent
    assert nights.run(0, fail_on=Severity.LOW).run.exit_code == 1


def test_what_cannot_be_written_is_told_all_the_same(nights: Nights, drifter: str, cluster: Cluster) -> None:
    nights.store = f"postgresql://little@/history?host={cluster.socket_dir}&port={cluster.port}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE history OWNER little")
        inside = psycopg.connect(cluster.dsn(dbname="history"), autocommit=True)
        try:
            nights.run(0)
            connection.execute("ALTER ROLE drifter NOCREATEDB")
            inside.execute("REVOKE INSERT ON ALL TABLES IN SCHEMA pgguard_history FROM little")
            result = nights.run(1)
            assert told(result) == [("fixed", "role-createdb", drifter)]
            assert "permission denied for" in result.problem
            assert result.run.exit_code == 3
            inside.execute("GRANT INSERT ON ALL TABLES IN SCHEMA pgguard_history TO little")
            # nobody kept it: the next run tells it again
            assert told(nights.run(2)) == [("fixed", "role-createdb", drifter)]
        finally:
            inside.close()
            connection.execute("DROP DATABASE history")


def test_a_server_that_cannot_be_reached_is_remembered(nights: Nights, drifter: str) -> None:
    nights.run(0)
    nights.user = "nobody_of_that_name"
    result = nights.run(1)
    assert "nobody_of_that_name" in result.failure
    assert (result.run.exit_code, result.report, result.is_silent) == (3, None, False)
    with open_history(nights.place) as history:
        last = history.runs("lab-server")[-1]
        assert (last.exit_code, last.counts, last.failure) == (3, None, result.failure)
        assert [one.name for one in history.findings("lab-server")] == [drifter]


def test_a_server_that_answers_half_fixes_nothing(
    new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = new_cluster()
    nights = Nights(cluster, tmp_path, checks=(named("grant-public-schema-create"), named("rls-not-forced")))
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for name in ("one", "two"):
            connection.execute(f"CREATE DATABASE {name}")
            with psycopg.connect(cluster.dsn(dbname=name), autocommit=True) as inside:
                inside.execute("CREATE SCHEMA open_to_all")
                inside.execute("GRANT CREATE, USAGE ON SCHEMA open_to_all TO PUBLIC")
        before = nights.run(0)
        assert before.comparison is not None
        connection.execute("ALTER DATABASE two CONNECTION LIMIT 0")
        connection.execute("CREATE ROLE auditor LOGIN")
        nights.user = "auditor"
        half = nights.run(1)
    assert half.comparison is not None
    assert told(half) == []
    assert {one.database for one in half.comparison.not_looked_at} == {"two"}
    assert len(half.comparison.present) == len(before.comparison.present)
    assert half.run.exit_code != 0
    assert "too many connections" in changes.render(half)


def test_two_runs_at_once_find_it_new_once(cluster: Cluster, drifter: str, tmp_path: Path) -> None:
    results: list[RunResult] = []

    def one() -> None:
        results.append(Nights(cluster, tmp_path, checks=FEW).run(0, wait_seconds=30))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(told(result)) for result in results) == [0, 0, 1]
    assert [result.problem for result in results] == ["", "", ""]


def test_a_run_that_waited_too_long_says_for_whom(nights: Nights, tmp_path: Path) -> None:
    with (
        only_run(tmp_path, "lab-server", 0),
        pytest.raises(HistoryError, match=r"another check of lab-server is at work \(process \d+ since"),
    ):
        nights.run(0)
    # another server is another matter
    with only_run(tmp_path, "lab-server", 0), only_run(tmp_path, "another", 0):
        pass
    assert nights.run(0).run.id == 1


def test_the_place_of_a_run_that_was_killed_is_free(nights: Nights, tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal\n"
        "from pgguard.nightly.lock import only_run\n"
        f"with only_run(pathlib.Path({str(tmp_path)!r}), 'lab-server', 0):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode < 0
    assert nights.run(0).run.id == 1


def test_a_later_look_of_another_machine_is_not_overwritten(
    nights: Nights, cluster: Cluster, drifter: str, tmp_path: Path
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    other = Nights(cluster, tmp_path / "other machine", store=nights.place, checks=FEW)

    def slow_look() -> object:
        mine = nights.look(now)
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("ALTER ROLE drifter NOCREATEDB")
        later = now + datetime.timedelta(minutes=1)
        run(lambda: other.look(later), settings(tmp_path / "other machine"), later)
        return mine

    def settings(locks: Path) -> Settings:
        return Settings(target="lab-server", store=nights.place, policy=nights.policy, locks=locks)

    nights.run(-400)
    result = run(slow_look, settings(tmp_path), now)  # type: ignore[arg-type]
    assert "looked later" in result.problem
    assert result.run.exit_code != 0
    with open_history(nights.place) as history:
        assert history.findings("lab-server") == []


def test_a_baseline_is_told_in_a_line_and_counts_as_before(nights: Nights, drifter: str) -> None:
    result = nights.run(0, baseline=True, fail_on=Severity.LOW)
    text = changes.render(result)
    assert "BASELINE  1 finding" in text
    assert drifter not in text
    second = nights.run(1, fail_on=Severity.LOW)
    assert second.is_silent
    assert result.run.exit_code == second.run.exit_code == 1


def test_what_was_kept_too_long_is_forgotten(nights: Nights, drifter: str) -> None:
    nights.policy = dataclasses.replace(
        nights.policy, history=dataclasses.replace(nights.policy.history, keep_days=30)
    )
    for night in (0, 10, 50):
        nights.run(night)
    with open_history(nights.place) as history:
        days = [one.started[:10] for one in history.runs("lab-server")]
        assert days == [str((BEGIN + datetime.timedelta(days=50)).date())]
        assert [one.name for one in history.findings("lab-server")] == [drifter]
