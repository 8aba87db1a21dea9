"""A login can run a function written in a language that PostgreSQL does not confine.

Why it matters: such a function acts as the server's operating-system account: one careless argument,
and the caller reads the data files of every patient past all grants.

How to fix: REVOKE EXECUTE ON FUNCTION name FROM PUBLIC and from the roles in the evidence, or write
the function in a trusted language.

Silent when: superusers alone can call it; functions of extensions and trigger functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.able import callers
from pgguard.analysis.grouping import together
from pgguard.analysis.names import function_name, function_subject, schema_subject, shorten
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "NIST AC-6",
    "PostgreSQL manual, 42.1 Installing Procedural Languages",
)
_BUILT_IN = frozenset({"c", "internal"})
_NOT_CALLED = frozenset(
    {"trigger", "event_trigger", "language_handler", "fdw_handler", "index_am_handler", "table_am_handler"}
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        untrusted = _BUILT_IN | {row.name for row in database.languages if not row.trusted}
        found = []
        for function in database.functions:
            if function.language not in untrusted or function.extension or function.system:
                continue
            if function.returns in _NOT_CALLED:
                continue
            who = callers(snapshot, database, function)
            if any(not policy.is_administrator(login) for login in who):
                found.append((function, _who(database, function, who)))
        for group in together(found, lambda one: (one[0].schema, one[0].language, one[1])):
            function, who_can = group[0]
            what = f"{who_can} can run this {function.language} function"
            subject = function_subject(database, function)
            if len(group) > 1:
                names = [function_name(one) for one, _ in group]
                what = f"{who_can} can run {len(names)} {function.language} functions: {shorten(names, 3)}"
                subject = schema_subject(database, function.schema)
            fixes = [change for one, _ in group for change in _revokes(database, one)]
            yield Finding(subject, f"{what}; it acts as the server's own account", fix=tuple(fixes))


def _who(database: DatabaseSnapshot, function: Function, logins: frozenset[str]) -> str:
    if any(grant.grantee == PUBLIC for grant in database.grants(function.acl)):
        return "PUBLIC"
    return shorten(sorted(ident(login) for login in logins), 3)


def _revokes(database: DatabaseSnapshot, function: Function) -> Iterator[Change]:
    kind = "PROCEDURE" if function.kind == "p" else "FUNCTION"
    for grant in database.grants(function.acl):
        if grant.grantee != function.owner:
            yield revoke(
                [grant.privilege], f"{kind} {function_name(function)}", grant.grantee, database=database.name
            )
