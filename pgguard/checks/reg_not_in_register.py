"""A database with sensitive tables is in no processing activity of the register.

Why it matters: what is in no register has no purpose, no legal basis, no deadline and no owner; it is the
first thing that a supervisory authority asks for, and what gets forgotten when access rights are reviewed.

How to fix: add to the policy [[activity]] name, purpose and the databases that it works on, as the
register of processing (GDPR art. 30) has it.

Silent when: an activity names the database; no column of it is sensitive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import database_subject, relation_name, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 30",
    "GDPR 5(2)",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.activity:
        msg = (
            "the policy declares no processing activity "
            '([[activity]] name = "laboratory results", purpose = "care", databases = ["lab"])'
        )
        raise NotApplicable(msg)
    registered = {name for one in policy.activity for name in one.databases}
    for database in snapshot.inspected:
        tables = () if database.name in registered else tuple(sensitive_tables(database, policy).values())
        relations = [columns[0].relation for columns in tables]
        named = [relation_name(one) for one in relations if not one.is_partition]
        if named:
            yield Finding(
                database_subject(database.name),
                f"no activity of the register works on it, and {len(named)} of its tables "
                f"{'is' if len(named) == 1 else 'are'} sensitive: {shorten(named, 3)}",
            )
