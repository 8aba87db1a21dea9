"""Row security: whether it limits the rows of a table for a role.

PostgreSQL manual, 5.9 Row Security Policies: superusers, roles with BYPASSRLS and, unless it is
forced, whoever has the owner's privileges see every row; for the others the permissive policies that
name them (or PUBLIC) are joined by OR, the restrictive ones by AND; without a permissive one there
are no rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.expression import Truth, truth
from pgguard.analysis.membership import heirs
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from pgguard.model.rows import Relation, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# TRUNCATE and REFERENCES are not subject to row security
_COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


def bypasses(snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, role: str) -> bool:
    """Whether the role sees a row-secured table as if it were not: by attribute, or as its owner."""
    row = snapshot.role(role)
    if row is None or row.superuser or row.bypassrls:
        return True
    return not relation.force_row_security and role in heirs(snapshot, relation.owner, database.name)


def limits(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    relation: Relation,
    role: str,
    command: str = "SELECT",
    *,
    for_everybody: bool = True,
) -> bool:
    """Whether row security keeps some rows of the table from what `role` does with `command`.

    A policy that is constantly true limits nothing; without `for_everybody` those for PUBLIC are left
    out, so that only one that was meant for the role counts. Raises `Unread` when policies could not
    be read.
    """
    if not relation.row_security or command not in _COMMANDS or bypasses(snapshot, database, relation, role):
        return False
    applying = [
        policy
        for policy in _policies(database).get(relation.oid, ())
        if policy.command in ("ALL", command)
        and any(
            for_everybody if one == PUBLIC else role in heirs(snapshot, one, database.name)
            for one in policy.roles
        )
    ]
    kept = [policy for policy in applying if not _always_true(database, policy, command)]
    return all(policy in kept for policy in applying if policy.permissive) or any(
        not policy.permissive for policy in kept
    )


def _policies(database: DatabaseSnapshot) -> dict[int, list[RowPolicy]]:
    known: dict[int, list[RowPolicy]] | None = database._memo.get("policies by relation")
    if known is None:
        known = {}
        for policy in database.row_policies:
            known.setdefault(policy.relation, []).append(policy)
        database._memo["policies by relation"] = known
    return known


def _always_true(database: DatabaseSnapshot, policy: RowPolicy, command: str) -> bool:
    texts: dict[tuple[str, int], str] | None = database._memo.get("policy texts")
    if texts is None:
        texts = {
            (one.kind, one.oid): one.text
            for one in database.definitions
            if one.kind in ("policy-using", "policy-check")
        }
        database._memo["policy texts"] = texts
    using = texts.get(("policy-using", policy.oid))
    check = texts.get(("policy-check", policy.oid), using)
    deciding = {"INSERT": (check,), "UPDATE": (using, check)}.get(command, (using,))
    return all(text is not None and truth(text) is Truth.ALWAYS for text in deciding)
