"""What changed since the last run, finding by finding.

A finding that is not there any more is fixed only when its check was evaluated whole: otherwise it stays
as it was. One that comes under another name with the same evidence is the same one, renamed; findings
about lines of a file follow their line when it moves.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.finding import Verdict
from pgguard.model.history import PRESENT, CheckState, Comparison, Event, Known, seconds_between

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.model.finding import Judged, Outcome, Report
    from pgguard.model.history import Memory, State
    from pgguard.model.policy import Policy

# their names hold the number of a line, which changes with every line above
_LINES = frozenset({"hba-rule", "ident-rule"})
_NAME = "\0"


class _Seen(NamedTuple):
    check: str
    judged: Judged


class _Matched(NamedTuple):
    pairs: list[tuple[Known, _Seen]]
    gone: list[Known]
    came: list[_Seen]


def compare(
    memory: Memory, report: Report, policy: Policy, now: str, *, baseline: bool = False
) -> Comparison:
    """What the report says against what the history knows; `now` as `instant` writes it.

    With `baseline` what came up is taken as known: its event is baseline, not new or returned.
    """
    outcomes = {one.check: one for one in report.outcomes}
    today = _day(report)
    matched = _match(memory.findings, report, outcomes)
    events: list[Event] = []
    after: list[Known] = []
    for before, seen in matched.pairs:
        known = _as_seen(before, seen)
        after.append(known)
        events += _ongoing(before, known, seen, policy, today)
    for one in matched.gone:
        known, told = _ended(one, outcomes.get(one.check), now)
        after.append(known)
        events += told
    gone_before = {print_: one for print_, one in memory.findings.items() if one.state not in PRESENT}
    for seen in matched.came:
        known, told = _came(gone_before.get(seen.judged.fingerprint), seen, now, baseline=baseline)
        after.append(known)
        events += told
    return Comparison(
        tuple(sorted(events, key=_order)),
        tuple(one for one in after if memory.findings.get(one.fingerprint) != one),
        tuple(_changed_checks(memory.checks, report.outcomes)),
        tuple(sorted((one for one in after if one.state in PRESENT), key=_rank)),
    )


def _day(report: Report) -> datetime.date:
    return datetime.datetime.fromisoformat(report.inspected_at).date()


def _match(known: Mapping[str, Known], report: Report, outcomes: Mapping[str, Outcome]) -> _Matched:
    news = {
        judged.fingerprint: _Seen(outcome.check, judged)
        for outcome in report.outcomes
        for judged in outcome.findings
    }
    olds = {print_: one for print_, one in known.items() if one.state in PRESENT}
    pairs: list[tuple[Known, _Seen]] = []
    for print_, seen in list(news.items()):
        old = olds.get(print_)
        moves = old is not None and old.kind in _LINES and old.evidence != seen.judged.finding.evidence
        if old is not None and not moves:
            pairs.append((olds.pop(print_), news.pop(print_)))
    for old, seen in list(_renamed(olds, news, known, outcomes)):
        pairs.append((olds.pop(old.fingerprint), news.pop(seen.judged.fingerprint)))
    for print_ in list(news):
        if print_ in olds:
            pairs.append((olds.pop(print_), news.pop(print_)))
    return _Matched(pairs, list(olds.values()), list(news.values()))


def _renamed(
    olds: Mapping[str, Known],
    news: Mapping[str, _Seen],
    known: Mapping[str, Known],
    outcomes: Mapping[str, Outcome],
) -> Iterator[tuple[Known, _Seen]]:
    lost: dict[tuple[str, ...], list[Known]] = defaultdict(list)
    found: dict[tuple[str, ...], list[_Seen]] = defaultdict(list)
    for one in olds.values():
        outcome = outcomes.get(one.check)
        if outcome is not None and not outcome.incomplete:
            lost[_apart_from_name(one.check, one.kind, one.database, one.name, one.evidence)].append(one)
    for print_, seen in news.items():
        subject, evidence = seen.judged.finding.subject, seen.judged.finding.evidence
        # what was there before under that name has a story of its own
        if subject.kind in _LINES or print_ not in known:
            key = _apart_from_name(seen.check, subject.kind, subject.database or "", subject.name, evidence)
            found[key].append(seen)
    for key, former in lost.items():
        if len(former) == 1 and len(found[key]) == 1:
            yield former[0], found[key][0]


def _apart_from_name(check: str, kind: str, database: str, name: str, evidence: str) -> tuple[str, ...]:
    masked = evidence.replace(name, _NAME)
    last = name.rpartition(".")[2]
    return check, kind, database, masked.replace(last, _NAME) if last else masked


def _as_seen(before: Known, seen: _Seen) -> Known:
    subject, evidence = seen.judged.finding.subject, seen.judged.finding.evidence
    state: State = "waived" if seen.judged.waived else "open"
    now = (seen.judged.fingerprint, seen.judged.severity, state, evidence, "")
    if now == (before.fingerprint, before.severity, before.state, before.evidence, before.not_looked_since):
        # so are most of many thousands
        return before
    return dataclasses.replace(
        before,
        fingerprint=seen.judged.fingerprint,
        database=subject.database or "",
        name=subject.name,
        severity=seen.judged.severity,
        state=state,
        evidence=evidence,
        not_looked_since="",
    )


def _ongoing(
    before: Known, known: Known, seen: _Seen, policy: Policy, today: datetime.date
) -> Iterator[Event]:
    if before.name != known.name and known.kind not in _LINES:
        yield Event("renamed", known, f"it was {before.name}")
    if before.state == "open" and seen.judged.waived:
        yield Event("waived", known, _until(seen))
    elif before.state == "waived" and not seen.judged.waived:
        if ended := _ended_waiver(known, policy, today):
            yield Event("waiver-expired", known, f"the waiver held until {ended}")
        else:
            yield Event("waiver-removed", known, "the policy waives it no more")
    if before.severity is not known.severity and known.state == "open":
        yield Event("severity-changed", known, f"{before.severity.label} before")


def _ended_waiver(known: Known, policy: Policy, today: datetime.date) -> datetime.date | None:
    ends = [
        one.until
        for one in policy.waiver
        if one.check == known.check and one.subject == known.name and one.database in ("", known.database)
    ]
    return max((one for one in ends if one < today), default=None)


def _until(seen: _Seen) -> str:
    assert seen.judged.waived is not None  # noqa: S101 - asked by the caller
    return f"until {seen.judged.waived.until}"


def _ended(one: Known, outcome: Outcome | None, now: str) -> tuple[Known, list[Event]]:
    if outcome is None or outcome.verdict is Verdict.NOT_APPLICABLE:
        why = outcome.reason if outcome else "this version of pgguard has no such check"
        known = dataclasses.replace(one, state="not-judged", ended_at=now, not_looked_since="")
        return known, [Event("not-judged", known, why)]
    if outcome.incomplete:
        return dataclasses.replace(one, not_looked_since=one.not_looked_since or now), []
    known = dataclasses.replace(one, state="fixed", ended_at=now, not_looked_since="")
    return known, [Event("fixed", known, "", seconds_between(one.open_since, now))]


def _came(before: Known | None, seen: _Seen, now: str, *, baseline: bool) -> tuple[Known, list[Event]]:
    subject = seen.judged.finding.subject
    if before is None:
        known = Known(
            0,
            seen.judged.fingerprint,
            seen.check,
            subject.kind,
            subject.database or "",
            subject.name,
            seen.judged.severity,
            "open",
            seen.judged.finding.evidence,
            now,
            now,
        )
        event = Event("new", known)
    else:
        was_fixed = before.state == "fixed"
        known = dataclasses.replace(
            before,
            open_since=now if was_fixed else before.open_since,
            ended_at="",
            returned=before.returned + was_fixed,
        )
        event = Event("returned", known, f"{'fixed' if was_fixed else 'last judged'} {before.ended_at[:10]}")
    known = _as_seen(known, seen)
    if seen.judged.waived:
        return known, [Event("waived", known, _until(seen))]
    return known, [Event("baseline" if baseline else event.kind, known, event.detail)]


def _changed_checks(known: Mapping[str, CheckState], outcomes: Iterable[Outcome]) -> Iterator[CheckState]:
    for one in outcomes:
        state = CheckState(one.check, one.verdict, one.incomplete, one.reason)
        before = known.get(one.check)
        if before is None or (before.verdict, before.incomplete) != (state.verdict, state.incomplete):
            yield state


def _rank(one: Known) -> tuple[int, str, str, str, str]:
    return -one.severity, one.check, one.kind, one.database, one.name


def _order(event: Event) -> tuple[int, str, str, str, str, str]:
    return (*_rank(event.finding), event.kind)
