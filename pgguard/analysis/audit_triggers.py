"""Which writes to a table pgguard's audit triggers see.

An audit trigger calls a function of schema pgguard or pgguard_audit whose name begins with audit_, and is
enabled ALWAYS:
any other fires no more for whoever sets session_replication_role (PostgreSQL manual, ALTER TABLE). One
with a condition (WHEN), or for some columns only (UPDATE OF), sees not every write and counts for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import parsed
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.own import audits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.model.rows import Definition, Relation, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot

_ALWAYS = "A"
_TRUNCATE = "TRUNCATE"
EVENTS = ("INSERT", "UPDATE", "DELETE", _TRUNCATE)


class Watched(NamedTuple):
    """What audit triggers see of a table: the events that none does, in order, and those of pgguard's
    triggers that would see them if they were enabled ALWAYS."""

    missing: tuple[str, ...]
    asleep: tuple[Trigger, ...]

    @property
    def complete(self) -> bool:
        """Whether every write is seen."""
        return not self.missing


def watched(database: DatabaseSnapshot, relation: Relation) -> Watched:
    """What audit triggers see of what is written to one table itself.

    Rows that come to a partition through its parent set off its row triggers, and the parent's statement
    triggers. Foreign tables have no TRUNCATE to see. Raises `Unread` when triggers, functions or
    definitions could not be read.
    """
    wanted = EVENTS[:3] if relation.kind == "f" else EVENTS
    own = [one for one in _audits(database, relation.oid) if one.enabled == _ALWAYS]
    rows = {event for one in own if one.level == "ROW" for event in one.events}
    statements = {event for one in own if one.level != "ROW" for event in one.events}
    if relation.is_partition:
        above = _statements_above(database, relation)
        statements = {event for event in statements if event == _TRUNCATE or event in above}
    missing = tuple(event for event in wanted if event not in rows | statements)
    asleep = tuple(
        one
        for one in _audits(database, relation.oid)
        if one.enabled != _ALWAYS and not set(missing).isdisjoint(one.events)
    )
    return Watched(missing, asleep)


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
            event
            for one in _audits(database, parent.oid)
            if one.enabled == _ALWAYS and one.level != "ROW"
            for event in one.events
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
