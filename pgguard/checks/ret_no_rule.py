"""A sensitive table has no rule that says how long its rows are kept.

Why it matters: without a rule nothing is ever erased, and data of patients who left twenty years ago wait
for the next leak; the law wants a limit for each purpose.

How to fix: add to the policy [[retention]] table, months, age_column and the basis of the rule; or a waiver
with the reason why its rows are kept for good.

Silent when: a rule names the table, or a table that it is a partition or a child of; declared staging;
views; tables whose only personal data are who of the staff wrote a row, or from where; waived.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.grouping import gathered, place, together
from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.waivers import waived
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 5(1)(e)",
    "GDPR 30(1)(f)",
)
_ID = "ret-no-rule"


class _Kept(NamedTuple):
    """A table whose rows nothing limits, and what is wrong with the rule that it has, if it has one."""

    relation: Relation
    wrong: str


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.retention:
        msg = (
            "the policy declares no retention rule "
            '([[retention]] table = "lab.result", months = 240, age_column = "received_at")'
        )
        raise NotApplicable(msg)
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    for database in snapshot.inspected:
        names = waived(snapshot, database, policy, _ID)
        kept = list(_kept(database, policy, today))
        apart = [[one] for one in kept if relation_name(one.relation) in names]
        rest = [one for one in kept if relation_name(one.relation) not in names]
        groups = gathered(together(rest, lambda one: (one.relation.schema, one.wrong)), lambda one: one.wrong)
        for group in (*apart, *groups):
            first = group[0]
            if len(group) == 1:
                yield Finding(
                    relation_subject(database, first.relation),
                    first.wrong or "no retention rule says how long its rows are kept",
                )
                continue
            tables = shorten([relation_name(one.relation) for one in group], 3)
            yield Finding(
                place(database, (one.relation.schema for one in group)),
                f"no retention rule limits how long {len(group)} sensitive tables are kept: {tables}"
                + (f" ({first.wrong})" if first.wrong else ""),
            )


def _kept(database: DatabaseSnapshot, policy: Policy, today: datetime.date) -> Iterator[_Kept]:
    rules = {one.table: one.age_column for one in policy.retention if one.database in ("", database.name)}
    staging = {
        one.table for one in policy.staging if one.database in ("", database.name) and one.until >= today
    }
    for columns in sensitive_tables(database, policy).values():
        relation = columns[0].relation
        if relation.kind not in "rp" or relation.is_partition or {one.category for one in columns} <= TRACES:
            continue
        if not staging.isdisjoint(_names(relation)):
            continue
        rule = _rule(database, rules, relation)
        if rule is None:
            yield _Kept(relation, "")
        elif catalog.column_named(database, relation.oid, rule) is None:
            yield _Kept(
                relation, f"its retention rule judges the age by {ident(rule)}, a column that is not there"
            )


def _rule(database: DatabaseSnapshot, rules: Mapping[str, str], relation: Relation) -> str | None:
    """The age column of the rule for a table or for one that it inherits from."""
    known = catalog.relations(database)
    while True:
        for name in _names(relation):
            if name in rules:
                return rules[name]
        if relation.parent not in known:
            return None
        relation = known[relation.parent]


def _names(relation: Relation) -> tuple[str, str]:
    """How the policy may write a table's name: as SQL does, or without quotes."""
    return relation_name(relation), f"{relation.schema}.{relation.name}"
