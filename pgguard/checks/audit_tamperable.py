"""A login can change, truncate or drop what was recorded, or the code that records it.

Why it matters: who can rewrite the audit can blame somebody else. Whoever can become pgguard_audit_owner can
replace the functions that every audited write runs, and is as good as a superuser.

How to fix: REVOKE the membership or the privilege; ALTER SCHEMA, TABLE or FUNCTION ... OWNER TO
pgguard_audit_owner; run the install files of the audit again, which put guards and row security back. Before
PostgreSQL 16 take CREATEROLE from all but superusers: it grants every role that is no superuser.

Silent when: the store is the auditor's, nobody can become that role, nobody else holds more than reading on
it, and every partition has its guard. Superusers can always: the seals and the catalog watch tell of them.
What they did already is told by audit-chain-broken. Before 16: CREATEROLE of declared administrators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.able import acting_as, logins_of
from pgguard.analysis.access import WRITE_ALL, reachable_by
from pgguard.analysis.names import database_subject, function_name, relation_name, role_subject, shorten
from pgguard.analysis.own import AUDIT, OWNERS, ROLES
from pgguard.changes.memberships import revoke_grant
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = ("HIPAA 164.312(c)",)
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "MAINTAIN"})
_GUARD = "pgguard_append_only"
_ENTRIES = "entry"
_FREE_ROLES = 16


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    stores = [one for one in snapshot.inspected if any(row.name == AUDIT for row in one.schemas)]
    if not stores:
        msg = "no database has an audit store: pgguard plan --audit"
        raise NotApplicable(msg)
    yield from _becomers(snapshot, policy)
    for name in OWNERS:
        role = snapshot.role(name)
        if role is not None and (role.login or role.superuser):
            what = "is a superuser" if role.superuser else "can log in"
            yield Finding(role_subject(name), f"{name}, which owns the audit store, {what}")
    for database in stores:
        found: dict[str, list[str]] = {}
        for role_name, what in (*_owned(snapshot, database), *_granted(snapshot, database)):
            for login in _logins(snapshot, database, role_name):
                found.setdefault(login, []).append(what)
        for login, said in sorted(found.items()):
            subject = database_subject(database.name) if login == PUBLIC else role_subject(login)
            who = "PUBLIC" if login == PUBLIC else ident(login)
            yield Finding(
                subject, f"{who} {shorten(list(dict.fromkeys(said)), 3)} in database {ident(database.name)}"
            )
        bare = sorted(relation_name(one) for one in _unguarded(database))
        if bare:
            yield Finding(
                database_subject(database.name),
                f"no guard that is enabled ALWAYS keeps entries of {shorten(bare, 3)} from being changed",
                severity=Severity.CRITICAL,
            )
        shut = [one for one in _tables(database) if not one.row_security]
        writers = sorted(logins_of(snapshot, WRITE_ALL))
        if shut and writers:
            names = shorten(sorted(relation_name(one) for one in shut), 3)
            yield Finding(
                database_subject(database.name),
                f"{shorten([ident(one) for one in writers], 3)} may write to {names} by {WRITE_ALL}: "
                "no row security",
            )


def _becomers(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    found: dict[str, tuple[list[str], list[Change]]] = {}
    for owner in OWNERS:
        for login in logins_of(snapshot, owner) - {owner}:
            said, fixes = found.setdefault(login, ([], []))
            said.append(f"has the rights of {owner}")
            fixes += [
                revoke_grant(edge, major=snapshot.major)
                for edge in snapshot.memberships
                if edge.role == owner and edge.member == login
            ]
        for edge in snapshot.memberships:
            if edge.role == owner and edge.admin:
                for login in logins_of(snapshot, edge.member) - found.keys():
                    found[login] = ([f"may grant {owner}, to itself too"], [])
    if snapshot.major < _FREE_ROLES:
        for role in snapshot.roles:
            free = role.createrole and role.login and not role.superuser
            if free and role.name not in found and not policy.is_administrator(role.name):
                found[role.name] = (
                    ["has CREATEROLE, which grants pgguard_audit_owner before PostgreSQL 16"],
                    [],
                )
    for login, (said, fixes) in sorted(found.items()):
        yield Finding(
            role_subject(login), f"{ident(login)} {' and '.join(said)}", fix=tuple(dict.fromkeys(fixes))
        )


def _owned(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[tuple[str, str]]:
    for schema in database.schemas:
        if schema.name == AUDIT and _is_other(snapshot, schema.owner):
            yield schema.owner, f"owns the schema {AUDIT}"
    for relation in database.relations:
        if relation.schema == AUDIT and _is_other(snapshot, relation.owner):
            yield relation.owner, f"owns {relation_name(relation)}"
    for function in database.functions:
        if function.schema == AUDIT and _is_other(snapshot, function.owner):
            yield function.owner, f"owns {function_name(function)}"


def _granted(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[tuple[str, str]]:
    for schema in database.schemas:
        if schema.name == AUDIT:
            for grant in database.grants(schema.acl):
                if grant.privilege == "CREATE" and _is_other(snapshot, grant.grantee):
                    yield grant.grantee, f"may create objects in {AUDIT}"
    for relation in _tables(database):
        for grant in database.grants(relation.acl):
            if grant.privilege in _WRITES and _is_other(snapshot, grant.grantee):
                yield grant.grantee, f"has {grant.privilege} on {relation_name(relation)}"
    for function in database.functions:
        if function.schema == AUDIT:
            for grant in database.grants(function.acl):
                other = grant.privilege == "EXECUTE" and _is_other(snapshot, grant.grantee)
                if other and reachable_by(snapshot, database, AUDIT, grant.grantee):
                    yield grant.grantee, f"may call {function_name(function)}"


def _is_other(snapshot: Snapshot, role: str) -> bool:
    row = snapshot.role(role)
    return role not in ROLES and not (row is not None and row.superuser)


def _logins(snapshot: Snapshot, database: DatabaseSnapshot, role: str) -> tuple[str, ...]:
    return (PUBLIC,) if role == PUBLIC else tuple(sorted(acting_as(snapshot, database, role)))


def _tables(database: DatabaseSnapshot) -> Iterator[Relation]:
    return (one for one in database.relations if one.schema == AUDIT and one.kind in "rp")


def _unguarded(database: DatabaseSnapshot) -> Iterator[Relation]:
    guarded = {one.relation for one in database.triggers if one.name == _GUARD and one.enabled == "A"}
    for relation in _tables(database):
        if relation.name == _ENTRIES and relation.kind == "p":
            for one in (relation, *catalog.children(database, relation.oid)):
                if one.oid not in guarded:
                    yield one
