"""What follows a run: whoever has to know is told, once, and a heartbeat says that it ended."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.errors import PgguardError
from pgguard.model.supervision import ChannelTest, Supervision
from pgguard.nightly.alerting import Acknowledged, Alerted, AlertState, Message, Night, Told, decide
from pgguard.nightly.channels import beat, send
from pgguard.store.history import open_history

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.model.history import Known, RunResult
    from pgguard.model.policy import Policy
    from pgguard.nightly.alerting import Decision, Level
    from pgguard.store.history import History

# an alert that nobody got is something that could not be done
_NOT_TOLD = 3
_TESTS = "alert tests"
# of many servers a message tells so many in full, and so many by a line
_IN_FULL = 3
_NAMED = 100


class Pending(NamedTuple):
    """What is to be told of a run, and what is known to have been told afterwards.

    `keeps` is false where nobody knows what was told before, so that nothing can be remembered either.
    """

    target: str
    decision: Decision
    changed: bool
    keeps: bool


def pending(result: RunResult, history: History | None, policy: Policy, now: datetime.datetime) -> Pending:
    """What is to be told of a run; `history` is None where it could not be opened."""
    target = result.run.target
    state, unread = _state(history, _key(target))
    decision = decide(_night(result, unread), _accepted(state, result, now), policy.alerts, now)
    return Pending(target, decision, decision.state != state, history is not None and not unread)


def deliver(
    waiting: Sequence[Pending], history: History | None, policy: Policy, environment: Mapping[str, str]
) -> list[str]:
    """Sends what is to be told of one run or of many, one message a level, and remembers what went out.

    What could not be told or remembered comes back in words; by no channel told, it is told again next time.
    """
    problems: list[str] = []
    reached = True
    messages = [message for one in waiting for message in one.decision.messages]
    if messages and not policy.alert_channel:
        # once there is a channel, all of it is news
        return []
    for message in _together(messages):
        sent = send(message, policy.alert_channel, environment)
        problems += [
            f"the alert channel {one.channel} was not reached: {one.reason}" for one in sent if one.reason
        ]
        reached = reached and any(not one.reason for one in sent)
    kept = [one for one in waiting if one.changed and one.keeps]
    if history is not None and reached and kept:
        try:
            with history.writing():
                for one in kept:
                    history.put_note(_key(one.target), msgspec.json.encode(one.decision.state).decode())
        except PgguardError as error:
            problems.append(f"what was told could not be remembered: {error}")
    return problems


def notify(
    result: RunResult,
    history: History | None,
    policy: Policy,
    now: datetime.datetime,
    environment: Mapping[str, str],
) -> RunResult:
    """Tells whoever has to know of a run, at its end; the run with what could not be told."""
    problems = deliver([pending(result, history, policy, now)], history, policy, environment)
    sent = beat(policy.alerts, result.run.target, result.run.exit_code, now, environment)
    problems += [f"the {one.channel} failed: {one.reason}" for one in sent if one.reason]
    if not problems:
        return result
    run = dataclasses.replace(result.run, exit_code=result.run.exit_code or _NOT_TOLD)
    return dataclasses.replace(result, run=run, problem="; ".join(filter(None, (result.problem, *problems))))


def _key(target: str) -> str:
    return f"alerts {target}"


def _together(messages: Sequence[Message]) -> Iterator[Message]:
    """One message a level: of a few targets word by word, of many by their titles."""
    levels: tuple[Level, ...] = ("first", "escalation")
    for level in levels:
        some = [one for one in messages if one.level == level]
        if len(some) == 1:
            yield some[0]
        elif some:
            title = f"pgguard: news of {len(some)} servers"
            if level == "escalation":
                title = f"pgguard: nobody took up findings on {len(some)} servers"
            texts = [one.text for one in some[:_IN_FULL]]
            more = [one.title.removeprefix("pgguard: ") for one in some[_IN_FULL : _IN_FULL + _NAMED]]
            left = len(some) - _IN_FULL - _NAMED
            if left > 0:
                more.append(f"and {left} more")
            yield Message(level, title, "\n\n".join([*texts, "\n".join(more)]).strip())


def _state(history: History | None, key: str) -> tuple[AlertState, str]:
    if history is None:
        return AlertState(), "its history could not be opened"
    try:
        text = history.note(key)
    except PgguardError as error:
        return AlertState(), f"its history could not be read: {error}"
    return (msgspec.json.decode(text, type=AlertState) if text else AlertState()), ""


def _accepted(state: AlertState, result: RunResult, now: datetime.datetime) -> AlertState:
    """The state with what a baseline takes as known: told to nobody, and waited for by nobody."""
    events = result.comparison.events if result.comparison else ()
    known = {one.finding.fingerprint: Alerted(now) for one in events if one.kind == "baseline"}
    taken = dict.fromkeys(known, Acknowledged("the baseline", now))
    return AlertState(
        {**state.alerted, **known},
        {**state.acknowledged, **taken},
        state.failure,
        state.failed_since,
        state.failure_escalated,
    )


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


def supervision_in(place: str, target: str) -> Supervision | None:
    """The same from the store at a place; None where it cannot be read, which the run itself says."""
    try:
        with open_history(place) as history:
            return supervision(history, target)
    except PgguardError:
        return None


def tests(history: History) -> dict[str, ChannelTest]:
    """The last tests of alert channels, by the name of the channel."""
    text = history.note(_TESTS)
    return msgspec.json.decode(text, type=dict[str, ChannelTest]) if text else {}


def keep_tests(history: History, made: Mapping[str, ChannelTest]) -> None:
    """Remember tests of alert channels, in place of the last ones of the same channels."""
    with history.writing():
        history.put_note(_TESTS, msgspec.json.encode({**tests(history), **made}).decode())
