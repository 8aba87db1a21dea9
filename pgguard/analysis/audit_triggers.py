"""Which writes to a table pgguard's audit triggers see.

An audit trigger calls a function of schema pgguard or pgguard_audit whose name begins with audit_, and is
enabled ALWAYS:
any other fires no more for whoever sets session_replication_role (PostgreSQL manual, ALTER TABLE). One
with a condition (WHEN), or for some columns only (UPDATE OF), sees not every write and counts for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.bodies import parsed
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.own import AUDIT, EVENT_FUNCTIONS, audits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.model.rows import Definition, Relation, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot

_ALWAYS = "A"
_TRUNCATE = "TRUNCATE"
EVENTS = ("INSERT", "UPDATE", "DELETE", _TRUNCATE)
# parameters that keep triggers or event triggers from firing
SWITCHES = frozenset({"session_replication_role", "event_triggers"})
# the event triggers of the audit, by the function that each calls
EVENT_TRIGGERS = {
    "audit_on_ddl": "pgguard_audit_ddl",
    "audit_on_drop": "pgguard_audit_drop",
    "audit_on_rewrite": "pgguard_audit_rewrite",
}


def unseen(database: DatabaseSnapshot, relation: Relation) -> tuple[str, ...]:
    """The events of one table itself that no audit trigger is there for, in order.

    A trigger that is switched off counts: that it is off is another fact. Rows that come to a partition
    through its parent set off its row triggers, and the parent's statement triggers. Foreign tables have no
    TRUNCATE to see. Raises `Unread` when triggers, functions or definitions could not be read.
    """
    wanted = EVENTS[:3] if relation.kind == "f" else EVENTS
    own = _audits(database, relation.oid)
    rows = {event for one in own if one.level == "ROW" for event in one.events}
    statements = {event for one in own if one.level != "ROW" for event in one.events}
    if relation.is_partition:
        above = _statements_above(database, relation)
        statements = {event for event in statements if event == _TRUNCATE or event in above}
    return tuple(event for event in wanted if event not in rows | statements)


def is_audited(database: DatabaseSnapshot) -> bool:
    """Whether anything in a database is audited, or was meant to be: by a store, or by an audit trigger."""
    return any(one.name == AUDIT for one in database.schemas) or bool(audited_relations(database))


def audited_relations(database: DatabaseSnapshot) -> frozenset[int]:
    """The oids of the tables that have an audit trigger, in whatever state."""
    _audits(database, 0)
    known: dict[int, list[Trigger]] = database._memo["audit triggers"]
    return frozenset(known)


def asleep(database: DatabaseSnapshot) -> dict[int, tuple[Trigger, ...]]:
    """The audit triggers that are not enabled ALWAYS, by the oid of their table."""
    found = {}
    for relation in audited_relations(database):
        off = tuple(one for one in _audits(database, relation) if one.enabled != _ALWAYS)
        if off:
            found[relation] = off
    return found


def refuses_owners(database: DatabaseSnapshot) -> bool:
    """Whether the event triggers are at work that keep owners from disabling or dropping audit triggers."""
    functions = catalog.functions(database)
    working = {
        functions[one.function].name
        for one in database.event_triggers
        if one.enabled == _ALWAYS
        and one.function in functions
        and (functions[one.function].schema, functions[one.function].name) in EVENT_FUNCTIONS
    }
    return working >= {"audit_on_ddl", "audit_on_drop"}


def leaves(database: DatabaseSnapshot, relation: Relation) -> Sequence[Relation]:
    """The partitions at the bottom of a partitioned table; the table itself for any other."""
    if relation.kind != "p":
        return (relation,)
    found: list[Relation] = []
    for child in catalog.children(database, relation.oid):
        found += leaves(database, child) if child.is_partition else ()
    return found


def _statements_above(database: DatabaseSnapshot, relation: Relation) -> set[str]:
    """The events that statement triggers see at every table above."""
    above = set(EVENTS)
    parent = catalog.relations(database).get(relation.parent)
    while parent is not None:
        above &= {
            event for one in _audits(database, parent.oid) if one.level != "ROW" for event in one.events
        }
        parent = catalog.relations(database).get(parent.parent) if parent.is_partition else None
    return above


def _audits(database: DatabaseSnapshot, relation: int) -> Sequence[Trigger]:
    known: dict[int, list[Trigger]] | None = database._memo.get("audit triggers")
    if known is None:
        known = {}
        functions = catalog.functions(database)
        ours = {oid for oid, one in functions.items() if audits(one)}
        triggers = [one for one in database.triggers if one.function in ours and one.timing != "INSTEAD OF"]
        texts = _texts(database) if triggers else {}
        by_name = {(one.relation, one.name): one for one in triggers}
        for one in triggers:
            text = texts.get(one.oid) or _text_above(database, texts, by_name, one)
            if text is None or not _is_partial(database, text):
                known.setdefault(one.relation, []).append(one)
        database._memo["audit triggers"] = known
    return known.get(relation, ())


def _texts(database: DatabaseSnapshot) -> dict[int, Definition]:
    return {one.oid: one for one in database.definitions if one.kind == "trigger"}


def _text_above(
    database: DatabaseSnapshot,
    texts: Mapping[int, Definition],
    by_name: Mapping[tuple[int, str], Trigger],
    trigger: Trigger,
) -> Definition | None:
    """The text of the trigger of the same name that a partition's was copied from (11 to 14)."""
    relation = catalog.relations(database).get(trigger.relation)
    while relation is not None and relation.is_partition:
        above = by_name.get((relation.parent, trigger.name))
        if above is not None and above.oid in texts:
            return texts[above.oid]
        relation = catalog.relations(database).get(relation.parent)
    return None


def _is_partial(database: DatabaseSnapshot, text: Definition) -> bool:
    try:
        trees = list(parsed(database, text))
    except Unparsable:
        # what it leaves out is not known
        return True
    made = [tree["CreateTrigStmt"] for tree in trees if "CreateTrigStmt" in tree]
    return any(one.get("whenClause") or one.get("columns") for one in made)
