"""A privilege on a sensitive table was not used in all the time that statements were learnt from.

Why it matters: what nobody uses for work is of use only to whoever takes the login over.

How to fix: ask who may need it once a month or once a year; then REVOKE it. `pgguard learn --plan` writes
the migrations, and narrows what is used of a table to its columns.

Silent when: somebody who has the privilege by this grant used it; statements could not be followed
or not every statement is logged, so that it may have been used; owners, administrators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import relation_name, role_subject, shorten
from pgguard.analysis.observed import observed
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.usage.evidence import Evidence
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import grantee
from pgguard.model.usage import MEANS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.usage.evidence import Unused
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = ("NIST AC-6(7)",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = observed(snapshot)
    if not any(one.means == MEANS for one in seen.coverage):
        msg = "no statements were learnt from: `pgguard learn` does so, from logs or pg_stat_statements"
        raise NotApplicable(msg)
    evidence = Evidence(snapshot, seen, policy)
    sensitive = frozenset(
        (database.name, oid) for database in snapshot.inspected for oid in sensitive_tables(database, policy)
    )
    by_grantee: dict[str, list[Unused]] = {}
    blocked: dict[str, None] = {}
    for one in evidence.unused(sensitive):
        if one.blocked:
            blocked.setdefault(one.blocked)
        else:
            by_grantee.setdefault(one.grantee, []).append(one)
    for name, some in sorted(by_grantee.items()):
        told = [f"{', '.join(one.privileges)} on {_on(one)}" for one in some]
        yield Finding(
            role_subject(name),
            f"{grantee(name)} holds what was not used on {evidence.window.days} days: {shorten(told)}",
            fix=tuple(
                change
                for one in some
                for change in one.granted.take_back(name, one.privileges, database=one.database.name)
            ),
        )
    if blocked:
        section = "statements"
        raise Unread(section, next(iter(blocked)))


def _on(one: Unused) -> str:
    assert one.relation is not None  # noqa: S101 - sensitive tables were asked for
    return one.granted.told if one.granted.column else relation_name(one.relation)
