"""A permissive row security policy lets every row through.

Why it matters: permissive policies are joined by OR: one that is always true opens all patients of all
hospitals to everybody it names, whatever the other policies say.

How to fix: ALTER POLICY name ON table USING (a condition on the row's tenant or patient); or DROP POLICY,
when others let in who has to work; or add a restrictive policy that bounds it.

Silent when: no policy for PUBLIC, a login or a group that logins are in is constantly true, a restrictive
policy bounds it, row security is off (rls-not-enabled) or the logins are declared administrators or service
accounts. Medium where only rows to be written go unchecked (WITH CHECK), low where nobody but those past row
security has the privilege.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.able import able, logins_of
from pgguard.analysis.constants import returned
from pgguard.analysis.expression import Truth, truth
from pgguard.analysis.membership import heirs
from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.analysis.privileges import of_column, of_relation
from pgguard.analysis.row_security import bypasses
from pgguard.changes.policies import drop_policy
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Called
    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "GDPR 25",
    "PostgreSQL manual, CREATE POLICY",
)
# which commands the two conditions of a policy decide (manual, CREATE POLICY, table 289)
_USING = ("SELECT", "UPDATE", "DELETE")
_CHECK = ("INSERT", "UPDATE")


class _Open(NamedTuple):
    """A policy that is always true: the commands whose rows it does not choose, or only (`checks`) does
    not check."""

    row: RowPolicy
    commands: tuple[str, ...]
    checks: bool


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        doubtful: list[str] = []
        by_relation: dict[int, list[RowPolicy]] = {}
        for row in database.row_policies:
            by_relation.setdefault(row.relation, []).append(row)
        for oid, rows in by_relation.items():
            relation = catalog.relations(database).get(oid)
            if relation is None or not relation.row_security or relation.extension:
                continue
            found = list(_always_true(snapshot, database, policy, relation, rows, doubtful))
            if found:
                yield _finding(snapshot, database, relation, found, _fix(database, relation, rows, found))
        if doubtful:
            section = "definitions"
            reason = f"what these policies come to is not known: {shorten(doubtful, 3)}"
            raise Unread(section, reason, database.name)


def _always_true(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    policy: Policy,
    relation: Relation,
    rows: list[RowPolicy],
    doubtful: list[str],
) -> Iterator[_Open]:
    for row in rows:
        counted = _counted(snapshot, policy, row) if row.permissive else frozenset()
        if not counted:
            continue
        for checks, commands in ((False, _USING), (True, _CHECK)):
            open_ = []
            for command in commands if row.command == "ALL" else {row.command} & set(commands):
                found = _truth(database, relation, row, checks=checks)
                restrictive = [
                    other
                    for other in rows
                    if not other.permissive
                    and other.command in ("ALL", command)
                    and _truth(database, relation, other, checks=checks) is not Truth.ALWAYS
                ]
                bounded = all(
                    any(_is_bounded_by(snapshot, database, name, other) for other in restrictive)
                    for name in counted
                )
                if found is Truth.ALWAYS and not bounded:
                    open_.append(command)
                elif found is Truth.UNKNOWN and not bounded:
                    doubtful.append(f"{ident(row.name)} on {relation_name(relation)}")
            if open_:
                yield _Open(row, tuple(open_), checks)
                # a row that may be read and changed may be written
                break


def _counted(snapshot: Snapshot, policy: Policy, row: RowPolicy) -> frozenset[str]:
    """Those whom a policy names that somebody acts as for whose sight of all rows nobody answers: PUBLIC, a
    login that is not declared, a group through which one comes."""
    return frozenset(
        name
        for name in row.roles
        if name == PUBLIC
        or (
            not policy.is_declared(name)
            and any(not policy.is_declared(one) for one in logins_of(snapshot, name))
        )
    )


def _is_bounded_by(snapshot: Snapshot, database: DatabaseSnapshot, name: str, other: RowPolicy) -> bool:
    """Whether a restrictive policy holds whoever acts as one that a permissive policy names."""
    return PUBLIC in other.roles or (
        name != PUBLIC and any(name in heirs(snapshot, one, database.name) for one in other.roles)
    )


def _truth(database: DatabaseSnapshot, relation: Relation, row: RowPolicy, *, checks: bool) -> Truth:
    """What one of the two conditions comes to; without WITH CHECK the other one stands for it."""
    texts = _texts(database)
    using = texts.get(("policy-using", row.oid))
    text = texts.get(("policy-check", row.oid), using) if checks else using
    if text is None:
        return Truth.NEVER
    not_null = frozenset(one.name for one in catalog.columns(database, relation.oid) if one.not_null)
    return truth(text, not_null, lambda call: _function(database, call))


def _function(database: DatabaseSnapshot, call: Called) -> Truth:
    """What a function of the database always gives."""
    found = returned(database, call)
    if found is None:
        return Truth.DEPENDS
    return {"true": Truth.ALWAYS, "false": Truth.NEVER}.get(found.text.lower(), Truth.UNKNOWN)


def _texts(database: DatabaseSnapshot) -> dict[tuple[str, int], str]:
    known: dict[tuple[str, int], str] | None = database._memo.get("policy conditions")
    if known is None:
        known = {
            (one.kind, one.oid): one.text
            for one in database.definitions
            if one.kind in ("policy-using", "policy-check")
        }
        database._memo["policy conditions"] = known
    return known


def _clause(database: DatabaseSnapshot, one: _Open) -> str:
    texts = _texts(database)
    using, check = texts.get(("policy-using", one.row.oid)), texts.get(("policy-check", one.row.oid))
    if one.checks and check is not None:
        return f"WITH CHECK ({_bare(check)})"
    return f"USING ({_bare(using or '')})"


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text


def _fix(
    database: DatabaseSnapshot, relation: Relation, rows: list[RowPolicy], found: list[_Open]
) -> tuple[Change, ...]:
    """Drops the policies, when others are left that let in who has to work."""
    dropped = {one.row.oid for one in found}
    left = [row for row in rows if row.permissive and row.oid not in dropped]
    if not all(any(other.command in ("ALL", one.row.command) for other in left) for one in found):
        return ()
    texts = _texts(database)
    return tuple(
        drop_policy(
            row,
            relation_name(relation),
            texts.get(("policy-using", row.oid)),
            texts.get(("policy-check", row.oid)),
            database=database.name,
        )
        for row in {one.row.oid: one.row for one in found}.values()
    )


def _finding(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    relation: Relation,
    found: list[_Open],
    fix: tuple[Change, ...],
) -> Finding:
    told: list[str] = []
    worst = Severity.LOW
    everybody: set[str] = set()
    for one in found:
        roles = ", ".join(map(grantee, one.row.roles))
        clause = _clause(database, one)
        told.append(f"policy {ident(one.row.name)} FOR {one.row.command} TO {roles} {clause} is always true")
        reached = {
            name
            for command in one.commands
            for name in _affected(snapshot, database, relation, one.row, command)
        }
        everybody |= reached
        if reached:
            worst = max(worst, Severity.MEDIUM if one.checks else severity)
    who = (
        f"for {shorten(sorted(map(ident, everybody)), 3)}"
        if everybody
        else "but nobody whom row security holds has the privilege"
    )
    return Finding(
        relation_subject(database, relation),
        f"{'; '.join(told)}, {who}",
        severity=None if worst is severity else worst,
        fix=fix,
    )


def _affected(
    snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, row: RowPolicy, command: str
) -> frozenset[str]:
    """The logins that the policy lets through: with the privilege, and held by row security."""
    logins = able(snapshot, database, of_relation(database, relation), command)
    for column in catalog.columns(database, relation.oid):
        if column.acl and command != "DELETE":
            logins |= able(snapshot, database, of_column(database, relation, column), command)
    named = frozenset().union(*(logins_of(snapshot, one) for one in row.roles))
    return frozenset(name for name in logins & named if not bypasses(snapshot, database, relation, name))
