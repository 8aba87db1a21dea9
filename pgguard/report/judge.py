"""Runs the checks over a snapshot; the result is a `Report`."""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING

from pgguard.checks import all_checks
from pgguard.errors import Unread as UnreadError
from pgguard.model.finding import (
    Finding,
    Judged,
    NotApplicable,
    Outcome,
    Report,
    Severity,
    Unread,
    Verdict,
    WaivedBy,
)
from pgguard.report.auditor import hint

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from pgguard.checks import Check
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot


def judge(
    snapshot: Snapshot,
    policy: Policy,
    *,
    today: datetime.date,
    policy_file: str = "",
    policy_sha256: str = "",
    register_file: str = "",
    register_sha256: str = "",
    checks: Iterable[Check] | None = None,
) -> Report:
    """Every check's outcome for this snapshot under this policy.

    `today` is the date by which waivers end. A check that touches a section that could not be read
    is unknown, or fail and incomplete when it found something elsewhere.
    """
    chosen = all_checks() if checks is None else tuple(checks)
    return Report(
        target=snapshot.target,
        server_version=snapshot.server.version,
        databases=tuple(one.name for one in snapshot.inspected),
        inspected_at=snapshot.server.now,
        inspected_as=snapshot.server.inspected_as,
        unread=tuple(
            Unread(name, _with_hint(reason, name, reason, snapshot), database)
            for database, name, reason in snapshot.all_missing()
        ),
        policy_file=policy_file,
        policy_sha256=policy_sha256,
        outcomes=tuple(_outcome(check, snapshot, policy, today) for check in chosen),
        register_file=register_file,
        register_sha256=register_sha256,
    )


def _outcome(check: Check, snapshot: Snapshot, policy: Policy, today: datetime.date) -> Outcome:
    found: list[Finding] = []
    reasons: list[str] = []
    try:
        _collect(check, snapshot, policy, found, reasons)
        if reasons and len(snapshot.inspected) > 1:
            # one unreadable database must not hide what the others show
            reasons = _database_by_database(check, snapshot, policy, found, reasons)
    except NotApplicable as reason:
        return Outcome(check.id, check.severity, check.references, Verdict.NOT_APPLICABLE, (), str(reason))
    judged = _judged(check, found, policy, today)
    why = "; ".join(dict.fromkeys(reasons))
    verdict = Verdict.FAIL if judged else Verdict.UNKNOWN if reasons else Verdict.PASS
    return Outcome(check.id, check.severity, check.references, verdict, judged, why)


def _database_by_database(
    check: Check, snapshot: Snapshot, policy: Policy, found: list[Finding], reasons: list[str]
) -> list[str]:
    """What could not be judged of each database; `reasons`, of all together, where none is judged alone."""
    said: list[str] = []
    judged = False
    for database in snapshot.inspected:
        # a database with nothing to judge says nothing of the others
        with contextlib.suppress(NotApplicable):
            _collect(check, snapshot.only(database.name), policy, found, said)
            judged = True
    return said if judged else reasons


def _collect(
    check: Check, snapshot: Snapshot, policy: Policy, found: list[Finding], reasons: list[str]
) -> None:
    try:
        found.extend(check.find(snapshot, policy))
    except UnreadError as unread:
        reasons.append(_with_hint(str(unread), unread.section, unread.reason, snapshot))
    except NotApplicable:
        raise
    except Exception as error:
        # a fault of ours in one check must neither hide the others' answers nor count as a pass;
        # the message may hold values from the snapshot, so only the place is said
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{PurePath(frame.filename).name}:{frame.lineno}"
        reasons.append(f"internal error of the check ({type(error).__name__} at {place}): please report it")


def _with_hint(text: str, section: str, reason: str, snapshot: Snapshot) -> str:
    """What could not be read, and what would let the inspecting role read it."""
    helps = hint(section, reason, snapshot.server.inspected_as)
    return f"{text}; {helps}" if helps else text


def _judged(check: Check, found: list[Finding], policy: Policy, today: datetime.date) -> tuple[Judged, ...]:
    by_subject: dict[object, Finding] = {}
    for finding in found:
        known = by_subject.setdefault(finding.subject, finding)
        if known is not finding and known != finding:
            by_subject[finding.subject] = _merged(check, known, finding)
    judged = [
        Judged(
            finding,
            finding.fingerprint(check.id),
            finding.severity or check.severity,
            finding.advice or check.fix,
            _waiver(check, finding, policy, today),
        )
        for finding in by_subject.values()
    ]
    return tuple(sorted(judged, key=lambda one: (-one.severity, _order(one.finding))))


def _merged(check: Check, one: Finding, other: Finding) -> Finding:
    if other.evidence in one.evidence:
        return one
    worst: Severity = max(one.severity or check.severity, other.severity or check.severity)
    fixes = tuple(dict.fromkeys(one.fix + other.fix))
    return dataclasses.replace(one, evidence=f"{one.evidence}; {other.evidence}", severity=worst, fix=fixes)


def _order(finding: Finding) -> tuple[str, str, str]:
    return (finding.subject.kind, finding.subject.database or "", finding.subject.name)


def _waiver(check: Check, finding: Finding, policy: Policy, today: datetime.date) -> WaivedBy | None:
    for waiver in policy.waiver:
        if (
            waiver.check == check.id
            and waiver.subject == finding.subject.name
            and waiver.database in ("", finding.subject.database)
            and waiver.holds_on(today)
        ):
            return WaivedBy(waiver.reason, waiver.owner, waiver.until.isoformat())
    return None
