"""The observation store: the same session is one row, old rows shrink, a foreign file is left alone."""

from __future__ import annotations

import datetime
import sqlite3
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError
from pgguard.model.observation import Coverage, LoginFailure, SessionSeen
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


def _session(session: str, start: str, end: str = "", **known: object) -> SessionSeen:
    given: dict[str, object] = {
        "session": session,
        "role": "labo",
        "database": "lab",
        "application": "psql",
        "address": "10.0.0.1",
        "host": "",
        "identity": "",
        "method": "",
        "tls": False,
        "started_at": start,
        "last_seen_at": end or start,
        "ended_at": end,
        "seen_by": "log",
        **known,
    }
    return SessionSeen(**given)  # type: ignore[arg-type]


def _all(path: Path) -> list[SessionSeen]:
    with ObservationStore(path) as store:
        return list(store.sessions())


def test_a_log_and_a_sample_of_one_session_are_one_row(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.sqlite"
    sample = _session("1.a", "2026-11-25T08:00:00Z", seen_by="sample", application="dbeaver")
    log = _session("1.a", "2026-11-25T08:00:00Z", "2026-11-25T09:00:00Z", identity="cn=ada", method="cert")
    for one in (log, sample, log):
        with ObservationStore(path) as store:
            store.add([one])
    (row,) = _all(path)
    assert (row.identity, row.ended_at, row.application) == ("cn=ada", "2026-11-25T09:00:00Z", "psql")
    assert row.seen_by == "log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_old_sessions_become_presences_and_very_old_ones_go(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    start = datetime.datetime(2026, 9, 1, 8, tzinfo=datetime.UTC)
    sessions = []
    for number in range(1_000):
        begin = start + datetime.timedelta(seconds=60 * number)
        text = [(begin + datetime.timedelta(seconds=more)).strftime("%Y-%m-%dT%H:%M:%SZ") for more in (0, 20)]
        sessions.append(_session(f"{number:x}.1", *text))
    ancient = _session("0.2", "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z")
    recent = _session("0.3", "2026-11-20T00:00:00Z", "2026-11-20T00:00:01Z")
    other = _session("0.4", "2026-09-01T09:00:00Z", "2026-09-01T09:00:01Z", address="10.0.0.2")
    with ObservationStore(path) as store:
        assert store.add([*sessions, ancient, recent, other]) == (1_003, 0)
        store.add_coverage(Coverage("2024-01-01", "2024-01-02", "log", "x", True, True, True, 0))
        store.prune(NOW, keep_days=400)
        assert store.coverages() == []
    rows = _all(path)
    assert [(one.address, one.started_at, one.ended_at) for one in rows] == [
        ("10.0.0.1", "2026-09-01T08:00:00Z", sessions[-1].ended_at),
        ("10.0.0.2", "2026-09-01T09:00:00Z", "2026-09-01T09:00:01Z"),
        ("10.0.0.1", "2026-11-20T00:00:00Z", "2026-11-20T00:00:01Z"),
    ]


def test_what_an_aborted_reading_added_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    def breaks() -> Iterator[SessionSeen]:
        for number in range(6_000):
            yield _session(f"{number:x}.a", "2026-11-25T08:00:00Z")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), ObservationStore(path) as store:
        store.add(breaks())
    assert _all(path) == []


def test_refusals_of_one_second_are_counted(tmp_path: Path) -> None:
    failure = LoginFailure("2026-11-25T08:00:00Z", "labo", "lab", "", "10.9.9.9", "", "28P01")
    with ObservationStore(tmp_path / "store.sqlite") as store:
        store.add([failure, failure, failure])
        assert list(store.failures()) == [(failure, 3)]
        assert list(store.failures(since="2026-11-26")) == []


def test_two_writers_at_once_both_get_in(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    def write(name: int) -> None:
        for number in range(20):
            with ObservationStore(path) as store:
                store.add([_session(f"{name}.{number}", "2026-11-25T08:00:00Z")])

    threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(_all(path)) == 60


@pytest.mark.parametrize("kind", ["text", "foreign", "newer"])
def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "store.sqlite"
    if kind == "text":
        path.write_text("a letter to a colleague, which is long enough to be no database at all\n" * 20)
    elif kind == "foreign":
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE invoices (a)")
        db.close()
    else:
        with ObservationStore(path):
            pass
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 99")
        db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="observation store"):
        ObservationStore(path)
    assert path.read_bytes() == before
