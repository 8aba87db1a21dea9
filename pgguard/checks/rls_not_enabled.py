"""A table has row security policies, but its row security is off.

Why it matters: the policies look like protection and filter nothing: everybody with a grant on the
table sees every patient's row.

How to fix: ALTER TABLE name ENABLE ROW LEVEL SECURITY, after a look at whether the policies let in
everybody who has to work; or DROP POLICY what is not meant.

Silent when: row security is enabled wherever there is a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.changes.tables import enable_row_security
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.9 Row Security Policies",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        policies: dict[int, list[str]] = {}
        for row in database.row_policies:
            policies.setdefault(row.relation, []).append(ident(row.name))
        for relation in database.relations:
            if relation.oid in policies and not relation.row_security and not relation.extension:
                names = policies[relation.oid]
                count = "policy" if len(names) == 1 else f"{len(names)} policies"
                yield Finding(
                    relation_subject(database, relation),
                    f"{count} {shorten(names, 3)} without effect: row security is off",
                    fix=(enable_row_security(relation_name(relation), database=database.name),),
                )
