"""INSERT, UPDATE, DELETE, MERGE and COPY on tables with encrypted columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis.encryption_impact.facts import Form
from pgguard.analysis.encryption_impact.reading import NOTHING
from pgguard.analysis.encryption_impact.scope import ANY, Frame, meant, of_targets
from pgguard.analysis.sqltree import called, walk, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.encryption_impact.facts import Target
    from pgguard.analysis.encryption_impact.reading import Reading
    from pgguard.analysis.encryption_impact.scope import Frames, Output, Source
    from pgguard.analysis.sqltree import Tree

_MERGE_SINCE = 17
_POPULATING = frozenset({
    "json_populate_record", "jsonb_populate_record", "json_populate_recordset", "jsonb_populate_recordset",
})  # fmt: skip


def write(reading: Reading, kind: str, fields: Tree, outer: Frames) -> list[Output]:
    """One statement that writes; the columns of its RETURNING."""
    reading.enter(fields, outer)
    named = fields.get("relation", {})
    alias = named.get("alias", {}).get("aliasname", named.get("relname", ""))
    schema = "" if "alias" in named else str(named.get("schemaname", ""))
    source = of_targets(alias, schema, reading.named(named))
    frame = Frame([source])
    {"InsertStmt": _insert, "UpdateStmt": _update, "DeleteStmt": _delete, "MergeStmt": _merge}[kind](
        reading, fields, source, [frame, *outer]
    )
    found = _returned(reading, fields, source, [frame, *outer])
    reading.with_queries.pop()
    if kind == "InsertStmt":
        # what INSERT returns was given: nothing is opened for it
        return [one._replace(origins=_in_place(one)) for one in found]
    return found


def copy(reading: Reading, fields: Tree) -> None:
    """COPY of a table or of a query."""
    if "query" in fields:
        reading.shown(reading.query(fields["query"], []))
        return
    names = words(fields.get("attlist"))
    for target in reading.named(fields.get("relation", {})):
        touched = [one for one in target.columns if one in names or not names]
        if target.form is Form.VIEW:
            reading.meet("copy-into-view" if fields.get("is_from") else "copy-view-to", target)
        elif not fields.get("is_from"):
            reading.meet("select-null" if touched else "read", target, touched)
        elif not names:
            reading.meet("positional-copy", target)
        else:
            reading.meet("insert-seals" if touched else "insert-plain", target, touched)


def _insert(reading: Reading, fields: Tree, source: Source, frames: Frames) -> None:
    outer = frames[1:]
    inner = fields.get("selectStmt", {})
    given = reading.query(inner, outer) if inner else []
    names = _names(fields.get("cols"))
    for target in source.targets:
        _inserted(
            reading, target, names, is_positional=bool(inner) and not names and not _is_populated(inner)
        )
    reading.shown(given, "shown" if source.targets else "copied")
    if any(one.name == ANY for one in given):
        reading.star_columns(given)
    if "onConflictClause" in fields:
        _conflict(reading, fields["onConflictClause"], source, frames)


def _inserted(reading: Reading, target: Target, names: list[str], *, is_positional: bool) -> None:
    if target.form is Form.VIEW:
        reading.meet("insert-through-view", target)
    elif is_positional:
        reading.meet("positional-insert", target)
    else:
        touched = [one for one in target.columns if one in names]
        reading.meet("insert-seals" if touched else "insert-plain", target, touched)


def _is_populated(inner: Tree) -> bool:
    """SELECT * FROM jsonb_populate_record(NULL::t, ...): the columns are those of the table, whichever these
    are."""
    functions = [
        called(fields).name for kind, fields in walk(inner.get("SelectStmt", {})) if kind == "FuncCall"
    ]
    return any(one in _POPULATING for one in functions)


def _conflict(reading: Reading, fields: Tree, source: Source, frames: Frames) -> None:
    infer = fields.get("infer", {})
    elements = {one["IndexElem"].get("name", "") for one in infer.get("indexElems", ())}
    constraint = str(infer.get("conname", ""))
    for target in source.targets:
        moved = [
            one for one in target.columns if one in elements or (one in target.unique and one in constraint)
        ]
        if target.form is Form.VIEW:
            reading.meet("on-conflict", target)
        elif moved:
            reading.meet("on-conflict", target, moved)
    excluded = of_targets("excluded", "", source.targets, excluded=True)
    inside = [Frame([source, excluded]), *frames[1:]]
    if fields.get("action") == "ONCONFLICT_UPDATE":
        reading.conditions([fields.get("whereClause")], inside)
        _set(reading, fields.get("targetList"), source, inside, is_update=False)


def _update(reading: Reading, fields: Tree, source: Source, frames: Frames) -> None:
    for item in fields.get("fromClause", ()):
        reading.from_item(item, frames[0], frames)
    conditions = [*frames[0].conditions, fields.get("whereClause")]
    reading.conditions(conditions, frames)
    for target in source.targets:
        if target.form is Form.VIEW:
            reading.meet("update-through-view", target)
    names = _set(reading, fields.get("targetList"), source, frames)
    _looks_back(reading, conditions, names, source, frames)


def _looks_back(
    reading: Reading, conditions: list[Any], names: list[str], source: Source, frames: Frames
) -> None:
    """A condition on a column that the statement sets: the version of a row, the state of a task."""
    compared = _own(conditions, source, frames)
    for target in source.targets:
        if target.form is Form.VIEW and not compared.isdisjoint(names):
            reading.meet("concurrent-update", target)


def _set(
    reading: Reading, items: Any, source: Source, frames: Frames, *, is_update: bool = True
) -> list[str]:
    """The columns that SET names; what they are set to."""
    names = _names(items)
    erased = []
    for one in items or ():
        fields = one["ResTarget"]
        value = fields.get("val", {})
        if value.get("A_Const", {}).get("isnull"):
            erased.append(fields.get("name", ""))
        origins = reading.value(value, frames)
        own = frozenset(origin for origin in origins if origin.source is source)
        reading.use("own", own)
        reading.use("copied" if not source.targets else "shown", origins - own)
        is_itself = words(value.get("ColumnRef", {}).get("fields"))[-1:] == (fields.get("name"),)
        if is_update and not is_itself and not _own(value, source, frames).isdisjoint(names):
            reading.of_form(source.targets, Form.VIEW, "concurrent-update")
    for target in source.targets:
        if target.form is Form.IN_PLACE:
            sealed = [one for one in target.columns if one in names and one not in erased]
            if sealed:
                reading.meet("update-seals", target, sealed)
            nothing = [one for one in target.columns if one in erased]
            if nothing:
                reading.meet("erase-by-null", target, nothing)
            elif not sealed:
                reading.meet("update-plain", target)
    return names


def _delete(reading: Reading, fields: Tree, source: Source, frames: Frames) -> None:
    for item in fields.get("usingClause", ()):
        reading.from_item(item, frames[0], frames)
    reading.conditions([*frames[0].conditions, fields.get("whereClause")], frames)
    for target in source.targets:
        reading.meet("delete", target)


def _merge(reading: Reading, fields: Tree, source: Source, frames: Frames) -> None:
    reading.from_item(fields["sourceRelation"], frames[0], frames)
    conditions = [*frames[0].conditions, fields.get("joinCondition")]
    reading.conditions(conditions, frames)
    actions = set()
    for one in fields.get("mergeWhenClauses", ()):
        clause = one["MergeWhenClause"]
        reading.condition(clause.get("condition"), frames)
        actions.add(clause.get("commandType", "").removeprefix("CMD_"))
        match clause.get("commandType"):
            case "CMD_UPDATE":
                names = _set(reading, clause.get("targetList"), source, frames)
                _looks_back(reading, [*conditions, clause.get("condition")], names, source, frames)
            case "CMD_INSERT":
                values = list(clause.get("values", ()))
                reading.use("copied" if not source.targets else "shown", reading.value(values, frames))
                names = _names(clause.get("targetList"))
                for target in source.targets:
                    if target.form is Form.IN_PLACE:
                        _inserted(reading, target, names, is_positional=bool(values) and not names)
    actions -= {"NOTHING", ""}
    for target in source.targets:
        if target.form is Form.IN_PLACE:
            reading.meet("merge-plain", target)
        elif reading.major < _MERGE_SINCE or ("DELETE" in actions and len(actions) > 1):
            reading.meet("merge", target)
        else:
            reading.meet("merge-through-view" if actions - {"DELETE"} else "delete", target)


def _returned(reading: Reading, fields: Tree, source: Source, frames: Frames) -> list[Output]:
    clause = fields.get("returningClause", {})
    names = {"RETURNING_OPTION_OLD": "old", "RETURNING_OPTION_NEW": "new"}
    for one in clause.get("options", ()):
        option = one["ReturningOption"]
        names[option.get("option", "")] = option.get("value", "")
    rows = [of_targets(one, "", source.targets) for one in names.values()]
    known = {one.alias for one in frames[0].sources}
    # from 18 on: found by old.column and new.column alone
    rows = [one for one in rows if one.alias not in known]
    inside = [frames[0], Frame(rows), *frames[1:]]
    return [output for one in clause.get("exprs", ()) for output in reading.target(one, inside)]


def _in_place(output: Output) -> Any:
    return frozenset(one for one in output.origins if one.target.form is Form.IN_PLACE) or NOTHING


def _own(tree: Any, source: Source, frames: Frames) -> set[str]:
    """The columns of the written table that a tree reads, its key aside."""
    keys = {key for target in source.targets for key in target.keys}
    found = {
        one.name
        for name in _columns(tree)
        for one in meant(name, frames)[:1]
        if one.source is source or (one.source is None and source in frames[0].sources)
    }
    return found - keys - {""}


def _columns(tree: Any, *, inside: bool = False) -> Iterator[tuple[str, ...]]:
    """The names of columns in a tree; in inner queries, where a bare name is most likely theirs, the
    qualified."""
    if isinstance(tree, list):
        for one in tree:
            yield from _columns(one, inside=inside)
    elif isinstance(tree, dict):
        for kind, fields in tree.items():
            if kind == "ColumnRef":
                names = words(fields.get("fields"))
                if len(names) > 1 or not inside:
                    yield names
            else:
                yield from _columns(fields, inside=inside or kind == "SelectStmt")


def _names(items: Any) -> list[str]:
    return [one["ResTarget"].get("name", "") for one in items or ()]
