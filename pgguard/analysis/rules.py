"""Rules on tables and views: what their actions hand out and set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.lineage import NOTHING, Origins, of_query, wrapped
from pgguard.analysis.views import find_table

if TYPE_CHECKING:
    from pgguard.analysis.lineage import Table
    from pgguard.model.rows import Rule
    from pgguard.model.snapshot import DatabaseSnapshot

_KINDS = {"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE"}


class Action(NamedTuple):
    """One statement of a rule: SELECT, INSERT, UPDATE or DELETE, and the columns that it hands out or sets.

    The column's number is 0 where rows come or go as a whole.
    """

    rule: Rule
    privilege: str
    columns: Origins


def actions(database: DatabaseSnapshot) -> tuple[Action, ...]:
    """What the enabled rules of a database do; nothing for what is not understood.

    Raises `Unread` when rules, definitions, relations or columns could not be read.
    """
    known: tuple[Action, ...] | None = database._memo.get("rule actions")
    if known is None:
        texts = {one.oid: one.text for one in database.definitions if one.kind == "rule"}
        known = database._memo["rule actions"] = tuple(
            action
            for rule in database.rules
            if rule.enabled != "D"
            for action in _actions(database, rule, texts.get(rule.oid, ""))
        )
    return known


def _actions(database: DatabaseSnapshot, rule: Rule, text: str) -> list[Action]:
    try:
        parsed = [wrapped(tree) for tree in statements(text)]
    except Unparsable:
        return []
    found = []
    for action in (one for statement in parsed for one in statement.actions or ()):
        if action.of == "SelectStmt":
            found.append(Action(rule, "SELECT", _handed(database, action)))
        elif action.of in _KINDS:
            table = find_table(database, action.relation.schemaname or "", action.relation.relname)
            if table is not None:
                found.append(Action(rule, _KINDS[action.of], _set_columns(action, table)))
    return found


def _handed(database: DatabaseSnapshot, query: Any) -> Origins:
    try:
        outputs = of_query(query, lambda schema, name: find_table(database, schema, name)).outputs
    except (ValueError, RecursionError):
        return NOTHING
    return NOTHING.union(*(one.origins for one in outputs))


def _set_columns(action: Any, table: Table) -> Origins:
    targets = action.cols if action.of == "InsertStmt" else action.targetList
    numbers = {table.columns[one.name] for one in targets or () if one.name in table.columns}
    return frozenset({(table.oid, 0)} | {(table.oid, number) for number in numbers})
