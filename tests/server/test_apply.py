"""Applying a plan on a real server: order, phases, locks, rights, and what is refused before it begins."""

from __future__ import annotations

import json
import shutil
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, InputError, UsageError
from pgguard.plan.standing import Choice
from pgguard.server import apply as server
from pgguard.server.connect import Target
from pgguard.server.holding import standings, verify
from pgguard.server.rehearsal import rehearse
from tests.plan.rights import rights
from tests.server.migrating import HBA, Hospital, hospital, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

EVERYTHING = Choice(all=True)


@pytest.fixture
def place(new_cluster: Callable[..., Cluster], tmp_path: Path) -> Hospital:
    return hospital(new_cluster(hba=HBA), tmp_path / "migrations", tables=6)


def _apply(place: Hospital, choice: Choice = EVERYTHING, target: Target | None = None) -> list[str]:
    done: list[server.Done] = []
    server.apply(target or place.target, place.folder, choice, say=_quiet, tell=done.append)
    return [one.entry.name for one in done]


def _rollback(place: Hospital, choice: Choice = EVERYTHING, accepted: tuple[str, ...] = ()) -> list[str]:
    done: list[server.Done] = []
    server.rollback(place.target, place.folder, choice, accepted, say=_quiet, tell=done.append)
    return [one.entry.name for one in done]


def _quiet(_: object) -> None:
    pass


def _names(place: Hospital, *numbers: int) -> list[str]:
    return [place.files[number - 1].name for number in numbers]


def _states(place: Hospital) -> list[str]:
    return [one.state for one in standings(place.target, place.folder)]


def _rights(place: Hospital) -> object:
    return rights(place.cluster, "lab", "billing")


def _everything(place: Hospital) -> list[int]:
    return list(range(1, len(place.files) + 1))


def test_each_file_is_applied_once_and_all_are_taken_back(place: Hospital) -> None:
    # the ledger stays: it is there before, so that nothing else may differ
    for database in ("postgres", "lab", "billing"):
        with psycopg.connect(place.cluster.dsn(dbname=database), autocommit=True) as connection:
            connection.execute(_ledger_script())
            connection.execute(_ledger_script())
    before = _rights(place)
    assert _apply(place) == _names(place, *_everything(place))
    assert all(place.there(one) == {True} for one in place.files)
    assert _apply(place) == []
    assert {one.result for one in verify(place.target, place.folder, place.folder.manifest.migrations)} == {
        "holds"
    }
    assert _rollback(place) == _names(place, *reversed(_everything(place)))
    assert _rights(place) == before
    assert set(_states(place)) == {"rolled back"}
    assert _rollback(place) == []
    assert _apply(place) == _names(place, *_everything(place))
    assert all(place.there(one) == {True} for one in place.files)


def test_the_ledger_says_who_and_is_nobody_elses(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    _apply(place, Choice(to="2"))
    with psycopg.connect(place.cluster.dsn()) as connection:
        rows = connection.execute(
            "SELECT number, slug, phase, sha256, action, state, by FROM pgguard.migration ORDER BY id"
        ).fetchall()
        first, second = place.folder.manifest.migrations[:2]
        assert rows == [
            (1, "settings", "", first.sha256.up, "apply", "started", "postgres"),
            (1, "settings", "", first.sha256.up, "apply", "applied", "postgres"),
            (2, "people", "prepare", second.sha256.up, "apply", "applied", "postgres"),
        ]
        assert connection.execute(
            "SELECT has_schema_privilege('labo', 'pgguard', 'USAGE'), "
            "has_table_privilege('labo', 'pgguard.migration', 'SELECT')"
        ).fetchone() == (False, False)


def test_phases_come_one_after_the_other(place: Hospital) -> None:
    with pytest.raises(UsageError, match="comes before the phase cutover"):
        _apply(place, Choice(phase="cutover"))
    with pytest.raises(UsageError, match="the plan has no phase clean: it has prepare, cutover"):
        _apply(place, Choice(phase="clean"))
    assert _apply(place, Choice()) == _names(place, 1)
    assert _apply(place, Choice()) == _names(place, 2, 3, 4, 5)
    assert _apply(place, Choice(phase="prepare")) == []
    assert _apply(place, Choice(phase="cutover")) == _names(place, 6)
    with pytest.raises(UsageError, match="comes after the phase prepare, and is applied"):
        _rollback(place, Choice(phase="prepare"))
    assert _rollback(place, Choice()) == _names(place, 6)
    assert _rollback(place, Choice(to="4")) == _names(place, 5)
    assert _rollback(place, Choice(phase="prepare")) == _names(place, 4, 3, 2)
    assert _apply(place, Choice(to="0003")) == _names(place, 2, 3)
    assert _apply(place, Choice(only=("6", place.files[4].name))) == _names(place, 5, 6)
    assert _states(place) == ["applied", "applied", "applied", "rolled back", "applied", "applied"]
    with pytest.raises(UsageError, match="the plan has no file 7"):
        _apply(place, Choice(to="7"))


def test_a_dry_run_leaves_nothing_and_says_what_it_could_not_try(place: Hospital) -> None:
    before = _rights(place)
    tried = list(rehearse(place.target, place.folder, EVERYTHING, say=_quiet))
    results = {one.entry.name: one.result for one in tried}
    first, second, third, fourth, fifth, sixth = (one.name for one in place.files)
    assert [one.entry.name for one in tried] == [one.name for one in place.files]
    assert results[first] == "not tried"
    assert results[second] == results[sixth] == "works"
    # the roles are made in another database's transaction, which is gone by then
    assert results[third] == results[fourth] == "not tried"
    assert second in next(one.why for one in tried if one.entry.name == third)
    assert results[fifth] == "not tried"
    assert _rights(place) == before
    with psycopg.connect(place.cluster.dsn()) as connection:
        assert connection.execute("SELECT to_regnamespace('pgguard')").fetchone() == (None,)
    _apply(place, Choice(to="2"))
    again = list(rehearse(place.target, place.folder, EVERYTHING, say=_quiet))
    assert [one.result for one in again] == ["works"] * 4
    assert place.there(place.files[2]) == {False}


def test_a_state_that_moved_stops_it_with_what_is_applied_and_what_is_not(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("DROP ROLE labo")
    with pytest.raises(ApplyStopped) as stopped:
        _apply(place)
    told = str(stopped.value)
    last = place.files[-1].name
    assert "the state is not the one that was planned on: ALTER ROLE labo NOLOGIN" in told
    assert f"{last}: nothing of it was kept" in told
    assert f"not applied: {last}\n" in told
    assert _states(place) == ["applied"] * 5 + ["failed"]
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE labo LOGIN")
    assert _apply(place) == [last]


def test_what_did_not_lead_to_what_was_planned_is_taken_back(place: Hospital) -> None:
    """REVOKE and GRANT of who may not are only warnings: the verification is part of the transaction."""
    # somebody's event trigger undoes what is done
    with psycopg.connect(place.cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION public.undo() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF pg_trigger_depth() = 0 AND current_setting('site.undoing', true) IS DISTINCT FROM 'yes' THEN "
            "PERFORM set_config('site.undoing', 'yes', true); "
            "REVOKE ALL ON lab.t3 FROM biologist; PERFORM set_config('site.undoing', 'no', true); "
            "END IF; END $$"
        )
        connection.execute(
            "CREATE EVENT TRIGGER undo ON ddl_command_end WHEN TAG IN ('GRANT') "
            "EXECUTE PROCEDURE public.undo()"
        )
    with pytest.raises(ApplyStopped, match=r"0003_rights_lab does not hold: .*lab\.t3"):
        _apply(place)
    assert place.there(place.files[2]) == {False}


def test_edited_missing_and_foreign_files_are_refused_before_anything(place: Hospital) -> None:
    name = place.files[3].name
    text = (place.path / f"{name}.sql").read_text()
    (place.path / f"{name}.sql").write_text(text + "DROP TABLE lab.t1;\n")
    with pytest.raises(InputError, match=f"{name}.sql was edited after the plan was made"):
        _apply(place)
    (place.path / f"{name}.sql").unlink()
    with pytest.raises(InputError, match=f"{name}.sql cannot be read"):
        _apply(place)
    (place.path / f"{name}.sql").write_text(text)
    (place.path / "0009_more.sql").write_text("SELECT 1;\n")
    with pytest.raises(InputError, match=r"0009_more.sql is not of this plan[\s\S]*make a new plan"):
        _apply(place)
    (place.path / "0009_more.sql").unlink()
    chosen = place.folder
    # after the folder was read, before the file is run
    (place.path / f"{name}.sql").write_text("SELECT 1;\n")
    with pytest.raises(InputError, match="was edited"):
        server.apply(place.target, chosen, EVERYTHING, say=_quiet, tell=_quiet)
    assert place.there(place.files[0]) == {False}
    with psycopg.connect(place.cluster.dsn()) as connection:
        assert connection.execute("SELECT to_regnamespace('pgguard')").fetchone() == (None,)


@pytest.mark.parametrize("name", ["../0001_settings", "settings", "0002_x/../../y", "00001_settings"])
def test_a_manifest_that_leads_elsewhere_is_refused(place: Hospital, name: str) -> None:
    manifest = json.loads((place.path / "plan.json").read_text())
    manifest["migrations"][0]["name"] = name
    (place.path / "plan.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not numbered in order"):
        _apply(place)


def test_a_plan_of_another_cluster_version_or_database_is_refused(
    place: Hospital, new_cluster: Callable[..., Cluster]
) -> None:
    # made by an initdb of its own
    other = new_cluster(hba=HBA, checksums=True)
    with pytest.raises(InputError) as refused:
        _apply(place, target=Target(other.dsn()))
    told = str(refused.value)
    assert "it was planned for another cluster" in told
    assert "this cluster has no database lab" in told
    manifest = json.loads((place.path / "plan.json").read_text())
    manifest["server_version"] = "9.6"
    (place.path / "plan.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="it was planned for PostgreSQL 9, and this is"):
        standings(place.target, place.folder)


def test_another_plan_with_the_same_names_is_not_taken_for_this_one(place: Hospital, tmp_path: Path) -> None:
    _apply(place)
    _rollback(place)
    other = Hospital(place.cluster, tmp_path / "other", place.files)
    shutil.copytree(place.path, other.path)
    manifest = json.loads((other.path / "plan.json").read_text())
    manifest["planned_at"] = "2026-12-01T00:00:00Z"
    (other.path / "plan.json").write_text(json.dumps(manifest))
    assert set(_states(other)) == {"pending"}
    assert _apply(other) == _names(other, *_everything(other))


def test_what_cannot_be_undone_has_to_be_named(place: Hospital, tmp_path: Path) -> None:
    from pgguard.model.plan import Plan, Step
    from pgguard.plan import folder
    from pgguard.plan.migration import migrations
    from pgguard.plan.personal.changes import close_login, forget_password

    some = (
        Step("password", "no password", "nobody needs it", (forget_password("labo"),)),
        Step("close", "closed", "people have names", (close_login("labo"),)),
    )
    made = Plan("hospital", place.cluster.postgres.version, "2026-11-25T08:00:00Z", "postgres", some)
    path = tmp_path / "short"
    folder.write(path, made, migrations(made))
    short = Hospital(place.cluster, path, migrations(made))
    _apply(short)
    with pytest.raises(UsageError, match="0001_password: something of it cannot be undone"):
        _rollback(short)
    assert short.there(short.files[1]) == {True}
    assert _rollback(short, EVERYTHING, ("1",)) == ["0002_close", "0001_password"]


def test_missing_rights_are_all_named_before_anything_is_changed(place: Hospital) -> None:
    before = _rights(place)
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE dba LOGIN")
    before = _rights(place)
    with pytest.raises(ApplyStopped) as stopped:
        _apply(place, target=Target(place.cluster.dsn(user="dba")))
    told = str(stopped.value)
    assert "nothing was changed" in told
    for missing in (
        "0001_settings needs ALTER SYSTEM on the parameter log_connections, which dba has not in postgres",
        "0002_people needs CREATEROLE",
        "0003_rights_lab needs ownership of lab.t0, or a grant option on it, which dba has not in lab",
        "dba cannot make the ledger in lab: GRANT CREATE ON DATABASE lab TO dba",
    ):
        assert missing in told
    assert _rights(place) == before


def test_who_is_no_superuser_applies_what_the_rights_allow(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE dba LOGIN CREATEROLE; GRANT CREATE ON DATABASE postgres TO dba")
        if place.cluster.postgres.major >= 16:
            connection.execute("GRANT labo TO dba WITH ADMIN OPTION")
    dba = Target(place.cluster.dsn(user="dba"))
    chosen = Choice(only=("2", "6"))
    assert _apply(place, chosen, dba) == _names(place, 2, 6)
    # the ledger is dba's, and what a superuser writes to it could run code of dba's
    with pytest.raises(ApplyStopped, match="schema pgguard belongs to dba"):
        _rollback(place)
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "ALTER SCHEMA pgguard OWNER TO postgres; ALTER TABLE pgguard.migration OWNER TO postgres"
        )
    with pytest.raises(ApplyStopped, match="GRANT USAGE ON SCHEMA pgguard TO dba"):
        _apply(place, target=dba)
    assert _rollback(place) == _names(place, 6, 2)


def test_a_ledger_with_somebodys_trigger_is_not_written(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(), autocommit=True) as connection:
        connection.execute(_ledger_script())
        connection.execute(
            "CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER spy BEFORE INSERT ON pgguard.migration "
            "FOR EACH ROW EXECUTE PROCEDURE public.spy()"
        )
    with pytest.raises(ApplyStopped, match="what hangs on it would run with our rights"):
        _apply(place, Choice(only=("2",)))
    assert place.there(place.files[1]) == {False}


def test_a_standby_and_a_read_only_server_are_refused(place: Hospital) -> None:
    place.cluster.set(default_transaction_read_only="on")
    place.cluster.reload()
    with pytest.raises(ApplyStopped, match="read-only"):
        _apply(place)
    place.cluster.set(default_transaction_read_only="off")
    if place.cluster.postgres.major >= 12:
        signal = place.cluster.data_directory / "standby.signal"
    else:
        signal = place.cluster.data_directory / "recovery.conf"
    signal.write_text("" if place.cluster.postgres.major >= 12 else "standby_mode = on\n")
    shutil.chown(signal, *_owner(place.cluster.data_directory))
    place.cluster.restart()
    with pytest.raises(ApplyStopped, match="this server is a standby"):
        _apply(place)
    # looking is possible there
    assert set(_states(place)) == {"pending"}
    entries = place.folder.manifest.migrations
    assert {one.result for one in verify(place.target, place.folder, entries)} == {"does not hold"}


def test_a_lock_that_is_held_for_a_while_is_waited_for(place: Hospital) -> None:
    said: list[str] = []
    with psycopg.connect(place.cluster.dsn(dbname="lab")) as reader:
        reader.execute("SELECT count(*) FROM lab.t2")
        timer = threading.Timer(4, reader.rollback)
        timer.start()
        done: list[server.Done] = []
        server.apply(place.target, place.folder, EVERYTHING, say=said.append, tell=done.append)
        timer.join()
    assert len(done) == len(place.files)
    assert any("0005_rows: canceling statement due to lock timeout; attempt 2 of" in text for text in said)


def test_a_row_that_somebody_else_changes_is_tried_again(place: Hospital) -> None:
    said: list[str] = []
    _apply(place, Choice(to="2"))
    with psycopg.connect(place.cluster.dsn(dbname="lab")) as other:
        other.execute("GRANT DELETE ON lab.t3 TO labo")
        timer = threading.Timer(1, other.commit)
        timer.start()
        done: list[server.Done] = []
        server.apply(place.target, place.folder, EVERYTHING, say=said.append, tell=done.append)
        timer.join()
    assert len(done) == len(place.files) - 2
    assert place.there(place.files[2]) == {True}
    assert not said or "tuple concurrently updated; attempt 2" in said[0]


def test_two_who_apply_are_kept_apart(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(dbname="lab")) as reader:
        reader.execute("SELECT count(*) FROM lab.t2")
        first = place.start("apply", "--all")
        _until(lambda: place.ledger(place.files[2]) != [])
        with psycopg.connect(place.cluster.dsn()) as connection:
            (holders,) = connection.execute(
                "SELECT array_agg(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"
            ).fetchall()
        second = place.run("apply", "--all")
        third = place.start("apply", "--all", "--wait")
        assert third.stderr is not None
        assert f"waiting for session {holders[0][0]}" in third.stderr.readline()
        assert second.returncode == 4
        assert f"session {holders[0][0]} of postgres (pgguard)" in second.stderr
        assert "there since 20" in second.stderr
        assert "nothing was done" in second.stderr
        reader.rollback()
    for process in (first, third):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert [state for _, state in place.ledger(place.files[4])] == ["applied"]
    assert place.there(place.files[4]) == {True}


def test_what_the_sites_own_code_says_is_not_handed_on(place: Hospital) -> None:
    with psycopg.connect(place.cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'patient 279036412345678 refuses'; END $$"
        )
        connection.execute(
            "CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('GRANT') EXECUTE PROCEDURE public.no()"
        )
    with pytest.raises(ApplyStopped) as stopped:
        _apply(place)
    assert "a trigger or function of the database refused it (P0001)" in str(stopped.value)
    with psycopg.connect(place.cluster.dsn(dbname="lab")) as connection:
        (row,) = connection.execute("SELECT state, message FROM pgguard.migration").fetchall()
    assert row[0] == "failed"
    assert "279036412345678" not in str(stopped.value) + row[1]


def test_the_lock_of_a_run_is_seen_by_every_database(place: Hospital) -> None:
    from pgguard.server.applying import opened

    elsewhere = Target(place.cluster.dsn(dbname="billing"))
    with opened(place.target, place.folder, wait=False, say=_quiet):  # noqa: SIM117
        with pytest.raises(ApplyStopped, match="applies migrations on this cluster; nothing was done"):
            _apply(place, target=elsewhere)


def test_a_plan_is_of_every_kind(place: Hospital) -> None:
    made = steps(6)
    assert {one.transactional for one in made} == {True, False}
    assert len({one.database for one in made}) == 3


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _ledger_script() -> bytes:
    from importlib import resources

    return resources.files("pgguard").joinpath("sql/install/001_ledger.sql").read_bytes()


def _owner(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid
