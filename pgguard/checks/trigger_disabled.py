"""A trigger or a rule of a table, or an event trigger, is switched off.

Why it matters: what it was there for, a trace of who changed a patient's record or a rule about what
may stand in it, has not happened since, and no error says so.

How to fix: ALTER TABLE name ENABLE TRIGGER name (ALTER EVENT TRIGGER name ENABLE), then find out when it
was switched off and what the table went through since.

Silent when: enabled (ENABLE ALWAYS too); triggers of extensions; those of pgguard's audit, which
audit-disabled tells; triggers for replicas only where this database is a subscriber; a single trigger on a
table without patients' data that logs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.grouping import together
from pgguard.analysis.names import (
    database_subject,
    function_name,
    relation_name,
    relation_subject,
    schema_subject,
    shorten,
)
from pgguard.analysis.own import EVENT_FUNCTIONS, audits
from pgguard.analysis.sensitive import sensitive_tables, words
from pgguard.changes.tables import enable, enable_event_trigger
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import EventTrigger, Function, Relation, Rule, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "HIPAA 164.312(b)",
    "ISO 27001 A.8.15",
    "PostgreSQL manual, ALTER TABLE",
)
_OFF = {"D": "is disabled", "R": "fires on replicas only"}
# what the name of a trigger or of its function says when it keeps a trace, in four languages
_TRACES = frozenset(
    {
        "audit", "auditer", "log", "logs", "logger", "journal", "journaliser", "journalisation", "history",
        "historique", "historiser", "trace", "tracer", "track", "auditoria", "bitacora", "historial",
        "protokoll", "historie", "version", "versioning",
    }
)  # fmt: skip


class Off(NamedTuple):
    """A table with the triggers and rules of it that are switched off."""

    relation: Relation
    triggers: tuple[Trigger, ...]
    rules: tuple[Rule, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        functions = {function.oid: function for function in database.functions}
        for group in together(_switched_off(database, policy), _cause):
            names = [relation_name(one.relation) for one in group]
            first = group[0]
            said = [
                f"trigger {ident(one.name)} ({_called(functions, one)}) {_OFF[one.enabled]}"
                for one in first.triggers
            ]
            said += [f"rule {ident(one.name)} {_OFF[one.enabled]}" for one in first.rules]
            on = f" on {len(names)} tables: {shorten(names, 3)}" if len(group) > 1 else ""
            yield Finding(
                relation_subject(database, first.relation)
                if len(group) == 1
                else schema_subject(database, first.relation.schema),
                f"{'; '.join(said)}{on}",
                fix=tuple(
                    enable(kind, row.name, relation_name(one.relation), row.enabled, database=database.name)
                    for one in group
                    for kind, rows in (("TRIGGER", one.triggers), ("RULE", one.rules))
                    for row in rows
                ),
            )
        asleep = [
            one
            for one in database.event_triggers
            if _off(database, one) and not one.extension and not _is_audit(functions, one)
        ]
        if asleep:
            said = [f"event trigger {ident(one.name)} {_OFF[one.enabled]}" for one in asleep]
            yield Finding(
                database_subject(database.name),
                shorten(said, 3),
                fix=tuple(
                    enable_event_trigger(one.name, one.enabled, database=database.name) for one in asleep
                ),
            )


def _switched_off(database: DatabaseSnapshot, policy: Policy) -> Iterator[Off]:
    functions = {function.oid: function for function in database.functions}
    triggers: dict[int, list[Trigger]] = {}
    for trigger in database.triggers:
        triggers.setdefault(trigger.relation, []).append(trigger)
    rules: dict[int, list[Rule]] = {}
    for rule in database.rules:
        rules.setdefault(rule.relation, []).append(rule)
    working = {trigger.function for trigger in database.triggers if trigger.enabled not in _OFF}
    sensitive = sensitive_tables(database, policy)
    off_by_name = {(one.relation, one.name) for one in database.triggers if one.enabled in _OFF}
    for relation in database.relations:
        own, its_rules = triggers.get(relation.oid, []), rules.get(relation.oid, [])
        if relation.extension or not (own or its_rules):
            continue
        some_work = not _OFF.keys() >= {one.enabled for one in own} | {one.enabled for one in its_rules}
        off = tuple(
            one
            for one in own
            if _off(database, one)
            and not _is_others(functions, one)
            # DISABLE TRIGGER on a partitioned table goes through its partitions
            and not (relation.is_partition and (relation.parent, one.name) in off_by_name)
            and (
                relation.oid in sensitive
                or some_work
                or one.function in working
                or _keeps_a_trace(functions, one)
            )
        )
        off_rules = tuple(
            one for one in its_rules if _off(database, one) and (relation.oid in sensitive or some_work)
        )
        if off or off_rules:
            yield Off(relation, off, off_rules)


def _off(database: DatabaseSnapshot, row: Trigger | Rule | EventTrigger) -> bool:
    return row.enabled == "D" or (row.enabled == "R" and not database.subscriptions)


def _is_others(functions: dict[int, Function], trigger: Trigger) -> bool:
    # an extension's, or told by audit-disabled
    function = functions.get(trigger.function)
    return function is not None and (bool(function.extension) or audits(function))


def _is_audit(functions: dict[int, Function], trigger: EventTrigger) -> bool:
    function = functions.get(trigger.function)
    return function is not None and (function.schema, function.name) in EVENT_FUNCTIONS


def _keeps_a_trace(functions: dict[int, Function], trigger: Trigger) -> bool:
    function = functions.get(trigger.function)
    said = {*words(trigger.name), *(words(function.name) if function is not None else ())}
    return not said.isdisjoint(_TRACES)


def _called(functions: dict[int, Function], trigger: Trigger) -> str:
    function = functions.get(trigger.function)
    # functions of the system are not in a snapshot
    return function_name(function) if function is not None else "a function of PostgreSQL"


def _cause(one: Off) -> tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    return (
        one.relation.schema,
        tuple((trigger.name, trigger.enabled) for trigger in one.triggers),
        tuple((rule.name, rule.enabled) for rule in one.rules),
    )
