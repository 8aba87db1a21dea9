"""Findings, outcomes, and the report that holds them."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Literal

SubjectKind = Literal[
    "cluster",
    "database",
    "schema",
    "relation",
    "column",
    "function",
    "role",
    "membership",
    "hba-rule",
    "ident-rule",
    "setting",
    "session",
    "extension",
    "policy-entry",
    "publication",
    "certificate",
    "file",
]


class Severity(enum.IntEnum):
    """How bad a finding is; comparable, the worst is the greatest."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The word used in reports and on the command line."""
        return self.name.lower()


class Safety(enum.Enum):
    """Whether a change may be applied without a person's judgement; REVIEW unless proved."""

    SAFE = "safe"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Change:
    """One intent as a value.

    `sql` and `undo` are one statement each (an empty undo: it cannot be undone); `lock` names the
    strongest lock it takes and on what; `database` is where it has to run, None for anywhere.
    A change that no SQL can make (a line of pg_hba.conf) is a comment starting with `--`.
    `planned` and `done` are SQL expressions over the catalog: true while the state is as it was when the
    change was planned, and true once the change holds; empty where SQL cannot tell. `first` marks a
    comment that has to be done before what comes after it in the same fix; `why`, which a plan fills in,
    is one line about what the change answers.
    """

    sql: str
    undo: str
    lock: str
    transactional: bool = True
    safety: Safety = Safety.REVIEW
    database: str | None = None
    planned: str = ""
    done: str = ""
    first: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a finding is about: never an oid. `name` is the qualified SQL name, quoted where SQL needs it."""

    kind: SubjectKind
    name: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact that somebody has to act on.

    `evidence` is one line with what was seen; `severity` only where it differs from the check's;
    `advice` one line with what to do, where the check's own "How to fix" is not enough.
    """

    subject: Subject
    evidence: str
    severity: Severity | None = None
    advice: str = ""
    fix: tuple[Change, ...] = ()

    def fingerprint(self, check: str) -> str:
        """A stable name of this finding across runs: a digest of check id and subject."""
        parts = (check, self.subject.kind, self.subject.database or "", self.subject.name)
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]


class NotApplicable(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a check that has nothing to judge here; the reason says what would make it apply."""


class Verdict(enum.Enum):
    """What a check came to. A check can fail and be incomplete: then it is fail, with a reason."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - an answer
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class WaivedBy:
    """The waiver that covers a finding; `until` as an ISO date."""

    reason: str
    owner: str
    until: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding as it stands in a report."""

    finding: Finding
    fingerprint: str
    severity: Severity
    advice: str
    waived: WaivedBy | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check came to: `reason` says why it is unknown, incomplete or not applicable."""

    check: str
    severity: Severity
    references: tuple[str, ...]
    verdict: Verdict
    findings: tuple[Judged, ...] = ()
    reason: str = ""

    @property
    def incomplete(self) -> bool:
        """Whether something that the check needed could not be read."""
        return self.verdict is Verdict.UNKNOWN or (self.verdict is Verdict.FAIL and bool(self.reason))


@dataclass(frozen=True, slots=True)
class Unread:
    """A section that could not be read; `database` None for the cluster's own."""

    section: str
    reason: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """When, what server, under which policy, how much was seen, and what came of it.

    The register's file and digest are empty where it stands in the policy.
    """

    target: str
    server_version: str
    databases: tuple[str, ...]
    inspected_at: str
    inspected_as: str
    unread: tuple[Unread, ...]
    policy_file: str
    policy_sha256: str
    outcomes: tuple[Outcome, ...]
    register_file: str = ""
    register_sha256: str = ""

    def count(self, severity: Severity) -> int:
        """How many findings of that severity are open (waived ones do not count)."""
        return sum(
            1
            for outcome in self.outcomes
            for judged in outcome.findings
            if judged.severity is severity and judged.waived is None
        )

    def exit_code(self, fail_on: Severity, *, allow_unknown: bool = False) -> int:
        """0 when nothing open is as bad as `fail_on` and all was evaluated, 1 for findings, 3 for unknown."""
        if any(self.count(severity) for severity in Severity if severity >= fail_on):
            return 1
        return 3 if self.unknown and not allow_unknown else 0

    @property
    def waived(self) -> int:
        """How many findings a waiver of the policy covers."""
        return sum(1 for outcome in self.outcomes for judged in outcome.findings if judged.waived)

    @property
    def unknown(self) -> int:
        """How many checks could not be evaluated, in whole or in part."""
        return sum(1 for outcome in self.outcomes if outcome.incomplete)
