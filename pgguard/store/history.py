"""The history of nightly runs: in a SQLite file or in a PostgreSQL, by the same SQL (sql/history).

Nothing is made or changed before something is written, and what a run writes is one transaction. A history of
an older form is read as it is, and brought to today's by the first that writes.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pgguard.model.finding import Severity, Verdict
from pgguard.model.history import CheckState, Known, Memory, Run, instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from pgguard.model.history import Comparison

# so many are asked for one by one; of more, all are read
_FEW = 500
_SCHEMES = ("postgresql://", "postgres://")


class Rows(Protocol):
    """The tables of a history, whatever keeps them; SQL by the name of its file in sql/history.

    Every method raises `HistoryError` when the store cannot be reached, read or written, and `InputError`
    when it is corrupt.
    """

    def query(self, name: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; none where nothing was ever kept."""

    def write(self, name: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Run a statement once for each tuple of values, inside `writing`."""

    def writing(self) -> AbstractContextManager[None]:
        """One transaction, alone; the tables are made where there are none yet."""

    def close(self) -> None:
        """Let go of the store."""


def open_history(where: str) -> History:
    """The history in a file or at a postgresql:// address.

    Raises `InputError` for one that is corrupt, foreign or newer than we are, which is not touched;
    `HistoryError` for one that cannot be reached or opened; `UsageError` for an address with a password.
    """
    if where.startswith(_SCHEMES):
        from pgguard.server.history import PostgresRows

        return History(PostgresRows(where))
    from pgguard.store.history_file import SqliteRows

    return History(SqliteRows(Path(where)))


def default_place(environment: Mapping[str, str]) -> str:
    """The file of the user's state folder (XDG Base Directory Specification)."""
    return str(state_folder(environment) / "history.sqlite")


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where this user's pgguard keeps what it remembers (XDG Base Directory Specification)."""
    home = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME", os.sep)) / ".local/state")
    return Path(home) / "pgguard"


class History:
    """What is remembered of all targets; a context manager that closes it.

    Every method raises `HistoryError` or `InputError` as `Rows` does.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()

    def memory(self, target: str, fingerprints: Collection[str]) -> Memory:
        """What a run has to be compared with: the last run, what is there, and what of this was there."""
        last = self._rows.query("last_run", target)
        findings = {one.fingerprint: one for one in self.findings(target)}
        unknown = {print_ for print_ in fingerprints if print_ not in findings}
        findings |= {one.fingerprint: one for one in self._gone(target, unknown)}
        return Memory(_run(target, last[0]) if last else None, findings, self.check_states(target))

    def _gone(self, target: str, fingerprints: Collection[str]) -> list[Known]:
        if len(fingerprints) > _FEW:
            return [one for one in self.findings(target, gone=True) if one.fingerprint in fingerprints]
        return [
            _known(row) for print_ in fingerprints for row in self._rows.query("gone_one", target, print_)
        ]

    def writing(self) -> AbstractContextManager[None]:
        """One transaction, in which nobody else writes."""
        return self._rows.writing()

    def last_run(self, target: str) -> int:
        """The number of the last run of a target; 0 before the first."""
        found = self._rows.query("last_run", target)
        return int(found[0][0]) if found else 0

    def record(self, run: Run, comparison: Comparison | None, keep_days: int = 0) -> int:
        """Keep a run and what it changed, inside `writing`; the run's number.

        Runs that began `keep_days` before this one are forgotten, with what was gone by then; 0 keeps all.
        """
        runs, findings = self._rows.query("last_ids")[0]
        number = int(runs) + 1
        counts = [None if run.counts is None else run.counts[one] for one in reversed(Severity)]
        row = (
            number, run.target, run.started, run.finished, run.looked_at or None, run.exit_code, run.version,
            run.server_version, run.policy_sha256, *counts, run.waived, run.not_looked_at, run.not_evaluated,
            run.unread, run.failure, run.register_sha256,
        )  # fmt: skip
        self._rows.write("add_run", [row])
        if comparison is not None:
            self._record(number, findings, run, comparison)
        if keep_days > 0:
            start = datetime.datetime.fromisoformat(run.started) - datetime.timedelta(days=keep_days)
            self.forget(run.target, start)
        return number

    def forget(self, target: str, before: datetime.datetime) -> None:
        """Forget the runs of a target that began before, and what was gone by then, inside `writing`."""
        for what in ("events", "runs", "findings", "check_states"):
            self._rows.write(f"forget_{what}", [(target, instant(before))])

    def _record(self, number: int, last_id: int, run: Run, comparison: Comparison) -> None:
        ids: dict[str, int] = {}
        rows = []
        for one in comparison.findings:
            if not one.id:
                last_id += 1
            ids[one.fingerprint] = one.id or last_id
            rows.append((
                one.id or last_id, run.target, one.fingerprint, one.check, one.kind, one.database, one.name,
                int(one.severity), one.state, one.evidence, one.found_at, one.open_since,
                one.not_looked_since or None, one.ended_at or None, one.returned,
            ))  # fmt: skip
        self._rows.write("put_finding", rows)
        self._rows.write(
            "add_event",
            (
                (
                    number, one.finding.id or ids[one.finding.fingerprint], one.kind,
                    int(one.finding.severity), one.detail, one.open_seconds,
                )
                for one in comparison.events
            ),
        )  # fmt: skip
        self._rows.write(
            "add_check_state",
            (
                (run.target, one.check, run.started, one.verdict.value, int(one.incomplete), one.reason)
                for one in comparison.checks
            ),
        )

    def acknowledged(self, target: str, finding: Known, detail: str) -> None:
        """Keep that somebody took a finding up, inside `writing`."""
        row = (self.last_run(target), finding.id, "acknowledged", int(finding.severity), detail, None)
        self._rows.write("add_event", [row])

    def note(self, key: str) -> str:
        """What was noted under a key, empty where nothing was."""
        found = self._rows.query("note", key)
        return str(found[0][0]) if found else ""

    def put_note(self, key: str, value: str) -> None:
        """Note something in place of what was noted under the key, inside `writing`."""
        self._rows.write("put_note", [(key, value)])

    def targets(self) -> list[str]:
        """The targets that runs are remembered of, in alphabetical order."""
        return [str(name) for (name,) in self._rows.query("targets")]

    def runs(self, target: str) -> list[Run]:
        """The runs of a target, in order."""
        return [_run(target, row) for row in self._rows.query("runs", target)]

    def findings(self, target: str, *, gone: bool = False) -> list[Known]:
        """The findings of a target that are there, or those that are gone."""
        return [_known(row) for row in self._rows.query("gone" if gone else "present", target)]

    def beginning(self, target: str, fingerprint: str) -> list[Known]:
        """The findings of a target whose fingerprint begins like this."""
        return [_known(row) for row in self._rows.query("beginning", target, fingerprint)]

    def check_states(self, target: str) -> dict[str, CheckState]:
        """What each check came to in the last run that evaluated it."""
        return {
            row[0]: CheckState(row[0], Verdict(row[1]), bool(row[2]), row[3])
            for row in self._rows.query("check_states", target)
        }

    def event_counts(self, target: str) -> list[tuple[int, str, int]]:
        """How many events of each kind each run of a target had, as (run, kind, number)."""
        return [(run, kind, number) for run, kind, number in self._rows.query("event_counts", target)]

    def fix_times(self, target: str) -> list[tuple[Severity, int]]:
        """The severity of each finding that was fixed and the seconds that it was open, by both in order."""
        return [(Severity(number), seconds) for number, seconds in self._rows.query("fix_times", target)]

    def events_of(self, finding: Known) -> list[tuple[str, str, Severity, str, int | None]]:
        """What happened to a finding, as (when, kind, severity, detail, seconds open where it was fixed)."""
        return [
            (at, kind, Severity(severity), detail, seconds)
            for at, kind, severity, detail, seconds in self._rows.query("events_of", finding.id)
        ]


def _run(target: str, row: tuple[Any, ...]) -> Run:
    number, started, finished, looked_at, exit_code, version, server_version, sha256, *rest = row
    counts, (waived, not_looked_at, not_evaluated, unread, failure, register) = rest[:4], rest[4:]
    return Run(
        id=number,
        target=target,
        started=started,
        finished=finished,
        looked_at=looked_at or "",
        exit_code=exit_code,
        version=version,
        server_version=server_version,
        policy_sha256=sha256,
        register_sha256=register,
        counts=None if counts[0] is None else dict(zip(reversed(Severity), counts, strict=True)),
        waived=waived or 0,
        not_looked_at=not_looked_at or 0,
        not_evaluated=not_evaluated or 0,
        unread=unread,
        failure=failure,
    )


def _known(row: tuple[Any, ...]) -> Known:
    number, fingerprint, check, kind, database, name, severity, state, evidence, *rest = row
    found_at, open_since, not_looked_since, ended_at, returned = rest
    return Known(
        number,
        fingerprint,
        check,
        kind,
        database,
        name,
        Severity(severity),
        state,
        evidence,
        found_at,
        open_since,
        not_looked_since or "",
        ended_at or "",
        returned,
    )
