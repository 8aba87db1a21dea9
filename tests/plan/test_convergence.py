"""The plan of the flawed laboratory, applied by plain psql: what it says it closes is closed, and undone."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.lab import Laboratory
from pgguard.errors import UsageError
from pgguard.model.finding import Severity
from pgguard.model.plan import Migration, Plan
from pgguard.plan import folder
from pgguard.plan.findings import steps_of
from pgguard.plan.migration import migrations
from pgguard.server.read import read_snapshot
from tests.plan.rights import rights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with Laboratory.open(major=MAJOR) as running:
        yield running


def _plan(laboratory: Laboratory) -> tuple[Plan, tuple[Migration, ...]]:
    report = laboratory.inspect()
    steps, by_hand = steps_of(report, read_snapshot(laboratory.target), floor=Severity.LOW)
    plan = Plan(
        report.target, report.server_version, report.inspected_at, report.inspected_as, steps, by_hand
    )
    return plan, migrations(plan)


def _psql(laboratory: Laboratory, text: str, database: str | None) -> subprocess.CompletedProcess[str]:
    cluster = laboratory.cluster
    program = cluster.postgres.psql or "psql"
    return subprocess.run(
        [str(program), "-X", "-v", "ON_ERROR_STOP=1", "-d", cluster.dsn(dbname=database or "lab"), "-f", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def _databases(laboratory: Laboratory) -> list[str]:
    with psycopg.connect(laboratory.cluster.dsn()) as connection:
        return [
            name
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database "
                "WHERE datallowconn AND datname NOT LIKE 'template%' ORDER BY 1"
            )
        ]


def test_what_the_plan_closes_is_closed(laboratory: Laboratory) -> None:
    _, files = _plan(laboratory)
    assert len(files) > 4
    for one in files:
        unmet = _psql(laboratory, one.verify, one.step.database)
        if any(change.done for change in one.step.changes):
            assert "does not hold" in unmet.stderr, one.name
        _twice(laboratory, one.up, one)
        met = _psql(laboratory, one.verify, one.step.database)
        assert met.returncode == 0, (one.name, met.stderr)
    closed = {answer.fingerprint: answer for one in files for answer in one.step.answers}
    # some parameters wait for a restart
    laboratory.cluster.restart()
    after = laboratory.inspect()
    left = {
        (outcome.check, judged.finding.subject.name, judged.finding.evidence)
        for outcome in after.outcomes
        for judged in outcome.findings
        if judged.fingerprint in closed and judged.finding.fix and not _by_hand(judged.finding.fix)
    }
    assert left == set()
    # what is left for a second plan is what somebody has to do by hand
    steps, _ = steps_of(after, read_snapshot(laboratory.target), floor=Severity.LOW)
    again = {change.sql for step in steps for change in step.changes}
    assert again & {change.sql for one in files for change in one.step.changes if change.done} == set()


def test_all_of_it_is_taken_back_to_the_same_catalog(laboratory: Laboratory) -> None:
    _, files = _plan(laboratory)
    undoable = [one for one in files if one.undoable]
    databases = _databases(laboratory)
    before = rights(laboratory.cluster, *databases)
    for one in undoable:
        _twice(laboratory, one.up, one)
    assert rights(laboratory.cluster, *databases) != before
    for one in reversed(undoable):
        _twice(laboratory, one.down, one)
    assert rights(laboratory.cluster, *databases) == before
    assert {one.name for one in files} - {one.name for one in undoable} == {
        one.name for one in files if "_final" in one.name
    }


def _twice(laboratory: Laboratory, text: str, one: Migration) -> None:
    for _ in range(2):
        done = _psql(laboratory, text, one.step.database)
        assert done.returncode == 0, (one.name, done.stderr)


def _by_hand(fix: tuple[object, ...]) -> bool:
    return any(change.sql.startswith("--") for change in fix)  # type: ignore[attr-defined]


def test_a_state_that_changed_stops_the_file_before_anything_is_done(laboratory: Laboratory) -> None:
    _, files = _plan(laboratory)
    chosen = next(
        one
        for one in files
        if one.step.transactional
        and any(change.planned and "REVOKE" in change.sql for change in one.step.changes)
    )
    change = next(one for one in chosen.step.changes if one.planned and "REVOKE" in one.sql)
    table = re.search(r" ON (?:TABLE )?(\S+) FROM", change.sql)
    assert table is not None
    wrong = chosen.up.replace("        OR ", "        AND ", 1)
    done = _psql(laboratory, wrong, chosen.step.database)
    assert done.returncode != 0
    assert "the state is not the one that was planned on" in done.stderr
    assert _psql(laboratory, chosen.verify, chosen.step.database).returncode != 0
    elsewhere = _psql(laboratory, chosen.up, "postgres")
    assert (
        elsewhere.returncode == 0
        if chosen.step.database is None
        else "this is for database" in elsewhere.stderr
    )


def test_the_folder_is_the_same_each_time_and_an_edited_one_is_refused(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    plan, files = _plan(laboratory)
    assert folder.contents(plan, files) == folder.contents(plan, migrations(plan))
    path = tmp_path / "migrations"
    folder.write(path, plan, files)
    folder.write(path, plan, files)
    assert [one.name for one in folder.read(path).manifest.migrations] == [one.name for one in files]
    edited = path / f"{files[0].name}.sql"
    edited.write_text(edited.read_text() + "-- by hand\n")
    with pytest.raises(Exception, match="was edited after the plan was made"):
        folder.read(path)
    with pytest.raises(UsageError, match="another plan"):
        folder.write(path, plan, files)
    folder.write(path, plan, files, force=True)
    edited.unlink()
    with pytest.raises(Exception, match="cannot be read"):
        folder.read(path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("")
    with pytest.raises(UsageError, match="is no plan"):
        folder.write(tmp_path / "other", plan, files, force=True)
