"""Steps through SECURITY DEFINER functions: whoever bends what one does acts as its owner.

Manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.bodies import accesses
from pgguard.analysis.escalation.graph import SUPERUSER, Edge, Gate, Node, code, rights
from pgguard.analysis.escalation.holders import creating, granted, owned, owner_named
from pgguard.analysis.escalation.loose import loose
from pgguard.analysis.escalation.role_makers import effect
from pgguard.analysis.injection import effects
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.privileges import holder_names, of_function
from pgguard.analysis.search_path import OWN_SCHEMA, SYSTEM, TEMPORARY
from pgguard.analysis.search_path import of_function as path_of
from pgguard.changes.functions import set_search_path
from pgguard.changes.manual import by_hand
from pgguard.changes.ownership import change_owner
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_COMPILED = frozenset({"c", "internal"})
_WORDED_BY_CALLER = frozenset({"argument", "row", "setting"})


def edges(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """The steps through one database's SECURITY DEFINER functions, those of extensions aside."""
    for function in database.functions:
        if not function.definer or function.extension or function.system or function.language in _COMPILED:
            continue
        target = Node("object", sql_name(function), database.name)
        ways = list(_bent(snapshot, database, function, target))
        if ways:
            yield from ways
            yield from _callers(snapshot, database, function, target)
        yield from _borrowed(snapshot, database, function)


def sql_name(function: Function) -> str:
    """The function as GRANT and ALTER name it, with its keyword."""
    return f"{'PROCEDURE' if function.kind == 'p' else 'FUNCTION'} {function_name(function)}"


def _bent(snapshot: Snapshot, database: DatabaseSnapshot, function: Function, target: Node) -> Iterator[Edge]:
    """SQL that the caller words, and names that it gives another meaning."""
    yield from _injected(snapshot, database, function, target)
    done = effect(database, function) if function.owner in superusers(snapshot) else ""
    if done:
        why = f"{function_name(function)} {done}, as {owner_named(snapshot, function.owner)}"
        cut = (by_hand(f"{function_name(function)}: accept only roles from a fixed list"),)
        yield Edge("definer-roles", target, SUPERUSER, why, cut=cut)
    if function.oid in _bound_at_creation(database):
        return
    path = path_of(function)
    cut = (_fixed_path(snapshot, database, function, path),)
    for where, gate in _openings(snapshot, database, function, path):
        why = f"{function_name(function)} {where} and runs as {owner_named(snapshot, function.owner)}"
        end = code(function.owner, database.name)
        yield Edge("definer-search-path", target, end, why, cut=cut, gate=gate)


def _openings(
    snapshot: Snapshot, database: DatabaseSnapshot, function: Function, path: tuple[str, ...] | None
) -> Iterator[tuple[str, Gate]]:
    """Where names without a schema may find a caller's object, and what it takes to put it there.

    A body that cannot be read is taken to name something without its schema, as nearly all do.
    """
    names = loose(database, function)
    if path is None:
        if names is None or names:
            yield "looks names up in its caller's search_path", Gate("create", database.name)
    else:
        for place, part in enumerate(path):
            schema = function.owner if part == OWN_SCHEMA else part
            later = path[place + 1 :]
            if _strangers(snapshot, database, function, schema) and (
                names is None or ("pg_catalog" in later and names) or names.meant_by(database, later)
            ):
                gate = Gate("create", database.name, schema)
                yield f"looks names up in schema {ident(schema)}", gate
    if names is not None:
        # where pg_temp is not listed it comes first of all
        after = path if path is None or TEMPORARY not in path else path[path.index(TEMPORARY) + 1 :]
        # with pg_temp at the end nothing comes after it
        name = "" if path and path[-1] == TEMPORARY else names.temporary(database, after)
        if name:
            yield f"looks {name} up in its caller's temporary objects", Gate("temporary", database.name)


def _injected(
    snapshot: Snapshot, database: DatabaseSnapshot, function: Function, target: Node
) -> Iterator[Edge]:
    # values of columns and names of objects are left out: who may write those has other ways
    worded = {
        (sink.what, source.name)
        for sink in effects(database, function).sinks
        for source in sink.taint
        if source.kind in _WORDED_BY_CALLER
    }
    for what, name in sorted(worded)[:1]:
        why = (
            f"{function_name(function)} runs {name} unquoted ({what}) "
            f"as {owner_named(snapshot, function.owner)}"
        )
        end = code(function.owner, database.name)
        cut = (by_hand(f"in {function_name(function)}, bind or quote {name} ({what})"),)
        yield Edge("definer-injection", target, end, why, cut=cut)


def _strangers(snapshot: Snapshot, database: DatabaseSnapshot, function: Function, schema: str) -> bool:
    """Whether others than the function's owner may create in a schema."""
    if schema in SYSTEM or schema == TEMPORARY:
        return False
    return bool(creating(snapshot, database, schema) - {function.owner})


def _fixed_path(
    snapshot: Snapshot, database: DatabaseSnapshot, function: Function, path: tuple[str, ...] | None
) -> Change:
    kept = [
        name
        for name in (path or (function.schema,))
        if name not in (TEMPORARY, OWN_SCHEMA, "pg_catalog")
        and not _strangers(snapshot, database, function, name)
    ]
    return set_search_path(
        function_name(function),
        ("pg_catalog", *kept, TEMPORARY),
        path,
        procedure=function.kind == "p",
        database=database.name,
    )


def _callers(
    snapshot: Snapshot, database: DatabaseSnapshot, function: Function, target: Node
) -> Iterator[Edge]:
    if function.returns == "event_trigger":
        for event in database.event_triggers:
            if event.function == function.oid and event.enabled in "OA":
                why = f"event trigger {ident(event.name)} fires for everybody"
                yield Edge("event-trigger", rights(PUBLIC, database.name), target, why)
    elif function.returns == "trigger":
        for trigger in catalog.triggers_calling(database, function.oid):
            table = catalog.relations(database).get(trigger.relation)
            if table is not None and trigger.enabled != "R":
                yield from _writers(snapshot, database, table, trigger.events, target)
    else:
        grants = database.grants(function.acl)
        yield from granted(
            snapshot, database, grants, "EXECUTE", sql_name(function), function.owner, function.schema, target
        )


def _writers(
    snapshot: Snapshot, database: DatabaseSnapshot, table: Relation, events: tuple[str, ...], target: Node
) -> Iterator[Edge]:
    name = relation_name(table)
    yield from owned(snapshot, database, table.owner, table.schema, target, f"{name}, whose trigger fires")
    for event in events:
        yield from granted(
            snapshot,
            database,
            database.grants(table.acl),
            event,
            f"TABLE {name}",
            table.owner,
            table.schema,
            target,
        )


def _borrowed(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> Iterator[Edge]:
    """Objects of weaker owners that the body uses with its own owner's rights."""
    used = accesses(snapshot, database, function)
    end = code(function.owner, database.name)
    name = function_name(function)
    runs = f"as {owner_named(snapshot, function.owner)}"
    for oid in sorted(used.calls):
        called = catalog.functions(database).get(oid)
        if called is None or called.extension or called.owner == function.owner:
            continue
        yield from owned(
            snapshot,
            database,
            called.owner,
            called.schema,
            end,
            f"{function_name(called)}, which {name} calls {runs}",
            kind="definer-call",
            needs=_call(snapshot, database, function, called.owner),
            cut=(change_owner(sql_name(called), function.owner, called.owner, database=database.name),),
        )
    written = {oid for oid, _ in used.writes}
    for oid in sorted(written | {oid for oid, _ in used.reads}):
        relation = catalog.relations(database).get(oid)
        if relation is None or relation.extension or relation.system or relation.owner == function.owner:
            continue
        # the owner gives a table that is written a trigger; for one that is read it needs to put a
        # view in its place
        if oid in written or relation.owner in creating(snapshot, database, relation.schema):
            yield from owned(
                snapshot,
                database,
                relation.owner,
                relation.schema,
                end,
                f"{relation_name(relation)}, which {name} uses {runs}",
                kind="definer-call",
                needs=_call(snapshot, database, function, relation.owner),
                cut=(
                    change_owner(sql_name(function), relation.owner, function.owner, database=database.name),
                ),
            )


def _call(snapshot: Snapshot, database: DatabaseSnapshot, function: Function, role: str) -> str:
    if function.returns in ("trigger", "event_trigger"):
        return f"{function_name(function)} to be set off"
    if role in holder_names(snapshot, of_function(database, function), "EXECUTE"):
        return ""
    return f"a call of {function_name(function)}"


def _bound_at_creation(database: DatabaseSnapshot) -> frozenset[int]:
    # the server prints a standard body (14 and later) anew, so that its first word tells it from a string
    known: frozenset[int] | None = database._memo.get("bodies bound at creation")
    if known is None:
        known = database._memo["bodies bound at creation"] = frozenset(
            text.oid
            for text in database.definitions
            if text.kind == "function"
            and text.language == "sql"
            and text.text.lstrip().startswith(("BEGIN ATOMIC", "RETURN "))
        )
    return known
