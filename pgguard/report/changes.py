"""What a nightly run has to say: what changed since the last one, for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pgguard.model.finding import Severity
from pgguard.report.json import document
from pgguard.report.text import plural, statement, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Judged, Report
    from pgguard.model.history import Comparison, Event, EventKind, RunResult

_HEADINGS: dict[EventKind, str] = {
    "new": "NEW",
    "returned": "RETURNED",
    "waiver-expired": "WAIVER EXPIRED",
    "waiver-removed": "NO LONGER WAIVED",
    "severity-changed": "SEVERITY CHANGED",
    "renamed": "RENAMED",
    "waived": "WAIVED",
    "fixed": "FIXED",
    "not-judged": "NO LONGER JUDGED",
}
# of these the evidence and the fix are shown
_TO_ACT_ON = frozenset({"new", "returned", "waiver-expired", "waiver-removed"})
_DAY = 86_400


def render(result: RunResult) -> str:
    """What changed, or nothing at all when nothing did."""
    if result.is_silent:
        return ""
    return "\n".join(line.rstrip() for line in _lines(result)) + "\n"


def render_json(result: RunResult) -> str:
    """The report as `pgguard inspect` gives it, with what the history says of it; empty without a report."""
    if result.report is None:
        return ""
    comparison = result.comparison
    history = {
        "run": result.run.id or None,
        "target": result.run.target,
        "started": result.run.started,
        "previous": result.previous.started if result.previous else None,
        "problem": result.problem or None,
        "changes": [_event(one) for one in comparison.events] if comparison else None,
        "not_looked_at": [one.fingerprint for one in comparison.not_looked_at] if comparison else [],
    }
    return json.dumps({**document(result.report), "history": history}, indent=1, ensure_ascii=False) + "\n"


def days(seconds: int) -> str:
    """A span in words: days, or hours and minutes when it is less than two of them."""
    if seconds < 2 * 3600:
        return plural(round(seconds / 60), "minute")
    if seconds < 2 * _DAY:
        return plural(round(seconds / 3600), "hour")
    return plural(round(seconds / _DAY), "day")


def _event(event: Event) -> dict[str, Any]:
    one = event.finding
    return {
        "kind": event.kind,
        "fingerprint": one.fingerprint,
        "check": one.check,
        "severity": one.severity.label,
        "subject": {"kind": one.kind, "database": one.database or None, "name": one.name},
        "evidence": one.evidence,
        "detail": event.detail or None,
        "open_since": one.open_since,
        "open_seconds": event.open_seconds,
    }


def _lines(result: RunResult) -> Iterator[str]:
    previous = result.previous
    last = f"last look {_minute(previous.started)}" if previous else "the first look"
    version = f", PostgreSQL {result.report.server_version}" if result.report else ""
    yield f"pgguard check of {visible(result.run.target)}{version}, {_minute(result.run.started)} UTC; {last}"
    report, comparison = result.report, result.comparison
    if report is None:
        return
    if comparison is not None:
        yield from _changes(result, report, comparison)
    yield from _checks(result)
    if comparison is not None:
        yield ""
        yield _summary(result, comparison)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _changes(result: RunResult, report: Report, comparison: Comparison) -> Iterator[str]:
    judged = {one.fingerprint: one for outcome in report.outcomes for one in outcome.findings}
    for kind, heading in _HEADINGS.items():
        events = [one for one in comparison.events if one.kind == kind]
        if events:
            yield ""
            yield f"{heading}  {len(events)}"
        for event in events:
            yield from _told(event, judged.get(event.finding.fingerprint))
    known = sum(1 for one in comparison.events if one.kind == "baseline")
    if known:
        yield ""
        yield (
            f"BASELINE  {plural(known, 'finding')} taken as known: nobody is told of them again, "
            "and they stay open until they are fixed or waived"
        )


def _told(event: Event, judged: Judged | None) -> Iterator[str]:
    one = event.finding
    where = f"  (database {visible(one.database)})" if one.database else ""
    detail = f"  {visible(event.detail)}" if event.detail else ""
    if event.open_seconds is not None:
        detail = f"  after {days(event.open_seconds)}"
    yield f"  {one.severity.label:<8}  {one.check}  {visible(one.name)}{where}{detail}"
    if event.kind in _TO_ACT_ON and judged is not None:
        yield f"      {visible(one.evidence)}"
        fix = judged.finding.fix
        yield f"      fix  {visible(statement(fix[0], judged.finding) if fix else judged.advice)}"


def _checks(result: RunResult) -> Iterator[str]:
    if result.not_evaluated:
        yield ""
        yield f"NOT EVALUATED  {len(result.not_evaluated)}"
    reasons: dict[str, list[str]] = {}
    for state in result.not_evaluated:
        reasons.setdefault(state.reason, []).append(state.check)
    for reason, checks in reasons.items():
        yield f"  {', '.join(checks)}"
        yield f"      {visible(reason)}"
    if result.now_evaluated:
        yield ""
        yield f"EVALUATED AGAIN  {', '.join(one.check for one in result.now_evaluated)}"


def _summary(result: RunResult, comparison: Comparison) -> str:
    counts = [(comparison.open(severity), severity) for severity in sorted(Severity, reverse=True)]
    parts = [f"open now: {', '.join(f'{count} {severity.label}' for count, severity in counts)}"]
    if comparison.not_looked_at:
        parts.append(f"{len(comparison.not_looked_at)} of them not looked at, and open as far as is known")
    if result.run.waived:
        parts.append(f"{result.run.waived} waived")
    if result.run.not_evaluated:
        parts.append(f"{plural(result.run.not_evaluated, 'check')} not evaluated")
    return "; ".join(parts)
