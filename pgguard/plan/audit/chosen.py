"""Which tables are audited, and what is recorded of them: by the policy, else by what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.names import relation_name
from pgguard.analysis.personal import classify
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.errors import InputError
from pgguard.model.audit import AuditedTable
from pgguard.model.classification import TRACES
from pgguard.model.policy import NOT_SENSITIVE
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.audit import Recorded
    from pgguard.model.policy import AuditTableEntry, Category, Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# tables with one of these describe persons; others belong to the persons that they refer to
_WHO: frozenset[Category] = frozenset({"direct_identifier", "national_id", "date_of_birth"})
_OURS = frozenset({"pgguard", "pgguard_audit"})
_ENCRYPTED = "pgguard: encrypted"


class Chosen(NamedTuple):
    """A table that is to be audited.

    `columns` are the names of its sensitive columns, `by_name` whether the policy names it.
    """

    database: str
    schema: str
    table: str
    wanted: AuditedTable
    columns: tuple[str, ...]
    by_name: bool

    @property
    def name(self) -> str:
        """Its name without the schema."""
        return self.table


def chosen(snapshot: Snapshot, policy: Policy, tables: Sequence[str] = ()) -> tuple[Chosen, ...]:
    """What is to be audited, table by table; with `tables` (as SQL names them) only these.

    Partitions go with their table. Raises `Unread`, and `InputError` with everything in the policy that names
    what is not there, or asks for values of sensitive columns in clear.
    """
    found: list[Chosen] = []
    wrong: list[str] = []
    known: set[str] = set()
    for database in snapshot.inspected:
        known |= {relation_name(one) for one in database.relations}
        found += _of_database(database, policy, wrong)
    wrong += [f"--table: there is no table {one}" for one in tables if one not in known]
    if wrong:
        raise InputError(
            "\n".join(["this cannot be audited as it is asked for; nothing was planned:", *wrong])
        )
    return tuple(one for one in found if not tables or one.wanted.name in tables)


def _of_database(database: DatabaseSnapshot, policy: Policy, wrong: list[str]) -> Iterator[Chosen]:
    entries = {one.table: one for one in policy.audit_table if one.database in ("", database.name)}
    sensitive = sensitive_tables(database, policy)
    relations = sorted(database.relations, key=lambda one: (one.schema, one.name))
    names = {relation_name(one): one for one in relations}
    wrong += [
        f"[[audit_table]] table: there is no {entry.table} in the database {ident(database.name)}"
        for entry in entries.values()
        if entry.database and entry.table not in names
    ]
    categories: dict[int, dict[str, Category]] = {}
    decided: dict[int, set[str]] = {}
    for one in classify(database, policy):
        categories.setdefault(one.relation.oid, {})[one.column.name] = one.category
        if one.decided_by != "detector" and one.category in NOT_SENSITIVE:
            decided.setdefault(one.relation.oid, set()).add(one.column.name)
    persons = {oid for oid, columns in sensitive.items() if _WHO & {one.category for one in columns}}
    for relation in relations:
        if relation.kind not in "rpf" or relation.is_partition or relation.system or relation.schema in _OURS:
            continue
        held = sensitive.get(relation.oid, ())
        entry = entries.get(relation_name(relation))
        if entry is None and (not held or {one.category for one in held} <= TRACES):
            continue
        if entry is not None and relation.persistence == "t":
            wrong.append(f"[[audit_table]] table: {entry.table} is temporary")
            continue
        subject = _subject(database, relation, entry, categories, persons)
        if entry and entry.subject and catalog.column_named(database, relation.oid, entry.subject) is None:
            wrong.append(f"[[audit_table]] subject: {entry.table} has no column {entry.subject}")
        classes = _classes(database, policy, relation, held, decided.get(relation.oid, set()), wrong)
        hidden = {one.column.name for one in held}
        yield Chosen(
            database.name,
            relation.schema,
            relation.name,
            AuditedTable(
                relation_name(relation),
                subject,
                subject_is_tag=subject in hidden,
                key_is_tag=bool(hidden & set(_key(database, relation))),
                truncate=policy.audit.truncate if entry is None or entry.truncate is None else entry.truncate,
                classes=classes,
            ),
            tuple(one.column.name for one in held),
            entry is not None,
        )


def _classes(
    database: DatabaseSnapshot,
    policy: Policy,
    relation: Relation,
    held: Sequence[Sensitive],
    harmless: set[str],
    wrong: list[str],
) -> Mapping[str, Recorded]:
    asked = {one.column: one for one in policy.audit_column if one.database in ("", database.name)}
    encrypted = {
        one.number
        for one in database.comments
        if one.relation == relation.oid and one.text.startswith(_ENCRYPTED)
    }
    hidden = {one.column.name for one in held}
    found: dict[str, Recorded] = {}
    for column in catalog.columns(database, relation.oid):
        entry = asked.get(qualified(relation.schema, relation.name, column.name))
        if column.number in encrypted:
            found[column.name] = "cipher"
        elif entry is not None and entry.record == "plain" and column.name in hidden:
            wrong.append(
                f"[[audit_column]] column: {entry.column} holds sensitive data, whose values are never "
                "recorded in clear: seal them, or mark that they changed"
            )
        elif entry is not None:
            if entry.record != "mark":
                found[column.name] = entry.record
        elif column.name in harmless:
            found[column.name] = "plain"
    return found


def _key(database: DatabaseSnapshot, relation: Relation) -> tuple[str, ...]:
    numbers = next(
        (one.columns for one in database.constraints if one.relation == relation.oid and one.kind == "p"), ()
    )
    names = {one.number: one.name for one in catalog.columns(database, relation.oid)}
    return tuple(names[number] for number in numbers if number in names)


def _subject(
    database: DatabaseSnapshot,
    relation: Relation,
    entry: AuditTableEntry | None,
    categories: Mapping[int, Mapping[str, Category]],
    persons: set[int],
) -> str:
    """The column that tells whose data a row is; empty where none is sure."""
    if entry is not None and entry.subject:
        return entry.subject
    names = {one.number: one.name for one in catalog.columns(database, relation.oid)}
    to_person = [
        names[one.columns[0]]
        for one in database.constraints
        if one.relation == relation.oid
        and one.kind == "f"
        and len(one.columns) == 1
        and one.references in persons
        and one.references != relation.oid
    ]
    if to_person:
        return to_person[0]
    key = _key(database, relation)
    if relation.oid in persons and len(key) == 1:
        return key[0]
    held = categories.get(relation.oid, {})
    for category in ("person_key", "record_number", "national_id"):
        some = [name for name in names.values() if held.get(name) == category]
        if some:
            return some[0]
    return ""
