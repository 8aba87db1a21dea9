"""Plans of two badly run sites, applied by plain psql: what they say they close is closed, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import UsageError
from pgguard.plan import folder
from pgguard.plan.migration import migrations
from tests.plan.sites import SITES, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.model.plan import Migration


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, postgres) -> Iterator[Site]:
    with SITES[request.param](postgres) as running:
        yield running


@pytest.fixture
def laboratory(postgres) -> Iterator[Site]:
    with SITES["laboratory"](postgres) as running:
        yield running


def test_what_the_plan_closes_is_closed(site: Site) -> None:
    done: set[str] = set()
    closed: set[tuple[str, str]] = set()
    # what is taken away can lay open something else, once
    for _ in range(3):
        files = site.files()
        if not files:
            break
        wanted = {change.sql for one in files for change in one.step.changes}
        assert wanted & done == set()
        for one in files:
            unmet = site.psql(one.verify, one.step.database)
            if any(change.done for change in one.step.changes):
                assert "does not hold" in unmet.stderr, one.name
            _twice(site, one.up, one)
            met = site.psql(one.verify, one.step.database)
            assert met.returncode == 0, (one.name, met.stderr)
        done |= wanted
        closed |= {(answer.fingerprint, answer.evidence) for one in files for answer in one.step.answers}
        # some parameters wait for a restart
        site.cluster.restart()
        report, _ = site.look()
        open_now = {
            (judged.fingerprint, judged.finding.evidence)
            for outcome in report.outcomes
            for judged in outcome.findings
        }
        assert closed & open_now == set()
    assert site.files() == ()
    assert len(closed) > len(SITES)


def test_all_of_it_is_taken_back_to_the_same_catalog(site: Site) -> None:
    files = site.files()
    undoable = [one for one in files if one.undoable]
    before = site.rights()
    for one in undoable:
        _twice(site, one.up, one)
    assert site.rights() != before
    for one in reversed(undoable):
        _twice(site, one.down, one)
    after = site.rights()
    assert {name: _only(before[name], after[name]) for name in before if before[name] != after[name]} == {}
    assert {one.name for one in files if not one.undoable} == {
        one.name for one in files if one.name.endswith("_final")
    }
    for one in files:
        if not one.undoable:
            assert "-- cannot be undone" in one.down


def test_what_is_safe_takes_nothing_from_anybody(site: Site) -> None:
    plan = site.plan(safe_only=True)
    assert plan.steps
    for one in migrations(plan):
        assert "review" not in one.name
        kinds = {" ".join(change.sql.split()[:2]) for change in one.step.changes}
        assert kinds <= {"ALTER SYSTEM", "ALTER ROLE", "ALTER DATABASE"}
        assert all(" SET " in change.sql or " RESET " in change.sql for change in one.step.changes)
    assert any("only what is safe was asked for" in text for text in plan.by_hand)


def test_nobody_who_plans_or_works_there_is_locked_out(site: Site) -> None:
    _, snapshot = site.look()
    in_use = {session.role for session in snapshot.sessions}
    assert in_use
    for step in site.plan().steps:
        for change in step.changes:
            assert "ALTER ROLE postgres " not in change.sql
            assert not change.sql.endswith("FROM postgres;")
            assert not any(change.sql == f"ALTER ROLE {role} NOLOGIN;" for role in in_use)
    for one in site.files():
        site.psql(one.up, one.step.database)
    with psycopg.connect(site.dsn(site.database)) as connection:
        row = connection.execute("SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = current_user")
        assert row.fetchone() == (True, True)


@pytest.mark.parametrize(
    ("moved", "named"),
    [
        ("ALTER ROLE dev_leroy CONNECTION LIMIT 7", "ALTER ROLE dev_leroy CONNECTION LIMIT 5;"),
        ("ALTER FUNCTION lab.chercher(text) SET search_path = lab", "ALTER FUNCTION lab.chercher(text)"),
        ("ALTER TABLE lab.journal RENAME TO journal_2019", "REVOKE SELECT ON TABLE lab.journal FROM PUBLIC;"),
        ("REVOKE TEMPORARY ON DATABASE lab FROM PUBLIC", "REVOKE CONNECT, TEMPORARY ON DATABASE lab"),
        ("ALTER SYSTEM SET authentication_timeout = '7min'", "ALTER SYSTEM SET authentication_timeout"),
        ("ALTER ROLE labo SET log_min_duration_statement = 9", "ALTER ROLE labo RESET log_min_duration"),
    ],
)
def test_a_state_that_changed_stops_the_file_before_anything_is_done(
    laboratory: Site, moved: str, named: str
) -> None:
    (chosen,) = [
        one for one in laboratory.files() if any(each.sql.startswith(named) for each in one.step.changes)
    ]
    with psycopg.connect(laboratory.dsn("lab"), autocommit=True) as connection:
        connection.execute(moved.encode())
    before = laboratory.rights()
    for text in (chosen.up, chosen.down):
        done = laboratory.psql(text, "lab")
        assert done.returncode != 0
        assert "the state is not the one that was planned on" in done.stderr
        assert named in done.stderr
        assert "make a new plan" in done.stderr
    assert laboratory.rights() == before


def test_a_file_keeps_to_its_database_and_version(laboratory: Site) -> None:
    before = laboratory.rights()
    files = [one for one in laboratory.files() if one.step.database == "lab"]
    for one in files:
        elsewhere = laboratory.psql(one.up, "postgres")
        assert "this is for database lab, and here is postgres" in elsewhere.stderr
    major = laboratory.cluster.postgres.major
    other = files[0].up.replace(f"/ 10000 <> {major} THEN", f"/ 10000 <> {major + 1} THEN")
    assert "this was planned for PostgreSQL" in laboratory.psql(other, "lab").stderr
    assert laboratory.rights() == before


def test_the_folder_is_the_same_each_time_and_nothing_foreign_is_touched(
    laboratory: Site, tmp_path: Path
) -> None:
    plan = laboratory.plan()
    files = migrations(plan)
    path = tmp_path / "migrations"
    folder.write(path, plan, files)
    written = {one.name: one.read_text() for one in path.iterdir()}
    assert written == folder.contents(plan, migrations(plan))
    assert [one.name for one in folder.read(path).manifest.migrations] == [one.name for one in files]
    # looked at again a little later, nothing has changed
    again = laboratory.plan()
    assert again.planned_at != plan.planned_at
    folder.write(path, again, migrations(again))
    assert {one.name: one.read_text() for one in path.iterdir()} == written

    edited, *_, last = (path / f"{one.name}.sql" for one in files)
    edited.write_text(edited.read_text() + "-- by hand\n")
    (path / "notes.sql").write_text("SELECT 1;")
    with pytest.raises(UsageError, match=f"another plan(.|\n)*{edited.name}: edited by hand"):
        folder.write(path, plan, files)
    fewer = files[:-1]
    with pytest.raises(UsageError, match=f"{last.name}: no longer planned"):
        folder.write(path, plan, fewer)
    folder.write(path, plan, fewer, force=True)
    assert not last.exists()
    assert (path / "notes.sql").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("")
    with pytest.raises(UsageError, match="is no plan"):
        folder.write(tmp_path / "other", plan, files, force=True)
    manifest = (path / "plan.json").read_text()
    (path / "plan.json").write_text(manifest.replace('"plan.md":', '"../letter.txt":'))
    with pytest.raises(UsageError, match="outside"):
        folder.write(path, plan, files, force=True)


def _twice(site: Site, text: str, one: Migration) -> None:
    for _ in range(2):
        done = site.psql(text, one.step.database)
        assert done.returncode == 0, (one.name, done.stderr)


def _only(left: list[tuple[object, ...]], right: list[tuple[object, ...]]) -> tuple[object, object]:
    return [row for row in left if row not in right][:3], [row for row in right if row not in left][:3]
