"""Commands that define, maintain or ask for tables: what becomes of them when the table is a view, or has
inlets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis.encryption_impact.facts import INVOKER_SINCE, Form
from pgguard.analysis.sqltree import walk, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.encryption_impact.facts import Target
    from pgguard.analysis.encryption_impact.reading import Reading
    from pgguard.analysis.sqltree import Tree

# each with the kind for a view; in place they are as before
_ON_TABLE = {
    "TruncateStmt": "truncate",
    "LockStmt": "lock-table",
    "ClusterStmt": "cluster-reindex",
    "ReindexStmt": "cluster-reindex",
    "VacuumStmt": "vacuum-analyze",
    "CreatePolicyStmt": "create-policy",
    "AlterPolicyStmt": "create-policy",
    "RuleStmt": "create-rule",
    "AlterObjectSchemaStmt": "rename-table",
    "CreateStatsStmt": "create-statistics",
}
_DROPPED = {"OBJECT_TABLE": "drop-table", "OBJECT_TRIGGER": "drop-of-table", "OBJECT_POLICY": "drop-of-table"}
_ALSO_OF_VIEWS = {"AT_ColumnDefault": "set-default", "AT_ChangeOwner": "change-owner"}
# what of an ALTER TABLE in place meets the inlet
_INLET = frozenset(
    {"AT_DropColumn", "AT_AlterColumnType", "AT_SetNotNull", "AT_AddIdentity", "AT_SetExpression"}
)


_BY_OWNER = frozenset({"select", "delete"})


def define(reading: Reading, kind: str, fields: Tree) -> bool:
    """One command; false when it is of a kind that is not known here."""
    if kind in _ON_TABLE:
        for targets in _named(reading, fields):
            _either(reading, targets, _ON_TABLE[kind])
        return True
    known = {
        "AlterTableStmt": _alter,
        "RenameStmt": _rename,
        "CreateStmt": _create,
        "IndexStmt": _index,
        "CreateTrigStmt": _trigger,
        "CommentStmt": _comment,
        "DropStmt": _drop,
        "GrantStmt": _grant,
        "CreatePublicationStmt": _publish,
        "AlterPublicationStmt": _publish,
    }.get(kind)
    if known is not None:
        known(reading, fields)
    return known is not None


def names_any(reading: Reading, tree: Tree) -> tuple[Target, ...]:
    """The tables that a tree names as relations."""
    return tuple(dict.fromkeys(target for named in _relations(tree) for target in reading.named(named)))


def _relations(tree: Any) -> Iterator[Tree]:
    if isinstance(tree, list):
        for one in tree:
            yield from _relations(one)
    elif isinstance(tree, dict):
        if isinstance(tree.get("relname"), str):
            yield tree
        for one in tree.values():
            yield from _relations(one)


def _named(reading: Reading, fields: Tree) -> Iterable[tuple[Target, ...]]:
    """The tables that a command is about, in whichever field it has them."""
    for name in ("relation", "table"):
        if "relname" in fields.get(name, {}):
            yield reading.named(fields[name])
    for one in (*fields.get("relations", ()), *fields.get("rels", ())):
        inner = one.get("VacuumRelation", {}).get("relation") or one.get("RangeVar")
        if inner:
            yield reading.named(inner)


def _either(reading: Reading, targets: Iterable[Target], kind: str) -> None:
    """A kind behind a view; in place it is as before."""
    for target in targets:
        is_lock = kind == "lock-table"
        reading.meet(kind if target.form is Form.VIEW or is_lock else "plain", target)


def _alter(reading: Reading, fields: Tree) -> None:
    if fields.get("objtype", "OBJECT_TABLE") not in ("OBJECT_TABLE", "OBJECT_VIEW"):
        return
    commands = [one["AlterTableCmd"] for one in fields.get("cmds", ()) if "AlterTableCmd" in one]
    for target in reading.named(fields.get("relation", {})):
        for one in commands:
            subtype = one.get("subtype", "")
            if target.form is Form.VIEW:
                reading.meet(_ALSO_OF_VIEWS.get(subtype, "alter-table"), target)
            else:
                _alter_in_place(reading, target, subtype, one)
    _constraints(reading, commands)


def _alter_in_place(reading: Reading, target: Target, subtype: str, command: Tree) -> None:
    named = str(command.get("name", ""))
    constraint = command.get("def", {}).get("Constraint", {})
    if subtype in _INLET and named in target.columns:
        reading.meet("alter-table", target, (named,))
        return
    used = {words(inner.get("fields"))[-1] for kind, inner in walk(constraint) if kind == "ColumnRef"}
    used |= {*words(constraint.get("keys")), *words(constraint.get("fk_attrs"))}
    touched = [one for one in target.columns if one in used]
    reading.meet("constraint-on-null" if touched else "plain", target, touched)


def _constraints(reading: Reading, tree: Any) -> None:
    """Foreign keys that refer to the tables."""
    for kind, fields in walk(tree):
        if kind == "Constraint" and "pktable" in fields:
            for target in reading.named(fields["pktable"]):
                referred = [one for one in words(fields.get("pk_attrs")) if one in target.columns]
                if target.form is Form.VIEW or referred:
                    reading.meet("new-foreign-key", target, referred)
                else:
                    reading.meet("plain", target)


def _rename(reading: Reading, fields: Tree) -> None:
    for target in reading.named(fields.get("relation", {})):
        renamed = str(fields.get("subname", ""))
        if fields.get("renameType") in ("OBJECT_TABLE", "OBJECT_VIEW"):
            _either(reading, [target], "rename-table")
        elif fields.get("renameType") == "OBJECT_COLUMN":
            is_met = target.form is Form.VIEW or renamed in target.columns
            reading.meet("rename-column" if is_met else "plain", target, (renamed,))
        else:
            # constraints, triggers, policies
            _either(reading, [target], "alter-table")


def _create(reading: Reading, fields: Tree) -> None:
    for one in fields.get("inhRelations", ()):
        for target in reading.named(one["RangeVar"]):
            reading.meet("inherit", target)
    for kind, inner in walk(fields.get("tableElts", [])):
        if kind == "TableLikeClause":
            for target in reading.named(inner.get("relation", {})):
                reading.meet("create-like", target)
    _constraints(reading, [fields.get("tableElts", []), fields.get("constraints", [])])


def _index(reading: Reading, fields: Tree) -> None:
    for target in reading.named(fields.get("relation", {})):
        used = {one["IndexElem"].get("name", "") for one in fields.get("indexParams", ())}
        used |= {words(inner.get("fields"))[-1] for kind, inner in walk(fields) if kind == "ColumnRef"}
        touched = [one for one in target.columns if one in used]
        if target.form is Form.VIEW:
            reading.meet("create-index", target)
        elif touched:
            reading.meet("constraint-on-null" if fields.get("unique") else "create-index", target, touched)
        else:
            reading.meet("plain", target)


def _trigger(reading: Reading, fields: Tree) -> None:
    for target in reading.named(fields.get("relation", {})):
        is_row = bool(fields.get("row") or fields.get("transitionRels"))
        if target.form is Form.VIEW:
            reading.meet("create-trigger" if is_row else "statement-trigger", target)
        else:
            reading.meet("create-trigger" if is_row else "plain", target)


def _comment(reading: Reading, fields: Tree) -> None:
    names = words(fields.get("object", {}).get("List", {}).get("items"))
    kind = fields.get("objtype")
    if kind == "OBJECT_TABLE":
        _either(reading, _of(reading, names), "comment-on-table")
    elif kind == "OBJECT_COLUMN":
        for target in _of(reading, names[:-1]):
            reading.meet("read", target)


def _drop(reading: Reading, fields: Tree) -> None:
    kind = _DROPPED.get(fields.get("removeType", ""))
    for one in fields.get("objects", ()) if kind else ():
        names = words(one.get("List", {}).get("items"))
        if kind == "drop-table":
            _either(reading, _of(reading, names), kind)
        else:
            is_quiet = bool(fields.get("missing_ok"))
            _either(reading, _of(reading, names[:-1]), "drop-if-exists" if is_quiet else "drop-of-table")


def _grant(reading: Reading, fields: Tree) -> None:
    if fields.get("objtype") != "OBJECT_TABLE":
        return
    privileges = {one["AccessPriv"].get("priv_name", "") for one in fields.get("privileges", ())}
    # before 15 a view reads and deletes with its owner's rights
    is_enough = bool(fields.get("is_grant") and privileges and privileges <= _BY_OWNER)
    for one in fields.get("objects", ()):
        if "RangeVar" in one:
            is_enough = is_enough and reading.major < INVOKER_SINCE
            _either(reading, reading.named(one["RangeVar"]), "read" if is_enough else "grant")


def _publish(reading: Reading, fields: Tree) -> None:
    for target in names_any(reading, fields):
        reading.meet("publication", target)


def _of(reading: Reading, names: tuple[str, ...]) -> tuple[Target, ...]:
    return reading.table(names[-2] if len(names) > 1 else "", names[-1]) if names else ()
