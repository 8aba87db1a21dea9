"""Alerts over many nights on a real server: told once, escalated, taken up, and told again."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import UsageError
from pgguard.model.policy import AlertChannel, Alerts, Policy
from pgguard.nightly.acknowledging import take_up
from pgguard.store.history import open_history
from tests.nightly.nights import BEGIN, CHECKS, Nights
from tests.nightly.receiving import Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

SUPERUSER = "role-superuser-login"


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def nights(new_cluster: Callable[..., Cluster], web: Receiver, tmp_path: Path) -> Nights:
    policy = Policy(
        alerts=Alerts(
            severity="low", escalate_after_hours=60, heartbeat_file=str(tmp_path / "beat"), tell_fixed=True
        ),
        alert_channel=(
            AlertChannel("team", web.url("team")),
            AlertChannel("chief", web.url("chief"), level="escalation"),
        ),
    )
    checks = tuple(one for one in CHECKS if one.id == SUPERUSER)
    return Nights(new_cluster(), tmp_path, policy=policy, checks=checks)


def _say(cluster: Cluster, text: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(text.encode())


def test_told_once_escalated_taken_up_fixed_and_told_again_when_it_comes_back(
    nights: Nights, web: Receiver, tmp_path: Path
) -> None:
    nights.run(0)
    web.titles()
    _say(nights.cluster, "CREATE ROLE mallory LOGIN SUPERUSER CONNECTION LIMIT 5")
    for night, expected in ((1, 1), (2, 0), (3, 0)):
        nights.run(night)
        assert len(web.titles()) == expected
    (escalated,) = (nights.run(4), web.got[:])[1]
    assert "nobody took up" in escalated["title"]
    assert "mallory" not in json.dumps(escalated)
    web.titles()
    with open_history(nights.place) as history:
        (known,) = (one for one in history.findings("lab-server") if one.name == "mallory")
    now = BEGIN + datetime.timedelta(days=4)
    said = take_up(
        nights.place, "", [known.fingerprint[:10]], "RSSI", now, now + datetime.timedelta(days=3), "asked"
    )
    assert len(said) == 1
    with open_history(nights.place) as history:
        kinds = [kind for _, kind, *_ in history.events_of(known)]
    assert kinds == ["new", "acknowledged"]
    for night in (5, 6):
        nights.run(night)
        assert web.titles() == []
    _say(nights.cluster, "ALTER ROLE mallory NOSUPERUSER")
    nights.run(7)
    assert "fixed" in web.titles()[0]
    _say(nights.cluster, "ALTER ROLE mallory SUPERUSER")
    nights.run(8)
    assert "finding" in web.titles()[0]
    beat = json.loads((tmp_path / "beat").read_text(encoding="utf-8"))
    assert beat["at"].startswith("2026-01-09")


def test_what_nobody_got_is_told_again_and_the_run_says_that_it_was_not_told(
    nights: Nights, web: Receiver
) -> None:
    nights.run(0)
    web.titles()
    _say(nights.cluster, "CREATE ROLE mallory LOGIN SUPERUSER CONNECTION LIMIT 5")
    web.answer = 503
    result = nights.run(1)
    assert web.titles() == []
    assert "the alert channel team was not reached" in result.problem
    assert result.run.exit_code != 0
    web.answer = 200
    assert nights.run(2).problem == ""
    assert len(web.titles()) == 1


def test_without_its_history_a_run_tells_that_nothing_can_be_compared(nights: Nights, web: Receiver) -> None:
    nights.run(0)
    web.titles()
    result = nights.run(1, store=str(nights.folder / ("x" * 300) / "h"))
    assert result.run.exit_code != 0
    assert "could not be checked" in web.titles()[0]


def test_what_was_not_told_cannot_be_taken_up(nights: Nights) -> None:
    nights.run(0)
    now = BEGIN
    with pytest.raises(UsageError, match="nothing was taken up"):
        take_up(nights.place, "", ["ffffffffffff"], "RSSI", now, now, "")
    with pytest.raises(UsageError, match="say which server"):
        take_up(nights.place, "elsewhere", ["f"], "RSSI", now, now, "")


def test_what_a_baseline_takes_as_known_is_told_to_nobody(nights: Nights, web: Receiver) -> None:
    _say(nights.cluster, "CREATE ROLE mallory LOGIN SUPERUSER CONNECTION LIMIT 5")
    nights.run(0, baseline=True)
    for night in (1, 5, 9):
        nights.run(night)
    assert web.titles() == []
    _say(nights.cluster, "CREATE ROLE eve LOGIN SUPERUSER CONNECTION LIMIT 5")
    nights.run(10)
    assert len(web.titles()) == 1
