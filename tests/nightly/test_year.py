"""A year, night by night, on a real server: what changes is found the same night, and remembered."""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

import psycopg

from pgguard.model.finding import Severity
from pgguard.model.policy import Policy, Waiver
from pgguard.nightly.trend import trend
from pgguard.report import changes
from pgguard.report.history import render, render_finding
from pgguard.store.history import open_history
from tests.nightly.nights import BEGIN, Nights, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.history import RunResult

YEAR = 365
LONG = bool(os.environ.get("PGGUARD_LONG"))
SUPERUSER = "role-superuser-login"
UNREAD, UNREACHABLE = 220, 200
WAIVED_UNTIL = 100
SQL = {
    30: "CREATE ROLE mallory LOGIN SUPERUSER CONNECTION LIMIT 5",
    37: "ALTER ROLE mallory NOSUPERUSER",
    60: "ALTER ROLE mallory SUPERUSER",
    110: "ALTER ROLE mallory NOSUPERUSER",
    150: "CREATE ROLE eve LOGIN SUPERUSER CONNECTION LIMIT 5",
    160: "ALTER ROLE eve RENAME TO eva",
    170: "DROP ROLE eva",
    250: "CREATE TABLE patient (nir text, surname text, diagnosis text); GRANT SELECT ON patient TO PUBLIC",
    257: "REVOKE ALL ON patient FROM PUBLIC",
}
# what her finding went through
MALLORY = (
    (30, "new"),
    (37, "fixed"),
    (60, "returned"),
    (70, "waived"),
    (WAIVED_UNTIL + 1, "waiver-expired"),
    (110, "fixed"),
)
WAIVER = Waiver(
    SUPERUSER,
    "mallory",
    "the vendor migrates",
    "RSSI",
    (BEGIN + datetime.timedelta(days=WAIVED_UNTIL)).date(),
)
POLICIES = {70: Policy(waiver=(WAIVER,)), 110: Policy()}


def a_year(cluster: Cluster, folder: Path) -> dict[int, RunResult]:
    nights = Nights(cluster, folder)
    users = {UNREAD: "little", UNREACHABLE: "nobody_of_that_name"}
    results = {}
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE little LOGIN")
        for night in range(YEAR):
            for statement in SQL.get(night, "").split(";"):
                connection.execute(statement)
            nights.policy = POLICIES.get(night, nights.policy)
            nights.user = users.get(night, "postgres")
            # most nights nothing happens, and reading the server is most of a night
            again = LONG or night in SQL or night in users or night - 1 in users or night % 28 == 0
            results[night] = nights.run(night, again=again)
    return results


def test_a_year(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = new_cluster()
    results = a_year(cluster, tmp_path)
    loud = {night for night, one in results.items() if not one.is_silent}
    waiver_ends = WAIVED_UNTIL + 1
    assert loud == {0, *SQL, 70, waiver_ends, UNREACHABLE, UNREAD, UNREAD + 1}
    assert all(changes.render(results[night]) == "" for night in set(results) - loud)
    the_server_tells(results, waiver_ends)
    what_could_not_be_seen_is_neither_fixed_nor_new(results)
    with open_history(str(tmp_path / "history.sqlite")) as history:
        (mallory,) = (
            one
            for one in history.findings("lab-server", gone=True)
            if one.name == "mallory" and one.check == SUPERUSER
        )
        story = history.events_of(mallory)
        year = trend(history, "lab-server")
    assert [(at[:10], kind) for at, kind, *_ in story] == [
        (str((BEGIN + datetime.timedelta(days=night)).date()), kind) for night, kind in MALLORY
    ]
    assert [seconds for *_, seconds in story if seconds is not None] == [7 * 86_400, 50 * 86_400]
    assert "after 50 days" in render_finding(mallory, story)
    assert year.runs == YEAR
    assert year.failed == 1
    assert year.longest_pause[0] == 2 * 86_400
    assert sum(one.looks for one in year.months) == YEAR - 1
    high = next(one for one in year.fixes if one.severity is Severity.HIGH)
    # a renamed role is as old as it is
    assert high.longest == 50 * 86_400
    assert 20 * 86_400 in [seconds for _, seconds in fix_times(tmp_path)]
    text = render([year])
    assert "2026-01" in text
    assert "time to fix" in text


def fix_times(folder: Path) -> list[tuple[Severity, int]]:
    with open_history(str(folder / "history.sqlite")) as history:
        return history.fix_times("lab-server")


def the_server_tells(results: dict[int, RunResult], waiver_ends: int) -> None:
    assert told(results[30]) == [("new", SUPERUSER, "mallory")]
    assert told(results[37]) == [("fixed", SUPERUSER, "mallory")]
    assert told(results[60]) == [("returned", SUPERUSER, "mallory")]
    assert told(results[70]) == [("waived", SUPERUSER, "mallory")]
    entry = f"waiver of {SUPERUSER} on mallory"
    assert told(results[waiver_ends]) == [
        ("waiver-expired", SUPERUSER, "mallory"),
        ("new", "waiver-expired", entry),
    ]
    assert told(results[110]) == [("fixed", SUPERUSER, "mallory"), ("fixed", "waiver-expired", entry)]
    assert told(results[160]) == [("renamed", SUPERUSER, "eva")]
    assert told(results[170]) == [("fixed", SUPERUSER, "eva")]
    for night, kind in ((250, "new"), (257, "fixed")):
        assert (kind, "grant-public-table", "public.patient") in told(results[night])


def what_could_not_be_seen_is_neither_fixed_nor_new(results: dict[int, RunResult]) -> None:
    before = results[UNREAD - 1].comparison
    unread = results[UNREAD].comparison
    assert before is not None
    assert unread is not None
    assert {kind for kind, *_ in told(results[UNREAD])} <= {"not-judged"}
    assert results[UNREAD].not_evaluated
    assert unread.not_looked_at
    assert results[UNREAD].run.exit_code != 0
    assert results[UNREACHABLE].failure
    assert results[UNREACHABLE].run.exit_code == 3
    again = results[UNREAD + 1]
    assert again.now_evaluated
    assert again.comparison is not None
    assert {one.fingerprint for one in again.comparison.present} == {
        one.fingerprint for one in before.present
    }
