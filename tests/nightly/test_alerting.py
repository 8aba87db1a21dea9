"""Who is told what, night after night."""

from __future__ import annotations

import datetime

import pytest

from pgguard.model.finding import Severity
from pgguard.model.policy import Alerts
from pgguard.nightly.alerting import (
    Acknowledged,
    AlertState,
    Decision,
    Night,
    Told,
    acknowledge,
    decide,
)

START = datetime.datetime(2026, 1, 1, 2, 0, tzinfo=datetime.UTC)
POLICY = Alerts(escalate_after_hours=48)


def _night(day: int) -> datetime.datetime:
    return START + datetime.timedelta(days=day)


def _told(
    name: str, change: str = "open", severity: Severity = Severity.HIGH, kind: str = "relation"
) -> Told:
    return Told(f"{name}{'0' * 20}", "grant-public-table", severity, kind, f"lab.{name}", "lab", change)  # type: ignore[arg-type]


def _run(*findings: Told, fixed: tuple[str, ...] = (), failure: str = "") -> Night:
    return Night("db", 3 if failure else 1, findings, fixed, (), failure)


def _after(nights: list[Night], policy: Alerts = POLICY) -> list[Decision]:
    state, found = AlertState(), []
    for day, night in enumerate(nights):
        decision = decide(night, state, policy, _night(day))
        found.append(decision)
        state = decision.state
    return found


def test_a_finding_is_told_once_and_to_the_next_level_when_nobody_takes_it_up() -> None:
    found = _after([_run(_told("a", "new")), _run(_told("a")), _run(_told("a")), _run(_told("a"))])
    assert [[one.level for one in each.messages] for each in found] == [["first"], [], ["escalation"], []]
    assert "48 hours" in found[2].messages[0].title
    assert "lab.a" in found[0].messages[0].text


def test_what_was_taken_up_is_left_alone_until_its_day_and_told_again_when_it_comes_back() -> None:
    first = decide(_run(_told("a", "new")), AlertState(), POLICY, _night(0))
    taken = Acknowledged("RSSI", _night(0), until=_night(5))
    state, found = acknowledge(first.state, ["a00000"], taken)
    assert found == (f"a{'0' * 20}",)
    for day in (1, 2, 3, 4):
        decision = decide(_run(_told("a")), state, POLICY, _night(day))
        assert decision.messages == ()
        state = decision.state
    late = decide(_run(_told("a")), state, POLICY, _night(5))
    assert [one.level for one in late.messages] == ["escalation"]
    back = decide(_run(_told("a", "returned")), state, POLICY, _night(4))
    assert [one.level for one in back.messages] == ["first"]


@pytest.mark.parametrize("beginning", ["", "b", "zz"])
def test_an_acknowledgement_names_one_finding(beginning: str) -> None:
    night = _run(_told("ba", "new"), _told("bb", "new"))
    state = decide(night, AlertState(), POLICY, _night(0)).state
    assert acknowledge(state, [beginning], Acknowledged("RSSI", _night(0)))[1] == ()


def test_below_the_severity_of_the_policy_nobody_is_woken() -> None:
    night = _run(_told("a", "new", Severity.MEDIUM))
    assert decide(night, AlertState(), POLICY, _night(0)).messages == ()
    assert decide(night, AlertState(), Alerts(severity="medium"), _night(0)).messages != ()


def test_names_of_persons_are_in_no_message() -> None:
    role = _told("c.martin", "new", kind="role")
    text = decide(_run(role), AlertState(), POLICY, _night(0)).messages[0].text
    assert "lab.c.martin" not in text
    assert "grant-public-table: role" in text


def test_a_run_that_fails_is_told_once_for_each_reason_and_its_end_too() -> None:
    nights = [
        _run(_told("a", "new")),
        _run(failure="no connection"),
        _run(failure="no connection"),
        _run(failure="no connection"),
        _run(failure="password rejected"),
        _run(_told("a")),
        _run(_told("a")),
    ]
    found = _after(nights)
    levels = [[one.level for one in each.messages] for each in found]
    assert levels == [["first"], ["first"], [], ["escalation"], ["first"], ["first", "escalation"], []]
    assert "checked again" in found[5].messages[0].title
    assert "no all-clear" in found[1].messages[0].text


def test_one_message_however_many_findings_and_the_rest_is_counted() -> None:
    night = _run(*(_told(f"t{number}", "new") for number in range(300)))
    (message,) = decide(night, AlertState(), POLICY, _night(0)).messages
    assert "300 high findings" in message.title
    assert "and 280 more" in message.text
    assert len(message.text.splitlines()) < 40


def test_what_was_fixed_is_told_when_the_policy_asks_for_it() -> None:
    nights = [_run(_told("a", "new")), _run()]
    assert _after(nights)[1].messages == ()
    assert "1 fixed" in _after(nights, Alerts(tell_fixed=True))[1].messages[0].title
    # and once it is there again it is news
    again = _after([*nights, _run(_told("a", "returned"))])
    assert [one.level for one in again[2].messages] == ["first"]
