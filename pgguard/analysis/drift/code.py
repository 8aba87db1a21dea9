"""Code that runs for others: triggers (those that keep a trace first), event triggers, rules, functions.

Bodies are compared as the snapshot holds them: constants in them are hidden there, so that a body in which
nothing but a constant changed looks the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pgguard.analysis import catalog
from pgguard.analysis.ciphertext import SCHEMA
from pgguard.analysis.drift.comparison import functions, paired, relations
from pgguard.analysis.drift.difference import Area, Difference, Direction, narrowed
from pgguard.analysis.drift.sensitive import names
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.sensitive import words
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.model.rows import EventTrigger, Function, Relation, Rule, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot

# how far a trigger reaches: not at all, on replicas, in ordinary sessions, always
_FIRES = {"D": 0, "R": 1, "O": 2, "A": 3}
_SAID = {
    "D": "is disabled",
    "R": "fires on replicas only",
    "O": "fires in ordinary sessions only (session_replication_role = replica passes it by)",
    "A": "fires always",
}
# what the name of a trigger or of its function says when it keeps a trace
_TRACES = frozenset(
    {
        "audit", "auditer", "log", "logs", "logger", "journal", "journaliser", "journalisation", "history",
        "historique", "historiser", "trace", "tracer", "track", "auditoria", "bitacora", "historial",
        "protokoll", "historie", "version", "versioning",
    }
)  # fmt: skip


def triggers(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Triggers. Needs triggers, functions, relations, columns and definitions."""
    tables = {(old.oid if old else 0): new.oid for old, new in relations(comparison, pair) if new}
    texts = _texts(pair.before, "trigger"), _texts(pair.after, "trigger")
    known = catalog.relations(pair.before), catalog.relations(pair.after)
    calls = catalog.functions(pair.before), catalog.functions(pair.after)
    gone_tables = {old.oid for old, new in relations(comparison, pair) if old and not new}
    new_tables = {new.oid for old, new in relations(comparison, pair) if new and not old}
    for was, now in paired(
        ((tables.get(one.relation, -one.relation), one) for one in pair.before.triggers),
        ((one.relation, one) for one in pair.after.triggers),
        lambda item: (item[0], item[1].name),
    ):
        old, new = was[1] if was else None, now[1] if now else None
        if (old and old.relation in gone_tables) or (new and new.relation in new_tables):
            continue
        side = 1 if new else 0
        row = new or old
        assert row is not None  # noqa: S101 - a pair has one side at least
        table = known[side].get(row.relation)
        if table is None or _copied(known[side], row, pair.after if new else pair.before):
            continue
        function = calls[side].get(row.function)
        audit = _keeps_a_trace(row, function)
        said = _trigger_said(old, new, calls, texts)
        if said is not None:
            does, direction = said
            weight = Severity.CRITICAL if audit else _weight(comparison, pair, table)
            yield Difference(
                "audit" if audit else "trigger",
                direction,
                narrowed(weight, direction),
                "audit trigger" if audit else "trigger",
                (f"{ident(row.name)} on {relation_name(table)}",),
                does,
                database=pair.name,
            )


def _trigger_said(
    old: Trigger | None,
    new: Trigger | None,
    calls: tuple[Mapping[int, Function], Mapping[int, Function]],
    texts: tuple[Mapping[int, str], Mapping[int, str]],
) -> tuple[str, Direction] | None:
    if new is None:
        return "was dropped", Direction.WIDENED
    if old is None:
        return f"is new and {_SAID[new.enabled]}", Direction.NARROWED
    if old.enabled != new.enabled:
        if _FIRES[new.enabled] < _FIRES[old.enabled]:
            return f"{_SAID[new.enabled]} now", Direction.WIDENED
        return f"is enabled again and {_SAID[new.enabled]}", Direction.NARROWED
    before, after = calls[0].get(old.function), calls[1].get(new.function)
    if before and after and function_name(before) != function_name(after):
        return f"calls {function_name(after)} now", Direction.CHANGED
    if (old.timing, old.level) != (new.timing, new.level) or set(old.events) != set(new.events):
        fewer = set(old.events) - set(new.events)
        said = f"fires {new.timing} {' OR '.join(new.events)} for each {new.level} now"
        return said, Direction.WIDENED if fewer else Direction.CHANGED
    if texts[0].get(old.oid) != texts[1].get(new.oid):
        return "has another definition now (its condition, columns or arguments)", Direction.CHANGED
    return None


def audited(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Tables that pgguard's audit store no longer audits as it should. Needs audited_tables and relations."""
    tables = {old.oid: new for old, new in relations(comparison, pair) if old and new}
    new = {one.relation: one for one in pair.after.audited_tables}
    had = {tables[one.relation].oid for one in pair.before.audited_tables if one.relation in tables}
    for was in pair.before.audited_tables:
        table = tables.get(was.relation)
        now = new.get(table.oid) if table else None
        if table is None:
            continue
        if now is None:
            yield _audited(pair, table, "is audited no more", Direction.WIDENED)
        elif was.intact != now.intact:
            does = (
                "is audited whole again"
                if now.intact
                else "has not the audit triggers and code that it should"
            )
            yield _audited(pair, table, does, Direction.NARROWED if now.intact else Direction.WIDENED)
        elif was.level != now.level or was.subscribed != now.subscribed:
            yield _audited(pair, table, f"is audited by {now.level} now", Direction.CHANGED)
    known = catalog.relations(pair.after)
    for one in pair.after.audited_tables:
        if one.relation not in had and one.relation in known:
            yield _audited(pair, known[one.relation], "is audited now", Direction.NARROWED)


def _audited(pair: Pair, table: Relation, does: str, direction: Direction) -> Difference:
    severity = narrowed(Severity.CRITICAL, direction)
    return Difference(
        "audit", direction, severity, "table", (relation_name(table),), does, database=pair.name
    )


def rules(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Rules on tables and views. Needs rules, relations, columns and definitions."""
    tables = {(old.oid if old else 0): new for old, new in relations(comparison, pair) if new}
    texts = _texts(pair.before, "rule"), _texts(pair.after, "rule")
    known = catalog.relations(pair.before), catalog.relations(pair.after)

    def named(one: Rule, side: int) -> str:
        table = tables.get(one.relation) if side == 0 else known[1].get(one.relation)
        table = table or known[side].get(one.relation)
        return f"{ident(one.name)} on {relation_name(table) if table else 'a table of the system'}"

    for was, now in paired(
        ((named(one, 0), one) for one in pair.before.rules),
        ((named(one, 1), one) for one in pair.after.rules),
        lambda item: item[0],
    ):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        if was is None or now is None:
            does = "is new" if now else "was dropped"
        elif was[1].enabled != now[1].enabled:
            does = f"{_SAID[now[1].enabled]} now"
        elif texts[0].get(was[1].oid) != texts[1].get(now[1].oid):
            does = "has another definition now"
        else:
            continue
        yield Difference(
            "trigger", Direction.CHANGED, Severity.MEDIUM, "rule", (row[0],), does, database=pair.name
        )


def event_triggers(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Event triggers. Needs event_triggers and functions."""
    calls = catalog.functions(pair.before), catalog.functions(pair.after)
    for old, new in paired(pair.before.event_triggers, pair.after.event_triggers, lambda one: one.name):
        row = new or old
        assert row is not None  # noqa: S101 - a pair has one side at least
        function = calls[1 if new else 0].get(row.function)
        audit = _keeps_a_trace(row, function)
        if new is None:
            does, direction = "was dropped", Direction.WIDENED
        elif old is None:
            does, direction = f"is new and {_SAID[new.enabled]}", Direction.CHANGED
        elif old.enabled != new.enabled:
            weaker = _FIRES[new.enabled] < _FIRES[old.enabled]
            does = f"{_SAID[new.enabled]} now"
            direction = Direction.WIDENED if weaker else Direction.NARROWED
        elif (old.event, old.owner, _named(calls[0], old)) != (new.event, new.owner, _named(calls[1], new)):
            does = f"fires {_named(calls[1], new)} on {new.event} for {ident(new.owner)} now"
            direction = Direction.CHANGED
        else:
            continue
        yield Difference(
            "audit" if audit else "trigger",
            direction,
            narrowed(Severity.CRITICAL if audit else Severity.HIGH, direction),
            "event trigger",
            (ident(row.name),),
            does,
            database=pair.name,
        )


def changed_functions(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Functions: security, owner, search_path and body. Needs functions, definitions, triggers,
    event_triggers."""
    texts = _texts(pair.before, "function"), _texts(pair.after, "function")
    arguments = _texts(pair.before, "argument"), _texts(pair.after, "argument")
    firing = {one.function: one for one in pair.after.triggers}
    firing_events = {one.function: one for one in pair.after.event_triggers}
    for old, new in functions(comparison, pair):
        if new is None or (old is None and not new.definer) or new.extension:
            # who could call what is gone, or can call what is new, is told as access
            continue
        name = function_name(new)
        if old is None:
            yield _function(
                pair,
                name,
                Severity.MEDIUM,
                Direction.WIDENED,
                f"is new and runs as its owner {ident(new.owner)}",
            )
            continue
        trigger = firing.get(new.oid) or firing_events.get(new.oid)
        audit = trigger is not None and _keeps_a_trace(trigger, new)
        weight = (
            Severity.CRITICAL
            if audit
            else Severity.HIGH
            if new.definer
            else Severity.MEDIUM
            if trigger
            else Severity.LOW
        )
        for does, direction, tail in _function_said(old, new, texts, arguments):
            yield _function(pair, name, narrowed(weight, direction), direction, does, tail=tail, audit=audit)


def _function_said(
    old: Function,
    new: Function,
    texts: tuple[Mapping[int, str], Mapping[int, str]],
    arguments: tuple[Mapping[int, str], Mapping[int, str]],
) -> Iterator[tuple[str, Direction, str]]:
    if function_name(old) != function_name(new):
        yield f"was called {function_name(old)}", Direction.CHANGED, ""
    if old.definer != new.definer:
        as_whom = f"as its owner {ident(new.owner)}" if new.definer else "as its caller"
        direction = Direction.WIDENED if new.definer else Direction.NARROWED
        yield f"runs {as_whom} now", direction, ""
    elif old.owner != new.owner and new.definer:
        yield f"runs as {ident(new.owner)} now", Direction.CHANGED, f"(before: as {ident(old.owner)})"
    if set(old.config) != set(new.config):
        said = ", ".join(sorted(new.config)) or "no setting of its own"
        lost = {one.partition("=")[0] for one in old.config} - {one.partition("=")[0] for one in new.config}
        direction = Direction.WIDENED if "search_path" in lost and new.definer else Direction.CHANGED
        yield f"runs with {said} now", direction, f"(before: {', '.join(sorted(old.config)) or 'none'})"
    was, now = texts[0].get(old.oid, ""), texts[1].get(new.oid, "")
    if was != now or old.language != new.language:
        tail = f"({new.language} {_digest(now)}, before: {old.language} {_digest(was)})"
        yield "has another body now", Direction.CHANGED, tail
    elif arguments[0].get(old.oid) != arguments[1].get(new.oid):
        yield "has other defaults of its arguments now", Direction.CHANGED, ""
    if new.leakproof and not old.leakproof:
        yield "is LEAKPROOF now", Direction.WIDENED, ""


def views(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Views whose query or options changed; who reads what through them is told as access.

    Needs relations and definitions.
    """
    texts = _texts(pair.before, "view"), _texts(pair.after, "view")
    for old, new in relations(comparison, pair):
        if old is None or new is None or new.kind not in "vm":
            continue
        if set(old.options) != set(new.options):
            said = ", ".join(new.options) or "no options"
            yield _object(pair, "view", relation_name(new), f"has {said} now", Direction.NEUTRAL)
        if texts[0].get(old.oid) != texts[1].get(new.oid):
            yield _object(pair, "view", relation_name(new), "has another query now", Direction.NEUTRAL)


def _object(pair: Pair, noun: str, name: str, does: str, direction: Direction) -> Difference:
    return Difference("object", direction, Severity.LOW, noun, (name,), does, database=pair.name)


def _function(
    pair: Pair,
    name: str,
    severity: Severity,
    direction: Direction,
    does: str,
    *,
    tail: str = "",
    audit: bool = False,
) -> Difference:
    area: Area = "audit" if audit else "function"
    return Difference(area, direction, severity, "function", (name,), does, tail=tail, database=pair.name)


def _weight(comparison: Comparison, pair: Pair, table: Relation) -> Severity:
    return Severity.HIGH if relation_name(table) in names(comparison, pair) else Severity.MEDIUM


def _copied(known: Mapping[int, Relation], trigger: Trigger, database: DatabaseSnapshot) -> bool:
    """Whether it is a partition's copy of a trigger that its parent has, in the same state."""
    table = known.get(trigger.relation)
    if table is None or not table.is_partition:
        return False
    states: dict[tuple[int, str], str] | None = database._memo.get("trigger states")
    if states is None:
        states = {(one.relation, one.name): one.enabled for one in database.triggers}
        database._memo["trigger states"] = states
    return states.get((table.parent, trigger.name)) == trigger.enabled


def _keeps_a_trace(trigger: Trigger | EventTrigger, function: Function | None) -> bool:
    if function is not None and function.schema == SCHEMA and function.name.startswith("audit_"):
        return True
    said = {*words(trigger.name), *(words(function.name) if function is not None else ())}
    return not said.isdisjoint(_TRACES)


def _named(functions: Mapping[int, Function], trigger: EventTrigger) -> str:
    function = functions.get(trigger.function)
    return function_name(function) if function is not None else "a function of PostgreSQL"


def _texts(database: DatabaseSnapshot, kind: str) -> Mapping[int, str]:
    known: dict[str, dict[int, str]] | None = database._memo.get("drift texts")
    if known is None:
        known = database._memo["drift texts"] = {}
        rows: Any = database.definitions
        for one in rows:
            known.setdefault(one.kind, {})[one.oid] = one.text
    return known.get(kind, {})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
