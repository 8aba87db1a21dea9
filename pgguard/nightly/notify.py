"""What follows a run: whoever has to know is told, once, and a heartbeat says that it ended."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import PgguardError
from pgguard.model.supervision import ChannelTest, Supervision
from pgguard.nightly.alerting import AlertState, Night, Told, decide
from pgguard.nightly.channels import beat, send

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping

    from pgguard.model.history import Known, RunResult
    from pgguard.model.policy import Policy
    from pgguard.nightly.channels import Sent
    from pgguard.store.history import History

# an alert that nobody got is something that could not be done
_NOT_TOLD = 3
_TESTS = "alert tests"


def notify(
    result: RunResult,
    history: History | None,
    policy: Policy,
    now: datetime.datetime,
    environment: Mapping[str, str],
) -> RunResult:
    """Tells whoever has to know of a run, at its end; the run with what could not be told.

    `history` is None where it could not be opened: then nobody knows what was told before. What went out by
    no channel is told again by the next run.
    """
    key = f"alerts {result.run.target}"
    state, unread = _state(history, key)
    night = _night(result, unread)
    decision = decide(night, state, policy.alerts, now)
    failed: list[Sent] = []
    reached = True
    for message in decision.messages if policy.alert_channel else ():
        sent = send(message, policy.alert_channel, environment)
        failed += [one for one in sent if one.reason]
        reached = reached and any(not one.reason for one in sent)
    problems = [f"the alert channel {one.channel} was not reached: {one.reason}" for one in failed]
    if history is not None and not unread and reached and policy.alert_channel and decision.state != state:
        try:
            with history.writing():
                history.put_note(key, msgspec.json.encode(decision.state).decode())
        except PgguardError as error:
            problems.append(f"what was told could not be remembered: {error}")
    sent = beat(policy.alerts, result.run.target, result.run.exit_code, now, environment)
    problems += [f"the {one.channel} failed: {one.reason}" for one in sent if one.reason]
    if not problems:
        return result
    run = dataclasses.replace(result.run, exit_code=result.run.exit_code or _NOT_TOLD)
    return dataclasses.replace(result, run=run, problem="; ".join(filter(None, (result.problem, *problems))))


def _state(history: History | None, key: str) -> tuple[AlertState, str]:
    if history is None:
        return AlertState(), "its history could not be opened"
    try:
        text = history.note(key)
    except PgguardError as error:
        return AlertState(), f"its history could not be read: {error}"
    return (msgspec.json.decode(text, type=AlertState) if text else AlertState()), ""


def _night(result: RunResult, unread: str) -> Night:
    target, code = result.run.target, result.run.exit_code
    if result.failure:
        return Night(target, code, (), (), (), result.failure)
    if result.comparison is None or unread:
        # what is new nobody can tell
        why = result.problem or unread
        return Night(target, code, (), (), (), f"it was looked at, and not compared: {why}")
    changes = {
        event.finding.fingerprint: event.kind
        for event in result.comparison.events
        if event.kind in ("new", "returned")
    }
    found = tuple(_told(one, changes.get(one.fingerprint, "")) for one in _open(result))
    fixed = tuple(one.finding.fingerprint for one in result.comparison.events if one.kind == "fixed")
    unknown = [one.check for one in result.report.outcomes if one.incomplete] if result.report else []
    return Night(target, code, found, fixed, unknown)


def _open(result: RunResult) -> Iterator[Known]:
    for one in result.comparison.present if result.comparison else ():
        if one.state == "open":
            yield one


def _told(one: Known, change: str) -> Told:
    return Told(
        one.fingerprint,
        one.check,
        one.severity,
        one.kind,
        one.name,
        one.database,
        "new" if change == "new" else "returned" if change == "returned" else "open",
    )


def supervision(history: History, target: str) -> Supervision:
    """What the history says of the nightly checks of a target, before the one that asks.

    Raises `HistoryError` and `InputError` as the history does.
    """
    ended = (one.finished for one in reversed(history.runs(target)) if not one.failure)
    return Supervision(next(ended, ""), tests(history), began=True)


def tests(history: History) -> dict[str, ChannelTest]:
    """The last tests of alert channels, by the name of the channel."""
    text = history.note(_TESTS)
    return msgspec.json.decode(text, type=dict[str, ChannelTest]) if text else {}


def keep_tests(history: History, made: Mapping[str, ChannelTest]) -> None:
    """Remember tests of alert channels, in place of the last ones of the same channels."""
    with history.writing():
        history.put_note(_TESTS, msgspec.json.encode({**tests(history), **made}).decode())
