"""The demo names every flaw it plants, and its hardened twin is quiet."""

from __future__ import annotations

import os

from pgguard.demo.lab import Laboratory, planted_flaws
from pgguard.model.finding import Severity
from tests.planted.test_planted import out_of_support

MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None


def test_every_planted_flaw_is_named_with_its_subject() -> None:
    with Laboratory.open(major=MAJOR) as laboratory:
        report = laboratory.inspect()
        major = laboratory.cluster.postgres.major
    named = {
        (outcome.check, judged.finding.subject.name)
        for outcome in report.outcomes
        for judged in outcome.findings
    }
    missing = [flaw for flaw in planted_flaws(major) if flaw not in named]
    assert missing == []


def test_the_hardened_twin_shows_nothing_above_low_and_everything_was_looked_at() -> None:
    with Laboratory.open(hardened=True, major=MAJOR) as laboratory:
        report = laboratory.inspect()
        major = laboratory.cluster.postgres.major
    loud = {
        (outcome.check, judged.finding.subject.name): judged.finding.evidence
        for outcome in report.outcomes
        for judged in outcome.findings
        if judged.severity > Severity.LOW and judged.waived is None
    }
    assert set(loud) == out_of_support(major), loud
    assert [(outcome.check, outcome.reason) for outcome in report.outcomes if outcome.incomplete] == []
