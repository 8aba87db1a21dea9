"""How well the grades tell logins that several people use, over simulated scenarios, and how fast.

The development half is what the rules were written by; the held-out half was written without them.
"""

from __future__ import annotations

import argparse
import time

from tests.analysis.sharing import development, held_out
from tests.analysis.sharing.scoring import ALARMS, Run, misses, overcounts, run, scores


def told(title: str, runs: list[Run], seconds: float) -> None:
    """Prints the table of one half."""
    scenarios = len({one.scenario for one in runs})
    print(f"\n{title}: {scenarios} scenarios, {len(runs)} runs, {seconds:.1f} s with the simulation")
    print(f"  {'grade':<16}{'given':>7}{'precision':>11}{'wanted':>8}{'recall':>8}")
    for grade, one in scores(runs).items():
        print(f"  {grade:<16}{one.given:>7}{one.precision:>11.3f}{one.wanted:>8}{one.recall:>8.3f}")
    shared = [one for one in runs if one.truth.kinds and one.truth.kinds <= ALARMS]
    quiet = [one for one in runs if one.truth.alarm]
    found = sum(one.grade in ALARMS for one in shared)
    false = sum(one.false_alarm for one in quiet)
    print(f"  right: {sum(one.right for one in runs) / len(runs):.3f} of all runs")
    print(f"  shared and found as proven or strong: {found} of {len(shared)}")
    print(f"  false alarms where nobody shares: {false} of {len(quiet)}")
    for (scenario, grade), times in sorted(misses(runs).items()):
        print(f"  miss: {scenario}: {grade}, {times} times")
    for (scenario, grade), times in sorted(overcounts(runs).items()):
        print(f"  too many people: {scenario}: {grade}, {times} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    seeds = range(parser.parse_args().seeds)
    for title, scenarios in (("development", development.SCENARIOS), ("held out", held_out.SCENARIOS)):
        before = time.perf_counter()
        runs = [run(scenario, seed) for scenario in scenarios for seed in seeds]
        told(title, runs, time.perf_counter() - before)


if __name__ == "__main__":
    main()
