"""A sensitive table that several controllers share has no row security.

Why it matters: the column says whose patients they are, but only the application looks at it: one
forgotten WHERE, one ad hoc query, and one hospital reads another's records.

How to fix: a policy on the tenant column (CREATE POLICY ... USING (column = ...)), then ALTER TABLE
name ENABLE and FORCE ROW LEVEL SECURITY.

Silent when: row security is enabled, or the table has none of the policy's tenant columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.grouping import together
from pgguard.analysis.names import relation_name, relation_subject, schema_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 25",
    "GDPR 29",
    "PostgreSQL manual, 5.9 Row Security Policies",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.tenancy.columns:
        msg = 'the policy declares no tenant column ([tenancy] columns = ["laboratory_id"])'
        raise NotApplicable(msg)
    wanted = set(policy.tenancy.columns)
    for database in snapshot.inspected:
        tables = sensitive_tables(database, policy)
        relations = {oid: columns[0].relation for oid, columns in tables.items()}
        tenants: dict[int, str] = {}
        for column in database.columns:
            relation = relations.get(column.relation)
            if relation is None or relation.kind not in "rp" or relation.row_security:
                continue
            # a partition is read through its parent, whose policies count
            if relation.is_partition:
                continue
            full = qualified(relation.schema, relation.name, column.name)
            if not wanted.isdisjoint({column.name, ident(column.name), full}):
                tenants.setdefault(column.relation, column.name)
        bare = [(relations[oid], name) for oid, name in tenants.items()]
        for group in together(bare, lambda one: (one[0].schema, one[1])):
            relation, tenant = group[0]
            if len(group) == 1:
                yield Finding(
                    relation_subject(database, relation),
                    f"{ident(tenant)} tells whose row it is, and no row security keeps them apart",
                )
                continue
            names = [relation_name(one) for one, _ in group]
            yield Finding(
                schema_subject(database, relation.schema),
                f"{len(names)} sensitive tables with {ident(tenant)} lack row security: {shorten(names, 3)}",
            )
