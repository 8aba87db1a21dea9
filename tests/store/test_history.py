"""The history, in a file and in a PostgreSQL: the same answers, whole runs, nothing foreign touched."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import stat
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import HistoryError, InputError, UsageError
from pgguard.model.finding import Severity, Verdict
from pgguard.model.history import CheckState, Comparison, Event, Known, Run
from pgguard.nightly.trend import trend
from pgguard.report.history import render, render_json
from pgguard.store.history import open_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

DAY = "2026-11-{:02d}T02:00:00.000000Z"
TARGET = "lab-server"
NAME = "pgguard_history"


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> Iterator[str]:
    """Where a history may be kept; there is none yet."""
    if request.param == "file":
        yield str(tmp_path / "deep" / "history.sqlite")
        return
    yield address(cluster)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {NAME} CASCADE")


def address(cluster: Cluster, user: str = "postgres", dbname: str = "postgres") -> str:
    return f"postgresql://{user}@/{dbname}?host={cluster.socket_dir}&port={cluster.port}"


def known(name: str = "lab.a", number: int = 0, **more: object) -> Known:
    one = Known(
        number, f"print of {name}", "a-check", "relation", "lab", name, Severity.HIGH, "open", "PUBLIC reads",
        DAY.format(1), DAY.format(1),
    )  # fmt: skip
    return dataclasses.replace(one, **more)  # type: ignore[arg-type]


def a_run(day: int = 1, **more: object) -> Run:
    run = Run(
        target=TARGET,
        started=DAY.format(day),
        finished=DAY.format(day),
        looked_at=DAY.format(day),
        exit_code=1,
        version="0.1.0",
        server_version="15.18",
        counts=dict.fromkeys(Severity, 0) | {Severity.HIGH: 1},
        unread="hba_rules",
    )
    return dataclasses.replace(run, **more)  # type: ignore[arg-type]


def changed(*findings: Known, kind: str = "new", seconds: int | None = None) -> Comparison:
    events = tuple(Event(kind, one, "why", seconds) for one in findings)  # type: ignore[arg-type]
    state = CheckState("a-check", Verdict.FAIL, True, "hba_rules could not be read")
    return Comparison(events, findings, (state,), findings)


def keep(place: str, run: Run, comparison: Comparison | None, keep_days: int = 0) -> int:
    with open_history(place) as history, history.writing():
        return history.record(run, comparison, keep_days)


def test_what_is_kept_comes_back(place: str) -> None:
    with open_history(place) as history:
        assert history.memory(TARGET, ["print of lab.a"]).last is None
        assert history.targets() == []
        with history.writing():
            assert history.record(a_run(), changed(known(), known("lab.b"))) == 1
        first = history.memory(TARGET, ())
    assert first.last == a_run(id=1)
    assert first.findings == {one.fingerprint: one for one in (known(number=1), known("lab.b", number=2))}
    assert first.checks["a-check"].incomplete
    fixed = known(number=1, state="fixed", ended_at=DAY.format(3))
    failed = a_run(2, counts=None, looked_at="", failure="no route")
    assert keep(place, failed, None) == 2
    assert keep(place, a_run(3), changed(fixed, kind="fixed", seconds=2 * 86_400)) == 3
    with open_history(place) as history:
        assert set(history.memory(TARGET, ()).findings) == {"print of lab.b"}
        # what is found again is remembered, though it was gone
        assert history.memory(TARGET, ["print of lab.a"]).findings["print of lab.a"] == fixed
        assert [one.failure for one in history.runs(TARGET)] == ["", "no route", ""]
        assert history.event_counts(TARGET) == [(1, "new", 2), (3, "fixed", 1)]
        assert history.fix_times(TARGET) == [(Severity.HIGH, 2 * 86_400)]
        assert [(one[0], one[1]) for one in history.events_of(fixed)] == [
            (DAY.format(1), "new"),
            (DAY.format(3), "fixed"),
        ]
        assert [one.name for one in history.beginning(TARGET, "print of lab.")] == ["lab.a", "lab.b"]
        assert history.targets() == [TARGET]
        assert history.memory("another", ["print of lab.a"]).findings == {}


def test_a_note_is_kept_until_it_is_written_again(place: str) -> None:
    with open_history(place) as history:
        assert history.note("heartbeat") == ""
        for text in ("one", "two"):
            with history.writing():
                history.put_note("heartbeat", text)
    with open_history(place) as history:
        assert history.note("heartbeat") == "two"


def test_a_history_of_the_first_form_is_read_as_it_is_and_upgraded_by_the_first_write(
    place: str, cluster: Cluster
) -> None:
    keep(place, a_run(), changed(known()))
    _to_first_form(place, cluster)
    with open_history(place) as history:
        assert history.runs(TARGET) == [a_run(id=1)]
        with pytest.raises(ZeroDivisionError), history.writing():
            raise ZeroDivisionError
        # what was rolled back is read in the old form again
        assert history.memory(TARGET, ()).last == a_run(id=1)
    with open_history(place) as history, open_history(place) as other:
        with history.writing():
            history.record(a_run(2, register_sha256="ab" * 32), None)
        with other.writing():
            other.record(a_run(3, register_sha256="cd" * 32), None)
    with open_history(place) as history:
        digests = [one.register_sha256 for one in history.runs(TARGET)]
    assert digests == ["", "ab" * 32, "cd" * 32]


def _to_first_form(place: str, cluster: Cluster) -> None:
    if place.startswith("postgresql"):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER TABLE {NAME}.run DROP COLUMN register_sha256")
            connection.execute(f"UPDATE {NAME}.version SET version = 1")
        return
    db = sqlite3.connect(place)
    db.execute("ALTER TABLE run DROP COLUMN register_sha256")
    db.execute("PRAGMA user_version = 1")
    db.close()


def test_a_change_of_the_register_between_runs_is_told(place: str) -> None:
    for day, policy, register in ((1, "p", "a" * 64), (2, "", ""), (3, "p", "a" * 64), (4, "p", "b" * 64)):
        keep(place, a_run(day, policy_sha256=policy, register_sha256=register), None)
    with open_history(place) as history:
        found = trend(history, TARGET)
    assert [(one.at, one.before[:1], one.after[:1]) for one in found.registers] == [
        (DAY.format(1), "", "a"),
        (DAY.format(4), "a", "b"),
    ]
    assert "register of processing, 2026-11-04 02:00: sha256 bbbb" in render([found])
    last = json.loads(render_json([found]))[0]
    assert last["register"][-1]["sha256"] == "b" * 64
    assert last["last"]["register_sha256"] == "b" * 64


def test_old_runs_are_forgotten_and_what_is_still_there_is_not(place: str) -> None:
    keep(place, a_run(1), changed(known(), known("lab.b")))
    keep(place, a_run(2), changed(known(number=1, state="fixed", ended_at=DAY.format(2)), kind="fixed"))
    keep(place, a_run(20), None, keep_days=10)
    with open_history(place) as history:
        assert [one.started for one in history.runs(TARGET)] == [DAY.format(20)]
        assert [one.name for one in history.findings(TARGET)] == ["lab.b"]
        assert history.findings(TARGET, gone=True) == []
        assert history.check_states(TARGET)["a-check"].incomplete


def test_a_run_that_breaks_off_leaves_nothing(place: str) -> None:
    def breaks() -> None:
        with open_history(place) as history, history.writing():
            history.record(a_run(), changed(known()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    with open_history(place) as history:
        assert history.targets() == []


def test_many_who_write_at_once_all_get_in(place: str) -> None:
    errors: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for day in range(1, 11):
                keep(place, a_run(day, target=name), changed(known()))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"server {number}",)) for number in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    with open_history(place) as history:
        runs = [run.id for name in history.targets() for run in history.runs(name)]
    assert sorted(runs) == list(range(1, 31))


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history.sqlite"
    with open_history(str(path)):
        assert not path.exists()
    keep(str(path), a_run(), None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["text", "foreign", "newer", "cut off", "damaged"])
def test_a_file_that_is_no_history_of_ours_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "history.sqlite"
    if kind == "text":
        path.write_text("a letter to a colleague, which is long enough to be no database at all\n" * 20)
    elif kind == "foreign":
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE invoices (a)")
        db.close()
    else:
        many = [known(f"lab.table_{number}") for number in range(500)]
        keep(str(path), a_run(), changed(*many))
        content = bytearray(path.read_bytes())
        if kind == "newer":
            db = sqlite3.connect(path)
            db.execute("PRAGMA user_version = 99")
            db.close()
        elif kind == "cut off":
            path.write_bytes(content[: len(content) // 2])
        else:
            middle = len(content) // 2
            content[middle : middle + 9000] = b"\xff" * 9000
            path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(InputError, match="it is left as it is"):
        keep(str(path), a_run(2), changed(known()))
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["history.sqlite"]


def test_an_empty_file_is_a_history_that_nobody_has_begun(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.touch()
    with open_history(str(path)) as history:
        assert history.targets() == []
    assert path.stat().st_size == 0
    assert keep(str(path), a_run(), None) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("UPDATE pgguard_history.version SET version = 99", "newer pgguard"),
        ("DROP TABLE pgguard_history.issue", "damaged"),
        ("ALTER TABLE pgguard_history.issue DROP COLUMN evidence", "damaged"),
        ("DELETE FROM pgguard_history.version", "damaged"),
        ("ALTER TABLE pgguard_history.run OWNER TO stranger", "somebody else's"),
        (
            "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER t BEFORE INSERT ON pgguard_history.run "
            "FOR EACH ROW EXECUTE PROCEDURE pg_temp.f()",
            "triggers",
        ),
    ],
)
def test_tables_that_are_not_as_we_made_them_are_refused_and_left_alone(
    cluster: Cluster, spoil: str, said: str
) -> None:
    place = address(cluster)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger")
        try:
            keep(place, a_run(), changed(known()))
            connection.execute(spoil)
            rows = "SELECT count(*) FROM pgguard_history.run"
            before = connection.execute(rows).fetchone()
            with pytest.raises(InputError, match=said):
                keep_after_memory(place)
            assert connection.execute(rows).fetchone() == before
        finally:
            connection.execute("DROP SCHEMA IF EXISTS pgguard_history CASCADE; DROP ROLE stranger")


def keep_after_memory(place: str) -> None:
    with open_history(place) as history:
        history.memory(TARGET, ())
        with history.writing():
            history.record(a_run(2), None)


def test_who_may_not_make_the_tables_is_told(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE little LOGIN")
        try:
            with pytest.raises(HistoryError, match="permission denied for database postgres"):
                keep(address(cluster, "little"), a_run(), None)
            connection.execute("GRANT CREATE ON DATABASE postgres TO little")
            assert keep(address(cluster, "little"), a_run(), None) == 1
        finally:
            connection.execute("DROP SCHEMA IF EXISTS pgguard_history CASCADE")
            connection.execute("REVOKE ALL ON DATABASE postgres FROM little; DROP ROLE little")


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("postgresql://nobody@127.0.0.1:1/history", HistoryError),
        ("postgresql://nobody:made-up-9@127.0.0.1:1/history", UsageError),
        ("/proc/nowhere/history.sqlite", HistoryError),
        ("/", HistoryError),
    ],
)
def test_a_place_that_cannot_be_used_is_named_without_a_password(place: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        keep(place, a_run(), None)
    assert "made-up-9" not in str(caught.value)


def test_a_disk_that_is_full_is_told_and_leaves_what_was_kept(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    path = mounted / "history.sqlite"
    small = _small_disk(mounted)
    many = [known(f"lab.table_{number}") for number in range(5_000)]
    try:
        keep(str(path), a_run(), changed(known()))
        with pytest.raises(HistoryError, match="full"):
            keep(str(path), a_run(2), changed(*many))
        with open_history(str(path)) as history:
            assert [one.id for one in history.runs(TARGET)] == [1]
            assert [one.name for one in history.findings(TARGET)] == ["lab.a"]
    finally:
        if small:
            os.system(f"umount {mounted}")  # noqa: S605 - a folder of this test


def _small_disk(mounted: Path) -> bool:
    import subprocess

    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)], capture_output=True, check=False
    )
    if done.returncode:
        shutil.rmtree(mounted)
        pytest.skip("a small file system can be mounted by root alone")
    return True
