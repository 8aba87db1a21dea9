"""The report as JSON; its shape is published in data/report.schema.json."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pgguard.model.finding import Severity
from pgguard.report.text import statement

if TYPE_CHECKING:
    from pgguard.model.finding import Judged, Outcome, Report


def render(report: Report) -> str:
    """The report as indented JSON in UTF-8, keys in the order of the schema."""
    return json.dumps(document(report), indent=1, ensure_ascii=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as the values that JSON has."""
    return {
        "tool": {"name": "pgguard", "version": version("pgguard")},
        "target": {
            "name": report.target,
            "server_version": report.server_version,
            "databases": list(report.databases),
            "inspected_at": report.inspected_at,
            "inspected_as": report.inspected_as,
            "unread": [
                {"section": one.section, "database": one.database, "reason": one.reason}
                for one in report.unread
            ],
        },
        "policy": _policy(report),
        "summary": {
            **{severity.label: report.count(severity) for severity in sorted(Severity, reverse=True)},
            "unknown": report.unknown,
            "waived": report.waived,
        },
        "outcomes": [_outcome(one) for one in report.outcomes],
    }


def _policy(report: Report) -> dict[str, Any]:
    policy: dict[str, Any] = {"file": report.policy_file or None, "sha256": report.policy_sha256 or None}
    if report.register_file:
        policy["register"] = {"file": report.register_file, "sha256": report.register_sha256}
    return policy


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "check": outcome.check,
        "verdict": outcome.verdict.value,
        "reason": outcome.reason or None,
        "severity": outcome.severity.label,
        "references": list(outcome.references),
        "findings": [_finding(one) for one in outcome.findings],
    }


def _finding(judged: Judged) -> dict[str, Any]:
    finding, waiver = judged.finding, judged.waived
    return {
        "fingerprint": judged.fingerprint,
        "severity": judged.severity.label,
        "subject": {
            "kind": finding.subject.kind,
            "database": finding.subject.database,
            "name": finding.subject.name,
        },
        "evidence": finding.evidence,
        "advice": judged.advice,
        "fix": [statement(change, finding) for change in finding.fix],
        "waived": None
        if waiver is None
        else {"reason": waiver.reason, "owner": waiver.owner, "until": waiver.until},
    }
