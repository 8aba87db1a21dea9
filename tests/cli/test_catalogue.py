"""`pgguard checks`, `pgguard explain` and `--version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.checks import all_checks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


def test_checks_lists_every_check_the_most_serious_first(pgguard: Run) -> None:
    lines = pgguard("checks").stdout.splitlines()
    assert {line.split()[1] for line in lines} == {check.id for check in all_checks()}
    order = ["critical", "high", "medium", "low"]
    ranks = [order.index(line.split()[0]) for line in lines]
    assert ranks == sorted(ranks)


def test_explain_says_everything_about_a_check(pgguard: Run) -> None:
    said = pgguard("explain", "hba-trust").stdout
    for part in ("hba-trust (critical)", "Why it matters", "How to fix", "Silent when", "CNIL SAN-2022-009"):
        assert part in said


def test_explain_of_what_is_not_there_names_near_ones(pgguard: Run) -> None:
    done = pgguard("explain", "hba-trusted")
    assert "did you mean hba-trust" in done.stderr
    assert done.returncode == 2


def test_version(pgguard: Run) -> None:
    assert pgguard("--version").stdout.startswith("pgguard ")
