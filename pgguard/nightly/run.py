"""One run of every night: look, compare with what is remembered, remember, tell.

Whatever becomes of the history, what was seen is told, and the exit code is not 0. Nothing is written to
the server that is looked at.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from pgguard.errors import ConnectError, HistoryError, PgguardError
from pgguard.model.finding import Severity
from pgguard.model.history import Memory, Run, RunResult, instant
from pgguard.nightly.compare import compare
from pgguard.nightly.lock import only_run
from pgguard.nightly.notify import notify, pending
from pgguard.store.history import open_history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pgguard.model.finding import Report
    from pgguard.model.history import Comparison
    from pgguard.model.policy import Policy
    from pgguard.nightly.notify import Pending
    from pgguard.store.history import History


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is made.

    `target` is the name that the server is remembered by, `store` where; `locks` the folder in which runs
    on this machine find each other, `wait_seconds` how long one waits for the other. `environment` is where
    alert channels find their addresses.
    """

    target: str
    store: str
    policy: Policy
    locks: Path
    fail_on: Severity = Severity.HIGH
    allow_unknown: bool = False
    baseline: bool = False
    wait_seconds: float = 60.0
    environment: Mapping[str, str] = field(default_factory=dict)


def run(look: Callable[[], Report], settings: Settings, now: datetime.datetime) -> RunResult:
    """Look at the server, and what that changes against the last run; `now` is when this run begins.

    Raises what `look` raises, except `ConnectError`: that is a result too, which is remembered. Raises
    `HistoryError` when another run of the same target is still at work.
    """
    with ExitStack() as stack:
        result, history = _run(look, settings, now, stack)
        return notify(result, history, settings.policy, now, settings.environment)


def run_untold(
    look: Callable[[], Report], settings: Settings, now: datetime.datetime
) -> tuple[RunResult, Pending]:
    """The same, but nobody is told: what there is to tell comes back, for whoever tells of many at once."""
    with ExitStack() as stack:
        result, history = _run(look, settings, now, stack)
        return result, pending(result, history, settings.policy, now)


def _run(
    look: Callable[[], Report], settings: Settings, now: datetime.datetime, stack: ExitStack
) -> tuple[RunResult, History | None]:
    begun = time.monotonic()
    stack.enter_context(only_run(settings.locks, settings.target, settings.wait_seconds))
    report, failure = _looked(look)
    history, problem = _opened(settings.store, stack)
    made = _Made(settings, now, begun, report, failure)
    return made.result(history, problem), history


def _looked(look: Callable[[], Report]) -> tuple[Report | None, str]:
    try:
        return look(), ""
    except ConnectError as error:
        return None, str(error)


def _opened(store: str, stack: ExitStack) -> tuple[History | None, PgguardError | None]:
    try:
        return stack.enter_context(open_history(store)), None
    except PgguardError as error:
        return None, error


@dataclass(frozen=True)
class _Made:
    settings: Settings
    now: datetime.datetime
    begun: float
    report: Report | None
    failure: str

    def result(self, history: History | None, problem: PgguardError | None) -> RunResult:
        memory, comparison, number = Memory(), None, 0
        if history is not None:
            try:
                memory, comparison = self.compared(history)
                with history.writing():
                    if history.last_run(self.settings.target) != (memory.last.id if memory.last else 0):
                        memory, comparison = self.compared(history)
                    record = self.record(comparison, None)
                    number = history.record(record, comparison, self.settings.policy.history.keep_days)
            except PgguardError as error:
                number, problem = 0, error
        done = dataclasses.replace(self.record(comparison, problem), id=number)
        changed = [
            one
            for one in (comparison.checks if comparison else ())
            if one.incomplete != (one.check in memory.checks and memory.checks[one.check].incomplete)
        ]
        return RunResult(
            run=done,
            report=self.report,
            comparison=comparison,
            previous=memory.last,
            baseline=self.settings.baseline,
            failure=self.failure,
            problem=str(problem or ""),
            now_evaluated=tuple(one for one in changed if not one.incomplete),
            not_evaluated=tuple(one for one in changed if one.incomplete),
        )

    def compared(self, history: History) -> tuple[Memory, Comparison | None]:
        report, settings = self.report, self.settings
        if report is None:
            return history.memory(settings.target, ()), None
        prints = [judged.fingerprint for outcome in report.outcomes for judged in outcome.findings]
        memory = history.memory(settings.target, prints)
        self.refuse_later(report, memory)
        return memory, compare(memory, report, settings.policy, instant(self.now), baseline=settings.baseline)

    def refuse_later(self, report: Report, memory: Memory) -> None:
        """Raises `HistoryError` when a run that ended while this one was at work looked later."""
        last = memory.last
        if last is not None and last.finished >= instant(self.now) and last.looked_at > _looked_at(report):
            msg = (
                f"another check of {self.settings.target} has looked later and is remembered already: "
                "this one is told and not kept"
            )
            raise HistoryError(msg)

    def record(self, comparison: Comparison | None, problem: PgguardError | None) -> Run:
        report, settings = self.report, self.settings
        elapsed = datetime.timedelta(seconds=time.monotonic() - self.begun)
        run = Run(
            target=settings.target,
            started=instant(self.now),
            finished=instant(self.now + elapsed),
            exit_code=self.exit_code(comparison, problem),
            version=version("pgguard"),
            failure=self.failure,
        )
        if report is None:
            return run
        run = dataclasses.replace(
            run,
            looked_at=_looked_at(report),
            server_version=report.server_version,
            policy_sha256=report.policy_sha256,
            register_sha256=report.register_sha256,
            waived=report.waived,
            not_evaluated=report.unknown,
            unread=", ".join(".".join(filter(None, (one.database, one.section))) for one in report.unread),
        )
        if comparison is None:
            return run
        counts = {severity: comparison.open(severity) for severity in Severity}
        return dataclasses.replace(run, counts=counts, not_looked_at=len(comparison.not_looked_at))

    def exit_code(self, comparison: Comparison | None, problem: PgguardError | None) -> int:
        settings = self.settings
        if self.report is None:
            return ConnectError.exit_code
        code = self.report.exit_code(settings.fail_on, allow_unknown=settings.allow_unknown)
        still = comparison.not_looked_at if comparison else ()
        if any(one.severity >= settings.fail_on for one in still):
            # nobody has seen that they are gone
            code = 1
        return code or (problem.exit_code if problem else 0)


def _looked_at(report: Report) -> str:
    return instant(datetime.datetime.fromisoformat(report.inspected_at))
