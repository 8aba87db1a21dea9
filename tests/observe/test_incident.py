"""What the observation store tells of a window: gaps, habits, reads of nobody known."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pgguard.analysis.incident_scope import wanted
from pgguard.errors import InputError
from pgguard.model.incident import Asked, Span
from pgguard.model.observation import Coverage, SessionSeen
from pgguard.model.policy import Policy
from pgguard.model.reads import ReadSeen
from pgguard.observe.incident import covered, look
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.incident import Seen

SINCE, UNTIL = "2026-03-01T20:00:00Z", "2026-03-02T06:00:00Z"


def session(name: str, role: str, start: str, end: str, **more: Any) -> SessionSeen:
    row = SessionSeen(name, role, "lab", "psql", "10.0.0.1", "", "", "", False, start, end, end, "log")
    return row._replace(**more)


def read(session: str, login: str, at: str = "2026-03-02T01:00:00Z", **more: Any) -> ReadSeen:
    row = ReadSeen(
        at, session, "lab", login, "", "psql", "10.0.0.1", "lab.patient", ("nir",), "named", "COPY",
        "pgaudit object", -1, 1,
    )  # fmt: skip
    return row._replace(**more)


def seen(file: Path, **asked: Any) -> Seen:
    question = Asked(SINCE, UNTIL, **asked)
    return look(file, question, wanted(question, None, Policy()))


def test_gaps_are_what_lies_between() -> None:
    spans = [Span("20:05", "21:00"), Span("21:10", "23:00"), Span("22:00", "22:30")]
    whole = [Span(f"2026-03-01T{a}:00Z", f"2026-03-01T{b}:00Z") for a, b in spans]
    joined, gaps = covered(whole, SINCE, "2026-03-01T23:30:00Z")
    assert joined == (Span("2026-03-01T20:05:00Z", "2026-03-01T23:00:00Z"),)
    assert gaps == (Span("2026-03-01T23:00:00Z", "2026-03-01T23:30:00Z"),)
    assert covered([], SINCE, UNTIL) == ((), (Span(SINCE, UNTIL),))


def test_a_session_that_lasts_through_the_window_is_in_it(tmp_path: Path) -> None:
    with ObservationStore(tmp_path / "o") as store:
        store.add(
            [
                session("1.a", "long", "2026-02-27T08:00:00Z", "2026-03-05T08:00:00Z"),
                session("1.b", "before", "2026-02-27T08:00:00Z", "2026-03-01T19:59:59Z"),
                session("1.c", "after", UNTIL, "2026-03-02T07:00:00Z"),
                session("1.d", "open", "2026-03-02T05:00:00Z", "2026-03-02T05:30:00Z", ended_at=""),
            ]
        )
    found = seen(tmp_path / "o")
    assert {(one.login, one.open) for one in found.sessions} == {("long", 0), ("open", 1)}


def test_habits_are_those_before_the_window(tmp_path: Path) -> None:
    with ObservationStore(tmp_path / "o") as store:
        store.add(
            [
                session("1.a", "anna", "2026-02-27T22:30:00Z", "2026-02-28T02:10:00Z"),
                session("1.b", "anna", "2026-03-02T03:00:00Z", "2026-03-02T03:10:00Z", address="10.9.9.9"),
            ]
        )
        coverage = Coverage("2026-02-20T00:00:00Z", "2026-03-03T00:00:00Z", "log", "f", True, True, False, 0)
        # a log without connections is none of sessions
        store.add_coverage(coverage._replace(since="2026-01-01T00:00:00Z", connections=False))
        store.add_coverage(coverage)
    found = seen(tmp_path / "o")
    assert found.habits["anna"].hours == {22, 23, 0, 1, 2}
    assert found.habits["anna"].addresses == {"10.0.0.1"}
    assert (found.known_since, found.known_days) == ("2026-02-20T00:00:00Z", 10)
    assert found.logins.whole
    assert not found.reading.covered


def test_reads_are_placed_by_their_session_or_said_to_be_nobodys(tmp_path: Path) -> None:
    with ObservationStore(tmp_path / "o") as store:
        store.add([session("1.a", "anna", "2026-03-02T00:00:00Z", "2026-03-02T02:00:00Z")])
        store.kept_reads.add(
            [read("1.a", "", address="", database=""), read("9.9", ""), read("1.c", "bob", rows=7)], []
        )
    found = seen(tmp_path / "o", roles=("anna",))
    (one,) = found.reads
    assert (one.login, one.address, one.database, one.unknown) == ("anna", "10.0.0.1", "lab", 1)
    assert found.nameless == 1
    everything = seen(tmp_path / "o")
    assert {(one.login, one.rows, one.unknown) for one in everything.reads} == {
        ("anna", 0, 1),
        ("", 0, 1),
        ("bob", 7, 0),
    }
    assert everything.nameless == 0


def test_many_alike_are_few_rows(tmp_path: Path) -> None:
    with ObservationStore(tmp_path / "o") as store:
        store.kept_reads.add(
            (
                read("1.a", "anna", f"2026-03-02T0{n % 6}:{n % 60:02d}:{n // 6 % 60:02d}Z")
                for n in range(3000)
            ),
            [],
        )
    (one,) = seen(tmp_path / "o").reads
    assert one.statements == 3000


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, though long enough to be looked at as one")
    for name, said in (("text", "cannot be used"), ("none", "there is no observation store")):
        with pytest.raises(InputError, match=said):
            seen(tmp_path / name)
    with ObservationStore(tmp_path / "o"):
        pass
    os.chmod(tmp_path / "o", 0o400)
    before = (tmp_path / "o").read_bytes()
    assert seen(tmp_path / "o").sessions == ()
    assert (tmp_path / "o").read_bytes() == before
