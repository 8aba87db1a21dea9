"""An audit trigger of pgguard is switched off, does not fire always, or calls other code than it should.

Why it matters: since then changes of patients' records leave no trace, or a false one. Only a superuser does
that, by mistake or not by mistake.

How to fix: ALTER TABLE name ENABLE ALWAYS TRIGGER name; where the code is another, SELECT
pgguard_audit.audit() with what `pgguard plan --audit` says. Then find out who did it, and since when:
pgguard audit search.

Silent when: every trigger is enabled ALWAYS and, of tables in the audit store, the store finds triggers and
code as it makes them. Tables without an audit trigger are told by audit-missing; other triggers by
trigger-disabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.audit_triggers import EVENT_TRIGGERS, asleep, is_audited, leaves
from pgguard.analysis.names import database_subject, relation_name, relation_subject, shorten
from pgguard.analysis.own import EVENT_FUNCTIONS
from pgguard.changes.tables import enable, enable_event_trigger
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import AuditedTable, EventTrigger, Relation, Trigger
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = ("HIPAA 164.312(b)",)
_FIRES = {"D": "is disabled", "R": "fires on replicas only", "O": "does not fire for replicas"}
_BODIES = "its audit triggers, or their code, are not as the store makes them"
_REPLICATED = "rows reach it by replication, where its statement triggers do not fire"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    audited = [database for database in snapshot.inspected if is_audited(database)]
    if not audited:
        msg = "nothing is audited: pgguard plan --audit"
        raise NotApplicable(msg)
    for database in audited:
        off = asleep(database)
        states = {one.relation: one for one in database.audited_tables}
        told: set[int] = set()
        for oid, relation in catalog.relations(database).items():
            if relation.is_partition or oid in told:
                continue
            parts = [one for one in (relation, *leaves(database, relation)) if one.oid in off]
            said = _said(relation, parts, off, states.get(oid))
            if said:
                told.update(one.oid for one in parts)
                yield Finding(
                    relation_subject(database, relation), said, fix=tuple(_fixes(database, parts, off))
                )
        yield from _event_triggers(database)


def _said(
    relation: Relation, parts: list[Relation], off: dict[int, tuple[Trigger, ...]], state: AuditedTable | None
) -> str:
    words = []
    for part in dict.fromkeys(parts):
        on = "" if part is relation else f" on {relation_name(part)}"
        words += [f"trigger {ident(one.name)}{on} {_FIRES[one.enabled]}" for one in off[part.oid]]
    said = [shorten(words, 4)] if words else []
    if state is not None and not state.intact and not words:
        said.append(_BODIES)
    if state is not None and state.subscribed and state.level == "statement":
        said.append(_REPLICATED)
    return "; ".join(said)


def _fixes(
    database: DatabaseSnapshot, parts: list[Relation], off: dict[int, tuple[Trigger, ...]]
) -> Iterator[Change]:
    for part in dict.fromkeys(parts):
        for one in off[part.oid]:
            yield enable(
                "TRIGGER", one.name, relation_name(part), one.enabled, always=True, database=database.name
            )


def _event_triggers(database: DatabaseSnapshot) -> Iterator[Finding]:
    functions = catalog.functions(database)
    installed = {one.name for one in functions.values() if (one.schema, one.name) in EVENT_FUNCTIONS}
    if not installed:
        return
    ours: dict[str, list[EventTrigger]] = {name: [] for name in installed}
    for trigger in database.event_triggers:
        function = functions.get(trigger.function)
        if function is not None and (function.schema, function.name) in EVENT_FUNCTIONS:
            ours[function.name].append(trigger)
    off = [one for triggers in ours.values() for one in triggers if one.enabled != "A"]
    gone = [EVENT_TRIGGERS[name] for name, triggers in sorted(ours.items()) if not triggers]
    said = [f"event trigger {ident(one.name)} {_FIRES[one.enabled]}" for one in off]
    said += [f"event trigger {name} is gone" for name in gone]
    if said:
        yield Finding(
            database_subject(database.name),
            shorten(said, 3),
            fix=()
            if gone
            else tuple(
                enable_event_trigger(one.name, one.enabled, always=True, database=database.name)
                for one in off
            ),
            advice="install 022_audit_ddl.sql again" if gone else "",
        )
