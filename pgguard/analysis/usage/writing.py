"""INSERT, UPDATE, DELETE, MERGE and COPY: the columns that they set, and what they read to do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog
from pgguard.analysis.sqltree import words
from pgguard.analysis.usage import implied
from pgguard.analysis.usage.scope import Column, Entry, Frame, Frames

if TYPE_CHECKING:
    from collections.abc import Collection

    from pgguard.analysis.sqltree import Tree
    from pgguard.analysis.usage.reader import Reader
    from pgguard.model.rows import Relation

_COMMANDS = {"CMD_INSERT": "INSERT", "CMD_UPDATE": "UPDATE", "CMD_DELETE": "DELETE"}


def write(reader: Reader, kind: str, fields: Tree, outer: Frames) -> list[Column]:
    """One statement that writes; the columns of its RETURNING."""
    reader.enter(fields, outer)
    named = fields.get("relation", {})
    relation = reader.place.relation(reader.who, named)
    alias = named.get("alias", {}).get("aliasname", named.get("relname", ""))
    target = (
        reader.entry(relation, alias, is_aliased="alias" in named)
        if relation is not None
        else Entry(alias, [], is_open=True)
    )
    frame = Frame([target], [target.columns])
    statement = {"InsertStmt": _insert, "UpdateStmt": _update, "DeleteStmt": _delete, "MergeStmt": _merge}[
        kind
    ]
    statement(reader, fields, relation, frame, outer)
    found = _returned(reader, fields, target, frame, outer)
    if relation is not None and reader.place.takes(reader.who, relation, "SELECT"):
        # what reads the target takes all that a view reads, and is under the policies for reading
        implied.read(reader, relation)
    reader.with_queries.pop()
    return found


def copy(reader: Reader, fields: Tree) -> None:
    """COPY: of a table, or of a query."""
    if "query" in fields:
        reader.query(fields["query"], [])
        return
    relation = reader.place.relation(reader.who, fields.get("relation", {}))
    if relation is None:
        return
    columns = [
        one for one in catalog.columns(reader.place.database, relation.oid) if not one.generated.strip()
    ]
    names = list(words(fields.get("attlist"))) or [one.name for one in columns]
    if not fields.get("is_from"):
        _take(reader, relation, "SELECT", names)
        implied.read(reader, relation)
        return
    entry = reader.entry(relation, fields["relation"].get("relname", ""))
    reader.value(fields.get("whereClause"), [Frame([entry], [entry.columns])])
    _take(reader, relation, "INSERT", names)
    implied.write(reader, relation, "INSERT", names)


def _insert(reader: Reader, fields: Tree, relation: Relation | None, frame: Frame, outer: Frames) -> None:
    source = fields.get("selectStmt", {}).get("SelectStmt", {})
    given = len(reader.select(source, outer)) if source else 0
    names = _targets(fields.get("cols"))
    if relation is not None:
        names = names or _first(reader, relation, given)
        _take(reader, relation, "INSERT", names)
        rows = [one["List"].get("items", ()) for one in source.get("valuesLists", ())]
        asked = {name for row in rows for name, one in zip(names, row, strict=False) if "SetToDefault" in one}
        implied.write(reader, relation, "INSERT", set(names) - asked)
    conflict = fields.get("onConflictClause")
    if conflict:
        _conflict(reader, conflict, relation, frame, outer)


def _conflict(reader: Reader, fields: Tree, relation: Relation | None, frame: Frame, outer: Frames) -> None:
    target = frame.entries[0]
    # SELECT on what tells a conflict, and of `excluded` as of the table itself
    infer = fields.get("infer", {})
    for one in infer.get("indexElems", ()):
        element = one["IndexElem"]
        if "name" in element:
            reader.column((element["name"],), [frame])
        reader.value(element.get("expr"), [frame])
    reader.value(infer.get("whereClause"), [frame])
    if relation is not None and infer.get("conname"):
        numbers = [
            number
            for one in reader.place.database.constraints
            if one.relation == relation.oid and one.name == infer["conname"]
            for number in one.columns
        ]
        for column in catalog.columns(reader.place.database, relation.oid):
            if column.number in numbers:
                reader.place.on(reader.who, relation, "SELECT", column.name)
    if fields.get("action") == "ONCONFLICT_UPDATE":
        excluded = Entry("excluded", target.columns, target.relation, "", target.is_open, only_qualified=True)
        inside = Frame([target, excluded], frame.parts)
        _set(reader, fields.get("targetList"), relation, [inside, *outer])
        reader.value(fields.get("whereClause"), [inside, *outer])


def _update(reader: Reader, fields: Tree, relation: Relation | None, frame: Frame, outer: Frames) -> None:
    frames = [frame, *outer]
    for item in fields.get("fromClause", ()):
        frame.parts.append(reader.from_item(item, frame, frames))
    reader.value(fields.get("whereClause"), frames)
    _set(reader, fields.get("targetList"), relation, frames)


def _delete(reader: Reader, fields: Tree, relation: Relation | None, frame: Frame, outer: Frames) -> None:
    frames = [frame, *outer]
    for item in fields.get("usingClause", ()):
        frame.parts.append(reader.from_item(item, frame, frames))
    reader.value(fields.get("whereClause"), frames)
    if relation is not None:
        reader.place.on(reader.who, relation, "DELETE")
        implied.write(reader, relation, "DELETE", ())


def _merge(reader: Reader, fields: Tree, relation: Relation | None, frame: Frame, outer: Frames) -> None:
    frames = [frame, *outer]
    frame.parts.append(reader.from_item(fields["sourceRelation"], frame, frames))
    reader.value(fields.get("joinCondition"), frames)
    for one in fields.get("mergeWhenClauses", ()):
        clause = one["MergeWhenClause"]
        reader.value(clause.get("condition"), frames)
        match _COMMANDS.get(clause.get("commandType", ""), ""):
            case "UPDATE":
                _set(reader, clause.get("targetList"), relation, frames)
            case "DELETE" if relation is not None:
                reader.place.on(reader.who, relation, "DELETE")
                implied.write(reader, relation, "DELETE", ())
            case "INSERT":
                values = clause.get("values", ())
                reader.value(list(values), frames)
                if relation is not None:
                    names = _targets(clause.get("targetList")) or _first(reader, relation, len(values))
                    _take(reader, relation, "INSERT", names)
                    asked = {n for n, value in zip(names, values, strict=False) if "SetToDefault" in value}
                    implied.write(reader, relation, "INSERT", set(names) - asked)


def _set(reader: Reader, targets: Any, relation: Relation | None, frames: Frames) -> None:
    names = _targets(targets)
    asked = []
    for one in targets or ():
        fields = one["ResTarget"]
        reader.value(fields.get("val"), frames)
        reader.value(fields.get("indirection"), frames)
        if "SetToDefault" in fields.get("val", {}):
            asked.append(fields.get("name", ""))
    if relation is not None:
        _take(reader, relation, "UPDATE", names)
        implied.write(reader, relation, "UPDATE", names)
        implied.set_to_default(reader, relation, asked)


def _take(reader: Reader, relation: Relation, operation: str, names: Collection[str]) -> None:
    for name in names or [""]:
        reader.place.on(reader.who, relation, operation, name)


def _first(reader: Reader, relation: Relation, given: int) -> list[str]:
    """The first columns of a table, as INSERT without a list fills them."""
    columns = catalog.columns(reader.place.database, relation.oid)
    return [one.name for one in columns][:given]


def _targets(items: Any) -> list[str]:
    return [one["ResTarget"].get("name", "") for one in items or ()]


def _returned(reader: Reader, fields: Tree, target: Entry, frame: Frame, outer: Frames) -> list[Column]:
    clause = fields.get("returningClause", {})
    names = {"RETURNING_OPTION_OLD": "old", "RETURNING_OPTION_NEW": "new"}
    for one in clause.get("options", ()):
        option = one["ReturningOption"]
        names[option.get("option", "")] = option.get("value", "")
    # from 18 on: old and new rows, unless something has that name already
    aliases = [one for one in names.values() if frame.named(one) is None]
    rows = [
        Entry(one, target.columns, target.relation, "", target.is_open, only_qualified=True)
        for one in aliases
    ]
    inside = Frame([*frame.entries, *rows], frame.parts)
    return [column for one in clause.get("exprs", ()) for column in reader.target(one, [inside, *outer])]
