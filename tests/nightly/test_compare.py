"""Comparing two nights: what is fixed, what only has another name, and what nobody looked at."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from pgguard.model.finding import Finding, Judged, Outcome, Report, Severity, Subject, Verdict, WaivedBy
from pgguard.model.history import CheckState, Comparison, Known, Memory
from pgguard.model.policy import Policy, Waiver
from pgguard.nightly.compare import compare

NOW = "2026-11-26T02:00:00.000000Z"
BEFORE = "2026-11-25T02:00:00.000000Z"
Told = list[tuple[str, str]]


def table(name: str, evidence: str = "", severity: Severity = Severity.HIGH) -> Judged:
    return judged(Subject("relation", name, "lab"), evidence or f"PUBLIC has SELECT on {name}", severity)


def rule(line: int, evidence: str) -> Judged:
    return judged(Subject("hba-rule", f"pg_hba.conf:{line}"), evidence, Severity.HIGH)


def judged(subject: Subject, evidence: str, severity: Severity, waived: WaivedBy | None = None) -> Judged:
    finding = Finding(subject, evidence)
    return Judged(finding, finding.fingerprint("a-check"), severity, "mend it", waived)


def waived(name: str) -> Judged:
    one = table(name)
    return judged(
        one.finding.subject, one.finding.evidence, one.severity, WaivedBy("why", "RSSI", "2026-12-31")
    )


def report(*found: Judged, reason: str = "", verdict: Verdict | None = None) -> Report:
    came_to = verdict or (Verdict.FAIL if found else Verdict.UNKNOWN if reason else Verdict.PASS)
    outcome = Outcome("a-check", Severity.HIGH, (), came_to, found, reason)
    return Report("here", "15.18", ("lab",), NOW, "auditor", (), "", "", (outcome,))


def remembered(*comparisons: Comparison) -> Memory:
    findings: dict[int, Known] = {}
    checks: dict[str, CheckState] = {}
    for one in comparisons:
        for known in one.findings:
            number = known.id or len(findings) + 1
            findings[number] = dataclasses.replace(known, id=number)
        checks |= {state.check: state for state in one.checks}
    return Memory(None, {one.fingerprint: one for one in findings.values()}, checks)


def night(memory: Memory, *found: Judged, policy: Policy | None = None, **more: object) -> Comparison:
    return compare(memory, report(*found, **more), policy or Policy(), NOW)  # type: ignore[arg-type]


def before(*found: Judged) -> Memory:
    return remembered(compare(Memory(), report(*found), Policy(), BEFORE))


def events(comparison: Comparison) -> Told:
    return [(one.kind, one.finding.name) for one in comparison.events]


def test_nothing_changed_says_nothing_and_stores_nothing() -> None:
    same = night(before(table("lab.a"), table("lab.b")), table("lab.a"), table("lab.b"))
    assert (same.events, same.findings, same.checks) == ((), (), ())
    assert len(same.present) == 2


def test_fixed_tells_for_how_long_it_was_open() -> None:
    (fixed,) = night(before(table("lab.a"))).events
    assert (fixed.kind, fixed.open_seconds) == ("fixed", 86_400)


def test_a_check_that_could_not_be_evaluated_fixes_nothing() -> None:
    memory = before(table("lab.a"), table("lab.b"))
    blind = night(memory, reason="permission denied")
    assert events(blind) == []
    assert [(one.name, one.not_looked_since) for one in blind.not_looked_at] == [
        ("lab.a", NOW),
        ("lab.b", NOW),
    ]
    in_part = night(memory, table("lab.b"), reason="database mri: permission denied")
    assert events(in_part) == []
    assert [one.name for one in in_part.not_looked_at] == ["lab.a"]


def test_seen_again_after_a_blind_night_is_neither_new_nor_returned() -> None:
    memory = before(table("lab.a"))
    blind = night(memory, reason="permission denied")
    both = Memory(None, {one.fingerprint: one for one in blind.findings}, {})
    again = night(both, table("lab.a"))
    assert events(again) == []
    assert again.not_looked_at == ()


def test_what_nothing_judges_any_more_is_not_called_fixed() -> None:
    gone = night(before(table("lab.a")), verdict=Verdict.NOT_APPLICABLE, reason="declare a roster")
    (event,) = gone.events
    assert (event.kind, event.detail, event.open_seconds) == ("not-judged", "declare a roster", None)
    back = night(remembered(gone), table("lab.a"))
    assert events(back) == [("returned", "lab.a")]
    # it was there all the time, as far as anybody knows
    assert (back.present[0].open_since, back.present[0].returned) == (BEFORE, 0)


def test_a_renamed_object_is_the_same_finding() -> None:
    renamed = night(before(table("lab.patient_old")), table("lab.patient_archive"))
    (event,) = renamed.events
    assert (event.kind, event.detail) == ("renamed", "it was lab.patient_old")
    assert renamed.present[0].open_since == BEFORE
    assert renamed.present[0].id == 1


@pytest.mark.parametrize(
    "after",
    [
        (table("lab.b", "PUBLIC has UPDATE"),),
        (table("lab.b"), table("lab.c")),
        (judged(Subject("column", "lab.b", "lab"), "PUBLIC has SELECT on lab.b", Severity.HIGH),),
        (judged(Subject("relation", "lab.b", "mri"), "PUBLIC has SELECT on lab.b", Severity.HIGH),),
    ],
    ids=["other evidence", "two came", "other kind", "other database"],
)
def test_what_may_be_something_else_is_fixed_and_new(after: tuple[Judged, ...]) -> None:
    told = events(night(before(table("lab.a")), *after))
    assert {kind for kind, _ in told} == {"fixed", "new"}


def test_a_finding_follows_its_line_when_lines_are_put_above_it() -> None:
    memory = before(rule(3, "host all all 0.0.0.0/0 trust"), rule(4, "local all all trust"), rule(9, "md5"))
    moved = night(
        memory, rule(4, "host all all 0.0.0.0/0 trust"), rule(5, "local all all trust"), rule(10, "md5")
    )
    assert moved.events == ()
    lines = {one.id: one.name for one in memory.findings.values()}
    assert {one.id: one.name for one in moved.present} == {
        number: f"pg_hba.conf:{int(name.partition(':')[2]) + 1}" for number, name in lines.items()
    }
    added = night(
        memory,
        rule(3, "everybody"),
        rule(4, "host all all 0.0.0.0/0 trust"),
        rule(5, "local all all trust"),
        rule(10, "md5"),
    )
    assert events(added) == [("new", "pg_hba.conf:3")]
    removed = night(memory, rule(3, "local all all trust"), rule(8, "md5"))
    assert [(one.kind, one.finding.evidence) for one in removed.events] == [
        ("fixed", "host all all 0.0.0.0/0 trust")
    ]


def test_the_same_line_with_other_evidence_is_the_same_finding() -> None:
    changed = night(before(rule(3, "lets in 14 logins")), rule(3, "lets in 15 logins"))
    assert changed.events == ()
    assert changed.findings[0].evidence == "lets in 15 logins"


def test_a_waiver_that_ended_is_told_apart_from_one_that_was_removed() -> None:
    memory = before(waived("lab.a"))
    assert events(night(memory, table("lab.a"))) == [("waiver-removed", "lab.a")]
    ended = Waiver("a-check", "lab.a", "why", "RSSI", datetime.date(2026, 11, 25))
    assert events(night(memory, table("lab.a"), policy=Policy(waiver=(ended,)))) == [
        ("waiver-expired", "lab.a")
    ]


def test_severity_that_changes_is_told() -> None:
    (event,) = night(before(table("lab.a")), table("lab.a", severity=Severity.CRITICAL)).events
    assert (event.kind, event.detail) == ("severity-changed", "high before")


def test_a_baseline_takes_what_is_found_as_known_and_open() -> None:
    taken = compare(Memory(), report(table("lab.a")), Policy(), NOW, baseline=True)
    assert events(taken) == [("baseline", "lab.a")]
    assert taken.open(Severity.HIGH) == 1
    assert events(night(remembered(taken), table("lab.a"), table("lab.b"))) == [("new", "lab.b")]


def test_a_check_that_is_gone_from_the_program_fixes_nothing() -> None:
    empty = Report("here", "15.18", ("lab",), NOW, "auditor", (), "", "", ())
    (event,) = compare(before(table("lab.a")), empty, Policy(), NOW).events
    assert event.kind == "not-judged"
