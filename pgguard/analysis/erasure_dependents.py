"""What holds the same data beside the tables of an erasure, as far as the catalog tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.copies import copies
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.errors import Unread
from pgguard.model.classification import TRACES
from pgguard.model.erasure import Dependent
from pgguard.model.quote import ident

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Collection, Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot

    Names = Collection[str]


def dependents(
    database: DatabaseSnapshot, policy: Policy, tables: Names, today: datetime.date
) -> Iterator[Dependent]:
    """Materialized views, copies, publications, foreign tables, audit entries, and what triggers write.

    A part that could not be read is told as unknown.
    """
    parts: tuple[tuple[str, Callable[[], Iterator[Dependent]]], ...] = (
        ("materialized views", lambda: _views(database, tables)),
        ("copies", lambda: _copies(database, policy, tables)),
        ("publications", lambda: _publications(database, tables)),
        ("foreign tables", lambda: _foreign(database)),
        ("audit store", lambda: _audited(database, tables)),
        ("triggers", lambda: _triggers(database, tables)),
        ("large objects", lambda: _large_objects(database)),
    )
    for name, part in parts:
        try:
            yield from part()
        except Unread as error:
            yield Dependent("unknown", name, f"it could not be read whether there are any: {error.reason}")
    for one in policy.staging:
        if one.database in ("", database.name) and one.until < today:
            names = {relation_name(relation) for relation in database.relations}
            if one.table in names:
                yield Dependent(
                    "staging",
                    one.table,
                    f"a temporary copy whose time ended on {one.until}: DROP TABLE {one.table};",
                )


def sensitive_names(database: DatabaseSnapshot, policy: Policy) -> tuple[str, ...]:
    """The tables that hold more of persons than traces of who wrote a row; partitions go with their table.

    Raises `Unread`.
    """
    found = []
    for columns in sensitive_tables(database, policy).values():
        relation = columns[0].relation
        if (
            relation.kind in "rp"
            and not relation.is_partition
            and not {one.category for one in columns} <= TRACES
        ):
            found.append(relation_name(relation))
    return tuple(found)


def materialized(database: DatabaseSnapshot, tables: Names) -> tuple[str, ...]:
    """The materialized views that read those tables, through views as well, each after those it reads.

    Raises `Unread`.
    """
    known = catalog.relations(database)
    oids = _oids(database, tables)
    found: list[str] = []
    todo = list(oids)
    seen = set(oids)
    for oid in todo:
        for one in database.view_columns:
            if one.relation == oid and one.view not in seen and one.view in known:
                seen.add(one.view)
                todo.append(one.view)
                if known[one.view].kind == "m":
                    found.append(relation_name(known[one.view]))
    return tuple(found)


def _views(database: DatabaseSnapshot, tables: Names) -> Iterator[Dependent]:
    for name in materialized(database, tables):
        yield Dependent("materialized view", name, f"REFRESH MATERIALIZED VIEW {name}; (--refresh does it)")


def _copies(database: DatabaseSnapshot, policy: Policy, tables: Names) -> Iterator[Dependent]:
    for one in copies(database, policy):
        if relation_name(one.relation) in tables:
            continue
        yield Dependent(
            "copy",
            relation_name(one.relation),
            f"it looks like a copy ({one.why}), and no rule is for it: add it to the copies of a rule, or "
            "drop it",
        )


def _publications(database: DatabaseSnapshot, tables: Names) -> Iterator[Dependent]:
    oids = _oids(database, tables)
    sent = {one.publication for one in database.publication_tables if one.relation in oids}
    for one in database.publications:
        if one.all_tables or one.name in sent:
            yield Dependent(
                "publication",
                ident(one.name),
                "subscribers delete what is deleted here if the publication sends deletes and updates; "
                "look there",
            )


def _foreign(database: DatabaseSnapshot) -> Iterator[Dependent]:
    for one in database.relations:
        if one.kind == "f" and not one.system:
            yield Dependent(
                "foreign table", relation_name(one), "its rows are on another server: erase them there"
            )


def _audited(database: DatabaseSnapshot, tables: Names) -> Iterator[Dependent]:
    oids = _oids(database, tables)
    known = catalog.relations(database)
    for one in database.audited_tables:
        if one.relation in oids:
            yield Dependent(
                "audit store",
                relation_name(known[one.relation]),
                "entries keep what rows were, as the policy records it: until `pgguard audit purge`, or "
                "for one "
                "person `pgguard audit erase-subject`",
            )


def _triggers(database: DatabaseSnapshot, tables: Names) -> Iterator[Dependent]:
    oids = _oids(database, tables)
    known = catalog.relations(database)
    functions = {one.oid: one for one in database.functions}
    for one in database.triggers:
        function = functions.get(one.function)
        if one.relation in oids and one.enabled != "D" and function and function.schema != "pgguard_audit":
            yield Dependent(
                "trigger",
                f"{ident(one.name)} of {relation_name(known[one.relation])}",
                f"what {ident(function.schema)}.{ident(function.name)}() has written elsewhere is not "
                "followed",
            )


def _large_objects(database: DatabaseSnapshot) -> Iterator[Dependent]:
    count = sum(one.objects for one in database.large_objects)
    if count:
        yield Dependent(
            "large objects", str(count), "a row that names one does not take it along: lo_unlink, or vacuumlo"
        )


def _oids(database: DatabaseSnapshot, tables: Names) -> set[int]:
    return {one.oid for one in database.relations if relation_name(one) in tables}
