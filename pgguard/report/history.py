"""The history of nightly runs, for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pgguard.model.finding import Severity
from pgguard.report.changes import days
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.history import Known, Run, Trend

    Story = Sequence[tuple[str, str, Severity, str, int | None]]

_SHOWN = 20
_REGISTERS = 5
_EVENTS = ("new", "returned", "fixed", "waived")
_WORST_FIRST = tuple(reversed(Severity))


def render(trends: Sequence[Trend]) -> str:
    """The trend of open findings and the time to fix of each target."""
    if not trends:
        return "nothing is remembered yet: pgguard check begins the history\n"
    return "\n\n".join("\n".join(line.rstrip() for line in _lines(one)) for one in trends) + "\n"


def render_json(trends: Sequence[Trend]) -> str:
    """The same as a JSON array with one object for each target."""
    return json.dumps([_document(one) for one in trends], indent=1, ensure_ascii=False) + "\n"


def render_finding(known: Known, story: Story) -> str:
    """What happened to one finding, from the first time it was seen."""
    where = f" (database {visible(known.database)})" if known.database else ""
    lines = [
        f"{known.check}  {visible(known.name)}{where}  {known.severity.label}  [{known.fingerprint}]",
        f"  {_standing(known)}",
        f"  {visible(known.evidence)}",
        "",
    ]
    for at, kind, severity, detail, seconds in story:
        more = f"after {days(seconds)}" if seconds is not None else detail
        lines.append(f"  {_minute(at)}  {kind:<17} {severity.label:<9} {visible(more)}".rstrip())
    return "\n".join(lines) + "\n"


def _standing(known: Known) -> str:
    state = {"open": f"open since {known.open_since[:10]}", "waived": "waived"}.get(
        known.state, f"{known.state.replace('-', ' ')} {known.ended_at[:10]}"
    )
    if known.not_looked_since:
        state += f", not looked at since {known.not_looked_since[:10]}"
    return state + (f", returned {plural(known.returned, 'time')}" if known.returned else "")


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _lines(trend: Trend) -> Iterator[str]:
    first, last = trend.first, trend.last
    assert first is not None  # noqa: S101 - a target is known by its runs
    assert last is not None  # noqa: S101
    yield f"{visible(trend.target)}: {plural(trend.runs, 'run')}, {first.started[:10]} to {last.started[:10]}"
    if trend.failed:
        yield f"  {plural(trend.failed, 'run')} could not look"
    if last.failure:
        yield f"  the last one could not: {visible(last.failure)}"
    if last.not_looked_at:
        yield f"  {plural(last.not_looked_at, 'open finding')} not looked at in the last run"
    seconds, since = trend.longest_pause
    if seconds:
        yield f"  longest time without a look: {days(seconds)}, from {_minute(since)}"
    for one in trend.registers[-_REGISTERS:]:
        before = f"sha256 {one.before[:16]}..." if one.before else "none of its own kept"
        after = f"sha256 {one.after[:16]}..." if one.after else "none of its own"
        yield f"  register of processing, {_minute(one.at)}: {after} (before: {before})"
    yield ""
    yield from _months(trend)
    yield from _fixes(trend)
    yield from _list("open longest, most serious first", trend.open)
    yield from _list("waived", trend.waived)


def _months(trend: Trend) -> Iterator[str]:
    yield (
        f"  {'month':<9}{'looks':>7}"
        + "".join(f"{one.label:>10}" for one in _WORST_FIRST)
        + "".join(f"{kind:>10}" for kind in _EVENTS)
    )
    for month in trend.months:
        counts = ["-" if month.counts is None else str(month.counts[one]) for one in _WORST_FIRST]
        events = [str(month.events.get(kind, 0)) for kind in _EVENTS]
        yield f"  {month.month:<9}{month.looks:>7}" + "".join(f"{one:>10}" for one in (*counts, *events))
    yield "  (open after the month's last look, by severity; then what happened in the month)"


def _fixes(trend: Trend) -> Iterator[str]:
    if trend.fixes:
        yield ""
        yield "  time to fix"
    for one in trend.fixes:
        yield (
            f"    {one.severity.label:<9} {plural(one.fixed, 'fix').replace('fixs', 'fixes')}, "
            f"median {days(one.median)}, longest {days(one.longest)}"
        )


def _list(heading: str, findings: Sequence[Known]) -> Iterator[str]:
    if findings:
        yield ""
        yield f"  {heading}: {len(findings)}"
    for one in findings[:_SHOWN]:
        where = f" (database {visible(one.database)})" if one.database else ""
        name = f"{one.check}  {visible(one.name)}{where}"
        yield f"    {one.severity.label:<9} {one.fingerprint[:12]}  {name}  {_standing(one)}"
    if len(findings) > _SHOWN:
        yield f"    and {len(findings) - _SHOWN} more: --format json"


def _document(trend: Trend) -> dict[str, Any]:
    return {
        "target": trend.target,
        "runs": trend.runs,
        "failed": trend.failed,
        "first": trend.first.started if trend.first else None,
        "last": _run(trend.last) if trend.last else None,
        "longest_pause": {"seconds": trend.longest_pause[0], "since": trend.longest_pause[1] or None},
        "months": [
            {
                "month": one.month,
                "looks": one.looks,
                "open": None
                if one.counts is None
                else {key.label: number for key, number in one.counts.items()},
                "waived": one.waived,
                "events": one.events,
            }
            for one in trend.months
        ],
        "time_to_fix": [
            {
                "severity": one.severity.label,
                "fixed": one.fixed,
                "median_seconds": one.median,
                "longest_seconds": one.longest,
            }
            for one in trend.fixes
        ],
        "register": [
            {"since": one.at, "before": one.before or None, "sha256": one.after or None}
            for one in trend.registers
        ],
        "open": [_finding(one) for one in trend.open],
        "waived": [_finding(one) for one in trend.waived],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "started": run.started,
        "exit_code": run.exit_code,
        "policy_sha256": run.policy_sha256 or None,
        "register_sha256": run.register_sha256 or None,
        "not_looked_at": run.not_looked_at,
        "not_evaluated": run.not_evaluated,
        "failure": run.failure or None,
    }


def _finding(one: Known) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "check": one.check,
        "severity": one.severity.label,
        "subject": {"kind": one.kind, "database": one.database or None, "name": one.name},
        "evidence": one.evidence,
        "found_at": one.found_at,
        "open_since": one.open_since,
        "not_looked_since": one.not_looked_since or None,
        "returned": one.returned,
    }
