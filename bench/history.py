"""`make bench-history`: what remembering costs, with a history of many nights and many findings.

A history is made by the program's own writing, night by night; then the part of `pgguard check` that is not
inspection, and `pgguard history`, are timed as processes or calls of their own, in turns.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.process import pgguard, told
from pgguard.model.finding import Finding, Judged, Outcome, Report, Severity, Subject, Verdict
from pgguard.model.policy import Policy
from pgguard.nightly.run import Settings, run

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = datetime.datetime(2024, 1, 1, 2, tzinfo=datetime.UTC)
_OPEN_NIGHTS = 20


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--nights", type=int, default=1_000)
    parser.add_argument("--findings", type=int, default=100_000, help="over all nights")
    parser.add_argument("--store", default="", help="a postgresql:// address instead of a file")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or str(Path(folder) / "history.sqlite")
        settings = Settings(target="bench", store=store, policy=Policy(), locks=Path(folder))
        new = options.findings // options.nights
        started = time.perf_counter()
        for night in range(options.nights):
            _night(settings, night, new)
        print(f"{options.nights} nights written in {time.perf_counter() - started:.1f} s", flush=True)
        if not options.store:
            print(f"the file: {Path(store).stat().st_size / 1e6:.1f} MB")
        number = options.nights
        nights = []
        for _ in range(options.rounds):
            nights.append(_night(settings, number, new))
            number += 1
        same = [_night(settings, number - 1, new) for _ in range(options.rounds)]
        fresh, quiet = statistics.median(nights), statistics.median(same)
        print(f"check's own part, {new} new findings: {fresh:.2f} s; nothing new: {quiet:.2f} s", flush=True)
        everything = [_whole(settings, number, options.findings)]
        everything.append(_whole(settings, number + 1, options.findings))
        print(f"all open at once: the first night {everything[0]:.2f} s, the next {everything[1]:.2f} s")
        runs = [pgguard("history", "--history", store) for _ in range(options.rounds)]
        print(f"pgguard history: {told(runs)}")
    return 0


def _night(settings: Settings, night: int, new: int) -> float:
    # each finding is there for some nights, and fixed then
    first = max(0, night - _OPEN_NIGHTS) * new
    return _timed(settings, night, range(first, (night + 1) * new))


def _whole(settings: Settings, night: int, findings: int) -> float:
    return _timed(settings, night, range(findings))


def _timed(settings: Settings, night: int, numbers: range) -> float:
    now = BEGIN + datetime.timedelta(days=night)
    report = _report(now, numbers)
    started = time.perf_counter()
    done = run(lambda: report, settings, now)
    assert not done.problem, done.problem
    return time.perf_counter() - started


def _report(now: datetime.datetime, numbers: range) -> Report:
    findings = [
        Finding(Subject("relation", f"ward.table_{number}", "lab"), f"PUBLIC has SELECT on table {number}")
        for number in numbers
    ]
    judged = tuple(
        Judged(one, one.fingerprint("grant-public-table"), Severity.HIGH, "revoke it") for one in findings
    )
    verdict = Verdict.FAIL if judged else Verdict.PASS
    outcome = Outcome("grant-public-table", Severity.HIGH, (), verdict, judged)
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Report("bench:5432", "15.18", ("lab",), at, "auditor", (), "", "", (outcome,))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
