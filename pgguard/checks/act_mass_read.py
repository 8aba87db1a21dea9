"""One login read far more of patients' data than it ever does.

Why it matters: a leak is an export: one login that reads whole tables in a night. The medical files of half
a million people were copied like that, and nobody noticed.

How to fix: ask whoever is behind the login what it was for; when there was no instruction, shut the login
(NOLOGIN, end its sessions) and begin the file for the supervisory authority: 72 hours are allowed.

Silent when: no login read more of sensitive tables on the last day than the policy allows (mass_read_rows,
mass_read_statements) and than five times its own most of the days before, nor copied one out that it never
copied. Services count as well. Where rows are not known, statements are counted. Not applicable where
reads are not ingested (`pgguard audit ingest`).
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.names import relation_name, role_subject, shorten
from pgguard.analysis.observed import observed
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.reads import MEANS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.reads import ReadsOfDay
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 33",
    "CNIL SAN-2022-009",
)
_TIMES = 5


class _Day(NamedTuple):
    rows: int = 0
    statements: int = 0
    copied: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = observed(snapshot)
    windows = [one for one in seen.coverage if one.means == MEANS]
    if not windows:
        msg = "no reads are ingested: pgguard audit ingest --log ..."
        raise NotApplicable(msg)
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    since = now - datetime.timedelta(days=1)
    if max(one.until for one in windows) < since.strftime("%Y-%m-%dT%H:%M:%SZ"):
        msg = "observations"
        raise Unread(msg, "the log of the last day was not ingested")
    sensitive = {
        (database.name, relation_name(columns[0].relation))
        for database in snapshot.inspected
        for columns in sensitive_tables(database, policy).values()
    }
    days: dict[str, dict[str, _Day]] = defaultdict(dict)
    for one in seen.reads:
        if (one.database, one.relation) in sensitive:
            days[one.login][one.day] = _with(days[one.login].get(one.day, _Day()), one)
    # days are those of UTC: the last one reaches into two of them
    first = since.strftime("%Y-%m-%d")
    for login in sorted(days):
        if snapshot.role(login) is not None:
            yield from _of_login(login, days[login], first, policy)


def _with(day: _Day, one: ReadsOfDay) -> _Day:
    copied = {one.relation} if one.copies else set()
    return _Day(
        day.rows + one.rows, day.statements + one.statements, day.copied | copied, day.read | {one.relation}
    )


def _of_login(login: str, days: Mapping[str, _Day], first: str, policy: Policy) -> Iterator[Finding]:
    before = [one for day, one in days.items() if day < first]
    for day in sorted(days):
        if day < first:
            continue
        today = days[day]
        rows = max((one.rows for one in before), default=0)
        statements = max((one.statements for one in before), default=0)
        tables = shorten(sorted(today.read), 3)
        if today.rows > max(policy.thresholds.mass_read_rows, _TIMES * rows):
            yield Finding(
                role_subject(login),
                f"read {today.rows} rows of {tables} on {day}; the most before was {rows} on a day",
            )
        elif today.statements > max(policy.thresholds.mass_read_statements, _TIMES * statements):
            yield Finding(
                role_subject(login),
                f"read {tables} by {today.statements} statements on {day}; the most before was {statements}",
            )
        elif new := today.copied - {table for one in before for table in one.copied}:
            yield Finding(
                role_subject(login),
                f"copied {shorten(sorted(new), 3)} out by COPY on {day}, as it never did before",
            )
        else:
            continue
        return
