"""A waiver of the policy covers nothing.

Why it matters: it was mistyped, or what it accepted is gone. Then it waits for something else of that
name, and would hide it without anybody having looked.

How to fix: remove the [[waiver]], or correct its check, subject or database: they are those of the report.

Silent when: every waiver that holds covers a finding; one whose check has nothing to judge here, or that may
be meant for a database that was not looked at, is not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.versions import today
from pgguard.analysis.waivers import waiver_subject
from pgguard.checks import check as check_of
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy, Waiver
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = ("GDPR 5(2)", "NIST CA-5")
_OURSELVES = "waiver-unmatched"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    day = today(snapshot)
    by_check: dict[str, list[Waiver]] = {}
    for one in policy.waiver:
        if one.holds_on(day) and one.check != _OURSELVES:
            by_check.setdefault(one.check, []).append(one)
    for name, waivers in by_check.items():
        # asked even where nothing can be said, so that what could not be read makes this unknown
        subjects = _subjects(name, snapshot, policy)
        if subjects is None:
            continue
        for one in waivers:
            if _is_looked_at(one, snapshot) and not any(_covers(one, subject) for subject in subjects):
                yield Finding(
                    waiver_subject(one), f"it covers no finding; it is {one.owner}'s, until {one.until}"
                )


def _is_looked_at(waiver: Waiver, snapshot: Snapshot) -> bool:
    looked_at = {one.name for one in snapshot.inspected}
    if waiver.database:
        return waiver.database in looked_at or waiver.database not in {one.name for one in snapshot.databases}
    return all(
        one.name in looked_at for one in snapshot.databases if one.allow_connections and not one.is_template
    )


def _subjects(name: str, snapshot: Snapshot, policy: Policy) -> list[Subject] | None:
    judge = check_of(name)
    if judge is None:
        return None
    try:
        return [found.subject for found in judge.find(snapshot, policy)]
    except NotApplicable:
        return None


def _covers(waiver: Waiver, subject: Subject) -> bool:
    return waiver.subject == subject.name and waiver.database in ("", subject.database)
