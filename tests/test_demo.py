"""The demo names every flaw it plants, and its hardened twin is quiet."""

from __future__ import annotations

import os

import pytest

from pgguard.demo.lab import Laboratory, planted_flaws
from pgguard.model.finding import Severity

MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None


def test_every_planted_flaw_is_named_with_its_subject() -> None:
    with Laboratory.open(major=MAJOR) as laboratory:
        report = laboratory.inspect()
    named = {
        (outcome.check, judged.finding.subject.name)
        for outcome in report.outcomes
        for judged in outcome.findings
    }
    missing = [flaw for flaw in planted_flaws() if flaw not in named]
    assert missing == []


@pytest.mark.skipif((MAJOR or 99) < 13, reason="the hardened laboratory uses settings of 13")
def test_the_hardened_twin_shows_nothing_above_low_and_everything_was_looked_at() -> None:
    with Laboratory.open(hardened=True, major=MAJOR) as laboratory:
        report = laboratory.inspect()
    loud = [
        (outcome.check, judged.finding.subject.name, judged.finding.evidence)
        for outcome in report.outcomes
        for judged in outcome.findings
        if judged.severity > Severity.LOW
    ]
    assert loud == []
    assert [(outcome.check, outcome.reason) for outcome in report.outcomes if outcome.incomplete] == []
