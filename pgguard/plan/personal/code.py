"""Stored SQL that asks who is logged in: it means somebody else once people have their own logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bodies import holding, parsed
from pgguard.analysis.catalog import functions, relations
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.sqltree import walk
from pgguard.model.quote import ident, literal

if TYPE_CHECKING:
    from pgguard.model.rows import Definition
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_ASKING = frozenset(
    {"SVFOP_CURRENT_USER", "SVFOP_SESSION_USER", "SVFOP_USER", "SVFOP_CURRENT_ROLE", "SVFOP_CURRENT_ROLE_N"}
)
# one of them stands in all of these, and most stored SQL holds none
_WORDS = ("user", "current_role")


def looks_at_the_login(snapshot: Snapshot, logins: tuple[str, ...]) -> list[str]:
    """What stored SQL asks for the session's user, in words; names as strings are hidden from us."""
    found: list[str] = []
    for database in snapshot.inspected:
        names = sorted({_place(database, one) for one in holding(database, _WORDS) if _asks(database, one)})
        found += [
            f"{name} in {ident(database.name)} asks who is logged in: it now gets the person's login instead "
            f"of {', '.join(map(ident, logins))}; look whether rows or rights hang on the old name"
            for name in names
        ]
    for login in logins:
        found.append(
            "a name can stand in code as a string, which a snapshot hides: SELECT oid::regprocedure "
            f"FROM pg_proc WHERE prosrc LIKE {literal('%' + login + '%')}; and the same with "
            "pg_get_expr(polqual, polrelid) over pg_policy and with the definitions of pg_views"
        )
    return found


def _asks(database: DatabaseSnapshot, definition: Definition) -> bool:
    if definition.kind in ("comment", "type"):
        return False
    try:
        trees = list(parsed(database, definition))
    except Unparsable:
        # what cannot be read may ask for anything
        return True
    return any(
        kind == "SQLValueFunction" and fields.get("op") in _ASKING
        for tree in trees
        for kind, fields in walk(tree)
    )


def _place(database: DatabaseSnapshot, definition: Definition) -> str:
    if definition.kind in ("function", "argument"):
        function = functions(database).get(definition.oid)
        return f"function {function_name(function)}" if function else "a function"
    if definition.kind in ("view", "default"):
        relation = relations(database).get(definition.oid)
        return f"{definition.kind} of {relation_name(relation)}" if relation else f"a {definition.kind}"
    if definition.kind.startswith("policy"):
        policy = next((one for one in database.row_policies if one.oid == definition.oid), None)
        table = relations(database).get(policy.relation) if policy else None
        return f"policy {ident(policy.name)} of {relation_name(table)}" if policy and table else "a policy"
    return f"a {definition.kind}"
