"""What is remembered from night to night: runs, findings as they stand, and what happened to them.

Times are text, ISO 8601 in UTC with microseconds, so that they sort as text (`instant`).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pgguard.model.finding import Report, Severity, Verdict

# open and waived ones are there; not-judged: nothing judges them any more, so that nobody knows
State = Literal["open", "waived", "fixed", "not-judged"]
EventKind = Literal[
    "baseline",
    "new",
    "returned",
    "renamed",
    "waived",
    "waiver-expired",
    "waiver-removed",
    "severity-changed",
    "acknowledged",
    "fixed",
    "not-judged",
]
PRESENT: frozenset[State] = frozenset({"open", "waived"})


def instant(moment: datetime.datetime) -> str:
    """A moment with a time zone as this history writes it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_between(since: str, until: str) -> int:
    """Whole seconds from one moment to another, both as `instant` writes them."""
    span = datetime.datetime.fromisoformat(until) - datetime.datetime.fromisoformat(since)
    return int(span.total_seconds())


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as the history has it; `id` 0 before it is kept, `database` empty for the cluster's own.

    `open_since` is when it was found, or came back; `not_looked_since` the first run in a row that could
    not evaluate its check, empty where the last one could; `ended_at` when it was no longer there.
    """

    id: int
    fingerprint: str
    check: str
    kind: str
    database: str
    name: str
    severity: Severity
    state: State
    evidence: str
    found_at: str
    open_since: str
    not_looked_since: str = ""
    ended_at: str = ""
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a finding in a run; `open_seconds` for what was fixed: how long it was there."""

    kind: EventKind
    finding: Known
    detail: str = ""
    open_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class CheckState:
    """What a check came to."""

    check: str
    verdict: Verdict
    incomplete: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run; `counts` are findings open after it, by severity, None where nothing could be looked at.

    `looked_at` is by the server's clock, the other times by ours. `register_sha256` is empty where the
    register stands in the policy, and for runs before it was kept. `not_looked_at` are findings that stay as
    they were, because their check could not be evaluated.
    """

    id: int = 0
    target: str
    started: str
    finished: str
    looked_at: str = ""
    exit_code: int
    version: str
    server_version: str = ""
    policy_sha256: str = ""
    register_sha256: str = ""
    counts: dict[Severity, int] | None = None
    waived: int = 0
    not_looked_at: int = 0
    not_evaluated: int = 0
    unread: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the history says of a target before a run: of findings those that are there or found again."""

    last: Run | None = None
    findings: dict[str, Known] = field(default_factory=dict)
    checks: dict[str, CheckState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run changed: `events` to be told, `findings` and `checks` as they now stand where they changed.

    `present` are all findings that are there after the run, those not looked at among them.
    """

    events: tuple[Event, ...]
    findings: tuple[Known, ...]
    checks: tuple[CheckState, ...]
    present: tuple[Known, ...]

    def open(self, severity: Severity) -> int:
        """How many findings of that severity are open, looked at or not."""
        return sum(1 for one in self.present if one.state == "open" and one.severity is severity)

    @property
    def not_looked_at(self) -> tuple[Known, ...]:
        """The open findings that stay as they were, because their check could not be evaluated."""
        return tuple(one for one in self.present if one.not_looked_since and one.state == "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to.

    Without a `report` nothing could be looked at, and `failure` says why. Without a `comparison` the
    history could not be read; `problem` says why it could not be read or written, empty when all is kept.
    `previous` is the last run that is remembered; `now_evaluated` and `not_evaluated` the checks that could
    not be evaluated before, or cannot be since this run.
    """

    run: Run
    report: Report | None = None
    comparison: Comparison | None = None
    previous: Run | None = None
    baseline: bool = False
    failure: str = ""
    problem: str = ""
    now_evaluated: tuple[CheckState, ...] = ()
    not_evaluated: tuple[CheckState, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to tell: all as before, looked at and kept."""
        told = self.comparison.events if self.comparison else (self,)
        return not (told or self.now_evaluated or self.not_evaluated or self.failure or self.problem)


@dataclass(frozen=True, slots=True)
class TrendMonth:
    """A month (2026-11): runs that could look, what was open after the last of them, events by their kind."""

    month: str
    looks: int
    counts: dict[Severity, int] | None
    waived: int
    events: dict[str, int]


@dataclass(frozen=True, slots=True)
class TrendFix:
    """How long findings of a severity were open until they were fixed, in seconds."""

    severity: Severity
    fixed: int
    median: int
    longest: int


@dataclass(frozen=True, slots=True)
class TrendRegister:
    """A run before which the register of processing was changed; `before` is empty where none was kept."""

    at: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What the history tells of a target; `longest_pause` between two looks in seconds, and its beginning."""

    target: str
    runs: int
    failed: int
    first: Run | None
    last: Run | None
    longest_pause: tuple[int, str]
    months: tuple[TrendMonth, ...]
    fixes: tuple[TrendFix, ...]
    open: tuple[Known, ...]
    waived: tuple[Known, ...]
    registers: tuple[TrendRegister, ...] = ()
