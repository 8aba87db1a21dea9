"""A login that does not own a sensitive table can replace a function that its triggers run.

Why it matters: whoever owns the function decides what runs at every write to the table, with the
rights of whoever writes: it copies the patients' data out, changes them, or drops the audit.

How to fix: ALTER FUNCTION name() OWNER TO the owner of the table, or another role with NOLOGIN.

Silent when: the function belongs to the table's owner, a superuser, a declared administrator, a role
that nobody logs in as or is a member of, or an extension; the trigger is disabled. Who may create
triggers is told by grant-destructive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.able import acting_as
from pgguard.analysis.names import function_name, function_subject, relation_name, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.ownership import change_owner
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "NIST AC-6",
    "HIPAA 164.312(b)",
    "PostgreSQL manual, CREATE FUNCTION and CREATE TRIGGER",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        sensitive = sensitive_tables(database, policy)
        if not sensitive:
            continue
        fired: dict[int, dict[int, None]] = {}
        for trigger in database.triggers:
            if trigger.enabled != "D" and trigger.relation in sensitive:
                fired.setdefault(trigger.function, {})[trigger.relation] = None
        functions = catalog.functions(database)
        for oid, tables in fired.items():
            function = functions.get(oid)
            if function is None or function.extension or function.system:
                continue
            attacked = {
                relation: logins
                for relation in (sensitive[table][0].relation for table in tables)
                if (logins := _strangers(snapshot, database, policy, function, relation))
            }
            if attacked:
                yield _finding(database, function, attacked)


def _strangers(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, function: Function, relation: Relation
) -> frozenset[str]:
    owner = snapshot.role(function.owner)
    if function.owner == relation.owner or owner is None or owner.superuser:
        return frozenset()
    able = acting_as(snapshot, database, function.owner) - acting_as(snapshot, database, relation.owner)
    return frozenset(login for login in able if not policy.is_administrator(login))


def _finding(
    database: DatabaseSnapshot, function: Function, attacked: dict[Relation, frozenset[str]]
) -> Finding:
    tables = [relation_name(relation) for relation in attacked]
    logins = sorted({ident(login) for some in attacked.values() for login in some})
    owners = {relation.owner for relation in attacked}
    name = function_name(function)
    rights = "" if logins == [ident(function.owner)] else f" (owner {ident(function.owner)})"
    only = owners.pop() if len(owners) == 1 else None
    return Finding(
        function_subject(database, function),
        f"{shorten(logins, 3)} can replace what every write to {shorten(tables, 3)} runs{rights}",
        fix=()
        if only is None
        else (change_owner(f"FUNCTION {name}", only, function.owner, database=database.name),),
    )
