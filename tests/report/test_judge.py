"""The runner: what could not be read never passes, and one bad database hides no other."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.checks import Check
from pgguard.model.finding import Finding, NotApplicable, Severity, Subject, Verdict
from pgguard.model.policy import Policy, Waiver
from pgguard.model.rows import Schema, Server
from pgguard.model.snapshot import DatabaseSnapshot, Missing, Snapshot
from pgguard.report.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.checks import Find
    from pgguard.model.finding import Outcome

TODAY = datetime.date(2026, 11, 24)
SERVER = Server(150018, "15.18", "2026-11-24T00:00:00Z", "", "", False, "dba", True, True, True, "", 5432)


def schema_of(name: str) -> DatabaseSnapshot:
    return DatabaseSnapshot({"schemas": (Schema(1, name, "owner", "", ""),)}, name)


UNREADABLE = DatabaseSnapshot({"schemas": Missing("permission denied")}, "closed")


def run(find: Find, *databases: DatabaseSnapshot, policy: Policy | None = None) -> Outcome:
    made = Check("a-check", "Title.", "why", "mend it", "silent", Severity.HIGH, ("ref",), find)
    snapshot = Snapshot({"server_rows": (SERVER,)}, databases, "target")
    report = judge(snapshot, policy or Policy(), today=TODAY, checks=[made])
    return report.outcomes[0]


def every_schema(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        for schema in database.schemas:
            yield Finding(Subject("schema", schema.name, database.name), "is there")


def no_finding(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        _ = database.schemas
    yield from ()


def test_what_could_not_be_read_is_unknown() -> None:
    outcome = run(no_finding, schema_of("lab"), UNREADABLE)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "permission denied" in outcome.reason
    assert outcome.incomplete


def test_one_unreadable_database_hides_no_other_whatever_the_order() -> None:
    outcome = run(every_schema, UNREADABLE, schema_of("lab"), schema_of("mri"))
    assert outcome.verdict is Verdict.FAIL
    assert [one.finding.subject.name for one in outcome.findings] == ["lab", "mri"]
    assert outcome.incomplete
    assert outcome.reason.count("permission denied") == 1


def test_a_database_with_nothing_to_judge_hides_no_unreadable_one() -> None:
    def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
        if [one.name for one in snapshot.inspected] == ["mri"]:
            msg = "there is no pgcrypto"
            raise NotApplicable(msg)
        yield from no_finding(snapshot, policy)

    outcome = run(find, UNREADABLE, schema_of("mri"))
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.reason.count("permission denied") == 1


def test_nothing_found_and_all_read_passes() -> None:
    outcome = run(no_finding, schema_of("lab"))
    assert outcome.verdict is Verdict.PASS
    assert not outcome.incomplete


def test_nothing_to_judge_says_why() -> None:
    def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
        msg = "declare a roster"
        raise NotApplicable(msg)

    outcome = run(find)
    assert (outcome.verdict, outcome.reason) == (Verdict.NOT_APPLICABLE, "declare a roster")


def test_two_facts_about_one_subject_become_one_finding_with_the_worst_severity() -> None:
    def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
        subject = Subject("role", "labo")
        yield Finding(subject, "first", severity=Severity.LOW)
        yield Finding(subject, "second", severity=Severity.CRITICAL)

    (judged,) = run(find).findings
    assert judged.finding.evidence == "first; second"
    assert judged.severity is Severity.CRITICAL
    assert judged.advice == "mend it"


def waiver(until: datetime.date) -> Policy:
    return Policy(waiver=(Waiver("a-check", "lab", "because", "RSSI", until),))


def test_a_waiver_holds_until_its_last_day() -> None:
    (judged,) = run(every_schema, schema_of("lab"), policy=waiver(TODAY)).findings
    assert judged.waived is not None
    assert judged.waived.owner == "RSSI"
    ended = waiver(TODAY - datetime.timedelta(days=1))
    (judged,) = run(every_schema, schema_of("lab"), policy=ended).findings
    assert judged.waived is None


def test_fingerprints_depend_on_check_and_subject_alone() -> None:
    subject = Subject("role", "labo")
    one, other = Finding(subject, "today"), Finding(subject, "tomorrow", severity=Severity.LOW)
    assert one.fingerprint("a-check") == other.fingerprint("a-check")
    assert one.fingerprint("a-check") != one.fingerprint("b-check")
