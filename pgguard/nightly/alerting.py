"""Who is told what after a run: one message at most, nothing twice, and again when nobody took it up.

Functions of values: the time is given, and what was sent before is a value that goes in and comes out.
A message holds checks, counts, names of tables and columns and settings, and the beginnings of
fingerprints; names of roles, people, addresses and evidence stay in the report.
"""

from __future__ import annotations

import datetime
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from pgguard.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.model.policy import Alerts

# subjects whose names are never those of persons
_NAMELESS = frozenset({"role", "membership", "session", "cluster", "policy-entry", "ident-rule"})
_LISTED = 20
Level = Literal["first", "escalation"]


class Told(NamedTuple):
    """A finding as a message may tell it.

    `change` is new or returned for what came up in this run, open for what was there before.
    """

    fingerprint: str
    check: str
    severity: Severity
    kind: str
    subject: str
    database: str
    change: Literal["new", "returned", "open"]


class Night(NamedTuple):
    """What a run found: its open findings, how many were fixed, what it could not look at.

    `failure` says why there is no result at all, empty when there is one.
    """

    target: str
    exit_code: int
    findings: Sequence[Told]
    fixed: Sequence[str]
    unknown: Sequence[str]
    failure: str = ""


class Acknowledged(msgspec.Struct, frozen=True):
    """Somebody took a finding up: who, when, until when it is left alone, and a note."""

    by: str
    at: datetime.datetime
    until: datetime.datetime | None = None
    note: str = ""


class Alerted(msgspec.Struct, frozen=True):
    """When a finding was first told, and when to a second level."""

    at: datetime.datetime
    escalated: datetime.datetime | None = None


class AlertState(msgspec.Struct, frozen=True):
    """What was told before, by fingerprint, what was taken up, and the failure that was told last."""

    alerted: dict[str, Alerted] = {}
    acknowledged: dict[str, Acknowledged] = {}
    failure: str = ""
    failed_since: datetime.datetime | None = None
    failure_escalated: bool = False


class Message(NamedTuple):
    """What goes out, and to which level of channels."""

    level: Level
    title: str
    text: str


class Decision(NamedTuple):
    """The messages of a run, and the state after they were sent."""

    messages: tuple[Message, ...]
    state: AlertState


def decide(night: Night, state: AlertState, policy: Alerts, now: datetime.datetime) -> Decision:
    """What is sent after a run, and what is known to have been sent afterwards.

    The state counts only once the messages went out: a run that could not send begins from the old one.
    """
    if night.failure:
        return _failed(night, state, policy, now)
    floor = Severity[policy.severity.upper()]
    relevant = [one for one in night.findings if one.severity >= floor]
    present = {one.fingerprint for one in night.findings}
    kept = {print_: one for print_, one in state.acknowledged.items() if _holds(one, now)}
    acknowledged = {
        print_: one
        for print_, one in kept.items()
        if print_ in present and not any(f.fingerprint == print_ and f.change == "returned" for f in relevant)
    }
    fresh = [
        one
        for one in relevant
        if one.fingerprint not in acknowledged
        and (one.fingerprint not in state.alerted or one.change == "returned")
    ]
    known = {
        one.fingerprint: state.alerted[one.fingerprint]
        for one in relevant
        if one.fingerprint in state.alerted and one not in fresh
    }
    limit = datetime.timedelta(hours=policy.escalate_after_hours)
    late = [
        one
        for one in relevant
        if one.fingerprint in known
        and one.fingerprint not in acknowledged
        and known[one.fingerprint].escalated is None
        and now - known[one.fingerprint].at >= limit
    ]
    gone = [print_ for print_ in state.alerted if print_ not in present]
    messages = []
    if fresh or state.failure or (policy.tell_fixed and gone):
        messages.append(Message("first", _title(night, fresh, gone), _text(night, fresh, gone, state)))
    if late:
        messages.append(Message("escalation", *_escalation(night, late, known, now)))
    alerted = {
        **known,
        **{one.fingerprint: Alerted(now) for one in fresh},
        **{one.fingerprint: Alerted(known[one.fingerprint].at, now) for one in late},
    }
    return Decision(tuple(messages), AlertState(alerted, acknowledged))


def acknowledge(
    state: AlertState, fingerprints: Iterable[str], taken: Acknowledged
) -> tuple[AlertState, tuple[str, ...]]:
    """The state with these findings taken up, given by their fingerprints or unambiguous beginnings.

    Also those that were found; a beginning that fits none or several of what was told is not among them.
    """
    found = []
    for beginning in fingerprints:
        fitting = [one for one in state.alerted if one.startswith(beginning)] if beginning else []
        found += fitting if len(fitting) == 1 else []
    done = {**state.acknowledged, **dict.fromkeys(found, taken)}
    return msgspec.structs.replace(state, acknowledged=done), tuple(found)


def _holds(one: Acknowledged, now: datetime.datetime) -> bool:
    return one.until is None or now < one.until


def _failed(night: Night, state: AlertState, policy: Alerts, now: datetime.datetime) -> Decision:
    since = state.failed_since if state.failure == night.failure and state.failed_since else now
    limit = datetime.timedelta(hours=policy.escalate_after_hours)
    messages = []
    escalated = state.failure_escalated and state.failure == night.failure
    text = (
        f"{night.target} could not be checked: {night.failure}\n"
        "Nothing is known about it since then; this is no all-clear."
    )
    if state.failure != night.failure:
        messages.append(Message("first", f"pgguard: {night.target} could not be checked", text))
    elif not escalated and now - since >= limit:
        escalated = True
        title = f"pgguard: {night.target} has not been checked since {since:%Y-%m-%d %H:%M} UTC"
        messages.append(Message("escalation", title, text))
    after = msgspec.structs.replace(
        state, failure=night.failure, failed_since=since, failure_escalated=escalated
    )
    return Decision(tuple(messages), after)


def _title(night: Night, fresh: Sequence[Told], gone: Sequence[str]) -> str:
    if fresh:
        return f"pgguard: {_counted(fresh)} on {night.target}"
    if gone:
        return f"pgguard: {len(gone)} fixed on {night.target}"
    return f"pgguard: {night.target} is checked again"


def _text(night: Night, fresh: Sequence[Told], gone: Sequence[str], state: AlertState) -> str:
    lines = [f"Target: {night.target}"]
    if state.failure:
        lines.append("It could not be checked before, and is checked again.")
    if fresh:
        lines += ["", "New or returned:", *_listed(fresh)]
    if gone:
        lines += ["", f"Fixed since they were told: {len(gone)}"]
    still = Counter(one.severity for one in night.findings)
    left = ", ".join(f"{still[one]} {one.label}" for one in sorted(still, reverse=True))
    lines += ["", f"Open now: {left or 'nothing'}"]
    if night.unknown:
        lines.append(f"Could not be looked at: {', '.join(sorted(night.unknown))}")
    lines += ["", "The report has the evidence and the fixes. Take a finding up: pgguard ack FINGERPRINT"]
    return "\n".join(lines)


def _escalation(
    night: Night, late: Sequence[Told], known: Mapping[str, Alerted], now: datetime.datetime
) -> tuple[str, str]:
    oldest = min(known[one.fingerprint].at for one in late)
    hours = int((now - oldest).total_seconds() // 3600)
    title = f"pgguard: nobody took up {_counted(late)} on {night.target} for {hours} hours"
    lines = [
        f"Target: {night.target}",
        "",
        "Told before and not acknowledged:",
        *_listed(late),
        "",
        "Take a finding up: pgguard ack FINGERPRINT",
    ]
    return title, "\n".join(lines)


def _counted(some: Sequence[Told]) -> str:
    count = Counter(one.severity for one in some)
    parts = [f"{count[one]} {one.label}" for one in sorted(count, reverse=True)]
    return f"{', '.join(parts)} finding{'s' if len(some) > 1 else ''}"


def _listed(some: Sequence[Told]) -> Iterator[str]:
    ordered = sorted(some, key=lambda one: (-one.severity, one.check, one.subject))
    for one in ordered[:_LISTED]:
        name = "" if one.kind in _NAMELESS or not one.subject else f" {one.subject}"
        where = f" (database {one.database})" if one.database else ""
        label = f"{one.severity.label:<8} {one.check}"
        yield f"  {label}: {one.kind}{name}{where} [{one.fingerprint[:12]}]"
    if len(ordered) > _LISTED:
        yield f"  and {len(ordered) - _LISTED} more"
