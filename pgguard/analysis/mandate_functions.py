"""Functions as side doors of a mandate: what they reach as their owner, whatever they answer.

Stricter than who-can: a function that says yes or no about a row tells something of it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import accesses, calls
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.views import VIEWS
from pgguard.model.mandate_scope import Door
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_SETS_OFF = frozenset({"trigger", "event_trigger"})
_COMPILED = frozenset({"c", "internal"})
# what runs SQL that it is given, or reads what no grant on a table guards
_UNTOLD = frozenset({
    "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "table_to_xml",
    "table_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xml_and_xmlschema", "database_to_xml",
    "database_to_xml_and_xmlschema", "ts_stat", "ts_rewrite", "crosstab", "crosstabn", "connectby",
    "xpath_table", "dblink", "dblink_connect", "dblink_exec", "dblink_open", "dblink_send_query",
    "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "lo_get", "lo_open", "loread", "lo_import",
    "lo_export", "pg_logical_slot_get_changes", "pg_logical_slot_peek_changes",
    "pg_logical_slot_get_binary_changes", "pg_logical_slot_peek_binary_changes", "get_raw_page",
    "heap_page_items", "bt_page_items", "pg_execute_server_program", "set_config",
})  # fmt: skip
_SYSTEM = ("pg_read", "pg_ls", "pg_stat_file", "lo_import", "lo_export", "pg_logical", "pg_file", "pg_hba")
_OUTWARD = frozenset({"dblink", "dblink_connect", "dblink_connect_u", "dblink_exec"})


class Reached(NamedTuple):
    """What must not be reached: columns by relation and number, and whole tables, each with what it is."""

    database: DatabaseSnapshot
    columns: Mapping[tuple[int, int], str]
    tables: Mapping[int, str]

    def through(self, relation: Relation, numbers: Iterable[int]) -> str:
        """Where reading these columns of a relation leads; empty where to nothing that is guarded.

        Parts of a table are read with it. Of a view all that it uses counts, its conditions too.
        """
        return self._through(relation, frozenset(numbers), set())

    def _through(self, relation: Relation, numbers: frozenset[int], seen: set[int]) -> str:
        if relation.oid in seen or not numbers:
            return ""
        seen.add(relation.oid)
        if relation.oid in self.tables:
            return self.tables[relation.oid]
        for number in sorted(numbers):
            if why := self.columns.get((relation.oid, number)):
                return why
        if 0 in numbers:
            whole = frozenset(one.number for one in catalog.columns(self.database, relation.oid))
            if why := next(
                (self.columns[relation.oid, one] for one in whole if (relation.oid, one) in self.columns), ""
            ):
                return why
        known = catalog.relations(self.database)
        if relation.kind in VIEWS:
            used: dict[int, set[int]] = {}
            for one in catalog.uses(self.database, relation.oid):
                used.setdefault(one.relation, set()).add(one.number)
            for oid, some in used.items():
                if oid in known and (why := self._through(known[oid], frozenset(some), seen)):
                    return why
            return ""
        names = {one.number: one.name for one in catalog.columns(self.database, relation.oid)}
        for child in catalog.children(self.database, relation.oid):
            same = {0} & numbers | {
                one.number
                for one in catalog.columns(self.database, child.oid)
                if one.name in {names.get(number) for number in numbers}
            }
            if why := self._through(child, frozenset(same), seen):
                return why
        return ""


def function_doors(snapshot: Snapshot, guarded: Reached, function: Function) -> Iterator[Door]:
    """What a function that PUBLIC may call opens."""
    name = f"{function_name(function)} in database {ident(guarded.database.name)}"
    if function.returns in _SETS_OFF:
        return
    if function.system:
        if function.name.startswith(_SYSTEM):
            yield Door(name, "PUBLIC may call it, and it reads what no grant on a table guards", True)
        return
    if function.extension:
        if function.definer:
            yield Door(name, f"it runs as {ident(function.owner)}, and nothing tells what it reads", True)
        elif function.name in _OUTWARD:
            yield Door(name, "PUBLIC may call it, and data leave through it; nothing is read by it", False)
        return
    if function.definer:
        why = as_owner(snapshot, guarded, function)
        said = why or "it reads no personal data"
        yield Door(name, f"it runs as {ident(function.owner)}, and {said}", refuses=bool(why))
    elif function.kind == "a":
        # the functions that it is made of are called with its owner's right to call them
        yield Door(name, "it is an aggregate, and nothing tells what the functions that it runs read", True)
    elif not _confined(guarded.database, function):
        yield Door(name, f"it is written in {function.language}, and nothing tells what it reads", True)


def _confined(database: DatabaseSnapshot, function: Function) -> bool:
    """Whether its language lets a function do no more than its caller may."""
    if function.language == "sql":
        return True
    return function.language not in _COMPILED and any(
        one.name == function.language and one.trusted for one in database.languages
    )


def trigger_doors(snapshot: Snapshot, guarded: Reached, relation: Relation) -> Iterator[Door]:
    """What the triggers of a table open that PUBLIC may write to."""
    functions = catalog.functions(guarded.database)
    for trigger in guarded.database.triggers:
        function = functions.get(trigger.function)
        if trigger.relation != relation.oid or trigger.enabled == "D" or function is None:
            continue
        if function.definer and (why := as_owner(snapshot, guarded, function)):
            place = f"{relation_name(relation)} in database {ident(guarded.database.name)}"
            said = f"PUBLIC may write to it, which fires {function_name(function)} as {ident(function.owner)}"
            yield Door(place, f"{said}, and {why}", refuses=True)


def as_owner(snapshot: Snapshot, guarded: Reached, function: Function) -> str:
    """Why it matters what a definer function does, by itself or by what it calls; empty where it does not."""
    database = guarded.database
    untold: frozenset[int] | None = database._memo.get("functions that run or read anything")
    if untold is None:
        untold = frozenset(one.definition.oid for one in calls(database, _UNTOLD, ("function",)))
        database._memo["functions that run or read anything"] = untold
    known, relations = catalog.functions(database), catalog.relations(database)
    todo, seen = [function.oid], {function.oid}
    while todo:
        one = known.get(todo.pop())
        if one is None:
            continue
        found = accesses(snapshot, database, one)
        if found.unknown or found.dynamic or one.oid in untold:
            why = found.unknown or "it runs SQL that it builds, or reads past the grants"
            return f"nothing tells what it reads: {why}"
        for oid, number in sorted(found.reads | found.writes):
            if oid in relations and (why := guarded.through(relations[oid], {number})):
                return why
            if oid not in relations:
                return "it reads what nobody looked at"
        # triggers that a write sets off run with rights of their own
        todo += [oid for oid in found.calls if oid not in seen]
        seen |= found.calls
    return ""
