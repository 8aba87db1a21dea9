"""What the history tells of a target: how many findings were open when, and how long fixing them took."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.finding import Severity
from pgguard.model.history import Trend, TrendFix, TrendMonth, TrendRegister, seconds_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.history import Run
    from pgguard.store.history import History


def trend(history: History, target: str) -> Trend:
    """What the history says of one target; raises what the history raises."""
    runs = history.runs(target)
    present = history.findings(target)
    return Trend(
        target=target,
        runs=len(runs),
        failed=sum(1 for one in runs if one.counts is None),
        first=runs[0] if runs else None,
        last=runs[-1] if runs else None,
        longest_pause=_longest_pause(runs),
        months=tuple(_months(runs, history.event_counts(target))),
        fixes=tuple(_fixes(history.fix_times(target))),
        open=tuple(
            sorted(
                (one for one in present if one.state == "open"),
                key=lambda one: (-one.severity, one.open_since),
            )
        ),
        waived=tuple(one for one in present if one.state == "waived"),
        registers=tuple(_registers(runs)),
    )


def _registers(runs: Sequence[Run]) -> Iterator[TrendRegister]:
    # a run that could not look read no policy worth comparing
    looks = [one for one in runs if one.policy_sha256]
    before = ""
    for one in looks:
        if one.register_sha256 != before:
            yield TrendRegister(one.started, before, one.register_sha256)
            before = one.register_sha256


class _Pause(NamedTuple):
    seconds: int
    since: str


def _longest_pause(runs: Sequence[Run]) -> tuple[int, str]:
    looks = [one for one in runs if one.counts is not None]
    pauses = [
        _Pause(seconds_between(one.started, other.started), one.started)
        for one, other in itertools.pairwise(looks)
    ]
    return max(pauses, default=_Pause(0, ""))


def _months(runs: Sequence[Run], counts: Sequence[tuple[int, str, int]]) -> list[TrendMonth]:
    month_of = {one.id: one.started[:7] for one in runs}
    events: dict[str, dict[str, int]] = {month: {} for month in month_of.values()}
    for run, kind, number in counts:
        if run in month_of:
            of_month = events[month_of[run]]
            of_month[kind] = of_month.get(kind, 0) + number
    last = {one.started[:7]: one for one in runs if one.counts is not None}
    nights = dict.fromkeys(events, 0)
    for one in runs:
        nights[one.started[:7]] += one.counts is not None
    return [
        TrendMonth(
            month,
            nights[month],
            last[month].counts if month in last else None,
            last[month].waived if month in last else 0,
            events[month],
        )
        for month in sorted(events)
    ]


def _fixes(times: Sequence[tuple[Severity, int]]) -> list[TrendFix]:
    found = []
    for severity in reversed(Severity):
        taken = [seconds for one, seconds in times if one is severity]
        if taken:
            found.append(TrendFix(severity, len(taken), int(statistics.median(taken)), max(taken)))
    return found
