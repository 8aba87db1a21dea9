"""`pgguard erase` as a user runs it: plans, runs that are killed, one person, and what must never be seen."""

from __future__ import annotations

import json
import random
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.model.erasure_record import mark_of
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Admin = psycopg.Connection[tuple[Any, ...]]

OLD = "2000-01-01"
KEY, OTHER = "1850275123456", "2850275000000"
POLICY = """
[backup]
evidence = "pgbackrest, 30 days"
[[retention]]
table = "lab.result"
months = 120
age_column = "at"
[[retention]]
table = "lab.patient"
months = 120
age_column = "seen"
[[data_subject]]
table = "lab.patient"
key = "nir"
"""
TABLES = """
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id int PRIMARY KEY, nir text, nom text, seen date);
CREATE TABLE lab.result
    (id int PRIMARY KEY, patient_id int NOT NULL REFERENCES lab.patient, note text, at timestamptz);
CREATE TABLE lab.comment (id int PRIMARY KEY, result_id int REFERENCES lab.result, body text);
CREATE TABLE lab.letter (id int PRIMARY KEY, nir text, body text);
CREATE INDEX ON lab.result (patient_id);
CREATE INDEX ON lab.comment (result_id);
"""
PERSONS = f"""
INSERT INTO lab.patient VALUES (1, '{KEY}', 'Dupont', current_date), (2, '{OTHER}', 'Martin', current_date);
INSERT INTO lab.result VALUES (1, 1, 'a', now()), (2, 1, 'b', now()), (3, 2, 'c', now());
INSERT INTO lab.comment VALUES (1, 1, 'x'), (2, 3, 'y');
INSERT INTO lab.letter VALUES (1, '{KEY}', 'x'), (2, '{OTHER}', 'y');
"""


@pytest.fixture(scope="module")
def own(postgres: Postgres) -> Iterator[Cluster]:
    settings = {"log_statement": "all", "logging_collector": "on", "log_directory": "log"}
    with Cluster.start(postgres, settings=settings) as running:
        yield running


@pytest.fixture
def lab(own: Cluster) -> Iterator[Admin]:
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE erased")
    with psycopg.connect(own.dsn(dbname="erased"), autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE erased")


@pytest.fixture
def dsn(own: Cluster) -> str:
    return own.dsn(dbname="erased")


def _policy(folder: Path, more: str = "") -> None:
    (folder / "pgguard.toml").write_text(POLICY + more, encoding="utf-8")


def _count(lab: Admin, table: str) -> int:
    ((found,),) = lab.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()
    return int(found)


def _fill(lab: Admin, patients: int, results: int) -> None:
    lab.execute(
        "INSERT INTO lab.patient SELECT n, 'nir', 'nom', %s::date FROM generate_series(1, %s) AS n",
        (OLD, patients),
    )
    lab.execute(
        "INSERT INTO lab.result SELECT n, n, 'note', %s::date FROM generate_series(1, %s) AS n",
        (OLD, results),
    )


def _log(own: Cluster) -> str:
    folder = own.data_directory / "log"
    return "".join(one.read_text(encoding="utf-8", errors="replace") for one in folder.iterdir())


def test_a_plan_its_run_and_its_report(lab: Admin, dsn: str, pgguard: Run, tmp_path: Path) -> None:
    _policy(tmp_path)
    _fill(lab, 300, 200)
    lab.execute("CREATE MATERIALIZED VIEW lab.all_patients AS SELECT * FROM lab.patient")
    made = pgguard("erase", "plan", dsn, "-o", "erasure")
    assert made.returncode == 0, made.stderr
    assert "lab.result (delete): 200 of 200 rows" in made.stdout
    assert "materialized view lab.all_patients" in made.stdout
    assert _count(lab, "lab.result") == 200
    refused = pgguard("erase", "run", dsn)
    assert refused.returncode == 2
    assert "--plan FOLDER" in refused.stderr
    dry = pgguard("erase", "run", dsn, "--dry-run", "--format", "json")
    assert json.loads(dry.stdout)["dry"]["counts"][1]["going"] == 300
    done = pgguard("erase", "run", dsn, "--plan", "erasure", "--rewrite", "--refresh")
    assert done.returncode == 0, done.stderr
    assert [_count(lab, f"lab.{one}") for one in ("result", "patient", "all_patients")] == [0, 0, 0]
    report = pgguard("erase", "report", dsn, "--plan", "erasure", "--format", "json")
    told = json.loads(report.stdout)
    assert {one["state"] for one in told["claims"]} == {"gone"}
    assert any("pgbackrest, 30 days" in one["why"] for one in told["beside"])
    for one in (tmp_path / "erasure").iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    again = pgguard("erase", "plan", dsn, "-o", "erasure")
    assert again.returncode == 2
    assert "not empty" in again.stderr
    text = pgguard("erase", "report", dsn, "--plan", "erasure", "--format", "markdown").stdout
    assert "## The files of the tables" in text


def test_a_journal_that_was_changed_is_refused(lab: Admin, dsn: str, pgguard: Run, tmp_path: Path) -> None:
    _policy(tmp_path)
    _fill(lab, 1, 0)
    pgguard("erase", "plan", dsn, "-o", "erasure")
    assert pgguard("erase", "run", dsn, "--plan", "erasure").returncode == 0
    journal = tmp_path / "erasure" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"rows": 1', '"rows": 0'))
    done = pgguard("erase", "report", dsn, "--plan", "erasure")
    assert done.returncode == 2
    assert "the journal was changed" in done.stderr


def test_killed_at_any_time_it_finishes_when_it_is_run_again(
    lab: Admin, dsn: str, pgguard: Run, tmp_path: Path
) -> None:
    _policy(tmp_path)
    _fill(lab, 8000, 8000)
    assert pgguard("erase", "plan", dsn, "-o", "erasure").returncode == 0
    command = [sys.executable, "-m", "pgguard.cli.main", "erase", "run", dsn, "--plan", "erasure"]
    chance = random.Random(11)  # noqa: S311
    for _ in range(3):
        before = _count(lab, "lab.result") + _count(lab, "lab.patient")
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until:
            if _count(lab, "lab.result") + _count(lab, "lab.patient") < before:
                break
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        # patients go after their results, and not while any is left
        gone = 8000 - _count(lab, "lab.patient")
        assert gone == 0 or _count(lab, "lab.result") == 0
    done = pgguard("erase", "run", dsn, "--plan", "erasure", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = {one["table"]: one for one in json.loads(done.stdout)["record"]["done"]}
    assert (told["lab.result"]["before"], told["lab.result"]["after"]) == (8000, 0)
    assert (told["lab.patient"]["before"], told["lab.patient"]["after"]) == (8000, 0)


def test_one_person_goes_from_every_table_and_nobody_else(
    lab: Admin, own: Cluster, dsn: str, pgguard: Run, tmp_path: Path
) -> None:
    _policy(tmp_path)
    lab.execute(PERSONS)
    refused = pgguard("erase", "plan", dsn, "--person", "-", text_input=KEY + "\n")
    assert refused.returncode == 2
    assert "lab.letter holds personal data, and nothing leads from it to the person" in refused.stderr
    checked = pgguard("erase", "plan", dsn, "--person", "-", "--checked", "lab.letter", text_input=KEY + "\n")
    assert checked.returncode == 0, checked.stderr
    held = (
        f"[[hold]]\ntable = 'lab.patient'\nrows = \"nir = '{OTHER}'\"\nreason = 'lawsuit'\nowner = 'legal'\n"
    )
    _policy(tmp_path, f'[[subject_column]]\ncolumn = "lab.letter.nir"\n{held}')
    seen = len(_log(own))
    plan = pgguard("erase", "plan", dsn, "--person", "-", "-o", "one", text_input=KEY + "\n")
    assert plan.returncode == 0, plan.stderr
    mark = json.loads((tmp_path / "one" / "plan.json").read_text())["mark"]
    slip = next(one for one in map(str, range(300)) if mark_of(one, mark.split(":")[0]) != mark)
    other = pgguard("erase", "run", dsn, "--plan", "one", "--person", "-", text_input=slip + "\n")
    assert (other.returncode, "not the key of the person" in other.stderr) == (2, True)
    done = pgguard("erase", "run", dsn, "--plan", "one", "--person", "-", text_input=KEY + "\n")
    assert done.returncode == 0, done.stderr
    left = {
        one: lab.execute(f"SELECT id FROM lab.{one}".encode()).fetchall()
        for one in ("patient", "result", "comment", "letter")
    }
    assert left == {"patient": [(2,)], "result": [(3,)], "comment": [(2,)], "letter": [(2,)]}
    # the keys are nowhere: not in what is printed, not in the folder, and in the log as parameters alone
    shown = plan.stdout + plan.stderr + done.stdout + done.stderr
    shown += "".join(one.read_text() for one in (tmp_path / "one").iterdir())
    assert KEY not in shown
    assert OTHER not in shown
    lines = [line for line in _log(own)[seen:].splitlines() if KEY in line or OTHER in line]
    assert lines
    assert [line for line in lines if "arameters: " not in line] == []


def test_a_key_is_never_taken_from_the_command_line(own: Cluster, pgguard: Run, tmp_path: Path) -> None:
    _policy(tmp_path)
    done = pgguard("erase", "plan", own.dsn(), "--person", KEY)
    assert done.returncode == 2
    assert KEY not in done.stderr
    several = pgguard("erase", "plan", own.dsn(), "--person", "-", text_input="1\n2\n")
    assert "one person, on one line" in several.stderr


def test_a_key_of_the_wrong_type_is_not_repeated(lab: Admin, dsn: str, pgguard: Run, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text('[[data_subject]]\ntable = "lab.patient"\nkey = "id"\n')
    lab.execute("DROP TABLE lab.letter")
    done = pgguard("erase", "plan", dsn, "--person", "-", text_input="Dupont-Marie\n")
    assert done.returncode == 3
    assert "Dupont" not in done.stderr + done.stdout


def test_a_hold_keeps_a_person_whole(lab: Admin, dsn: str, pgguard: Run, tmp_path: Path) -> None:
    lab.execute(PERSONS + "DROP TABLE lab.letter")
    held = '[[hold]]\ntable = "lab.comment"\nrows = "id = 1"\nreason = "lawsuit 12/24"\nowner = "legal"\n'
    _policy(tmp_path, held)
    done = pgguard("erase", "run", dsn, "--yes", "--person", "-", text_input=KEY + "\n")
    assert done.returncode == 2
    assert "lawsuit 12/24 (legal)" in done.stderr
    assert _count(lab, "lab.patient") == 2


def test_a_person_whose_rows_are_kept_elsewhere_is_refused(
    lab: Admin, dsn: str, pgguard: Run, tmp_path: Path
) -> None:
    lab.execute("DROP TABLE lab.letter")
    (tmp_path / "pgguard.toml").write_text(
        '[[data_subject]]\ntable = "lab.patient"\nkey = "nir"\n'
        '[[retention]]\ntable = "lab.result"\nmonths = 12\nage_column = "at"\n'
        'action = "anonymise"\ncolumns = ["note"]\n'
    )
    done = pgguard("erase", "plan", dsn, "--person", "-", text_input=KEY + "\n")
    assert done.returncode == 2
    assert "rows of lab.result are kept (anonymise) and reference lab.patient" in done.stderr
    assert "rows of lab.comment" not in done.stderr


def test_the_stores_are_pruned_by_their_own_periods(own: Cluster, pgguard: Run, tmp_path: Path) -> None:
    store = tmp_path / "seen.sqlite"
    with ObservationStore(store):
        pass
    (tmp_path / "pgguard.toml").write_text(f'[observation]\nstore = "{store}"\nkeep_days = 100\n')
    done = pgguard("erase", "run", own.dsn(), "--stores", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "audit store: kept, for [audit] keep_months names no period" in done.stdout
    assert "observations: what is older than 100 days is forgotten" in done.stdout
    assert "history: there is none" in done.stdout
