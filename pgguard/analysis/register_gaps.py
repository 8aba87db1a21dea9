"""Where a database and the register of processing differ: tables, columns, rights, types of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.able import able, logins_of
from pgguard.analysis.names import relation_name
from pgguard.analysis.privileges import of_column
from pgguard.analysis.register import (
    Covered,
    column_names,
    is_whole,
    of_database,
    table_names,
    tables_of,
)
from pgguard.analysis.routes import stands_alone, to_columns
from pgguard.analysis.sensitive import STORED, sensitive_tables, sensitive_views
from pgguard.model.classification import TRACES
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.register import Activity
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"})


class Unlisted(NamedTuple):
    """A sensitive table that no activity is about; `columns` where only some of its columns are missing."""

    relation: Relation
    columns: tuple[str, ...]


def unlisted(database: DatabaseSnapshot, policy: Policy) -> Iterator[Unlisted]:
    """The sensitive tables of a database, or columns of them, that none of its activities names.

    Partitions go with their parent, children with what they inherit from, and tables whose only personal data
    are traces of the staff are left out. Raises `Unread` when relations or columns could not be read.
    """
    activities = of_database(policy, database.name)
    if not activities or any(is_whole(one) for one in activities):
        return
    tables = {name for one in activities for name in one.tables}
    columns = {name for one in activities for name in one.columns}
    for found in sensitive_tables(database, policy).values():
        relation = found[0].relation
        if relation.is_partition or {one.category for one in found} <= TRACES:
            continue
        if any(not table_names(one).isdisjoint(tables) for one in _ancestry(database, relation)):
            continue
        missing = [one for one in found if column_names(relation, one.column).isdisjoint(columns)]
        if missing:
            some = len(missing) < len(found)
            yield Unlisted(relation, tuple(ident(one.column.name) for one in missing) if some else ())


def unreal(snapshot: Snapshot, activity: Activity) -> Iterator[str]:
    """The tables and columns that an activity lists and that none of its databases has.

    Nothing is told where one of its databases that are here was not looked at, or none is here. Raises
    `Unread` when relations or columns could not be read.
    """
    here = {row.name for row in snapshot.databases} & set(activity.databases)
    inspected = [one for one in snapshot.inspected if one.name in here]
    if is_whole(activity) or not here or len(inspected) < len(here):
        return
    relations = {
        name: (database, relation)
        for database in inspected
        for relation in database.relations
        for name in table_names(relation)
    }
    yield from (name for name in activity.tables if name not in relations)
    for name in activity.columns:
        tables = [
            relations[name[:at]] for at, one in enumerate(name) if one == "." and name[:at] in relations
        ]
        if not any(
            name in column_names(relation, column)
            for database, relation in tables
            for column in catalog.columns(database, relation.oid)
        ):
            yield name


class Right(NamedTuple):
    """What a role that the register does not cover holds, and the logins that have it by that role."""

    grantee: str
    logins: tuple[str, ...]
    relations: tuple[str, ...]


def uncovered(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Right]:
    """The rights on sensitive tables and on views of them that nothing in the register covers.

    Superusers and PUBLIC are left out: other checks tell of them. Raises `Unread` when what it takes could
    not be read.
    """
    covered = Covered(snapshot, policy)
    about = [(one, tables_of(one)) for one in of_database(policy, database.name)]
    found: dict[str, dict[str, set[str]]] = {}
    judged: dict[object, list[tuple[str, frozenset[str]]]] = {}
    for relation, columns in _personal(database, policy):
        names = table_names(relation)
        activities = tuple(one for one, tables in about if is_whole(one) or not names.isdisjoint(tables))
        key = (relation.acl, frozenset(one.acl for one in columns), activities)
        if key not in judged:
            judged[key] = [
                (grantee, without)
                for grantee in _grantees(database, relation, columns)
                if not covered.role(grantee, activities)
                and (
                    without := frozenset(
                        one for one in logins_of(snapshot, grantee) if not covered.login(one, activities)
                    )
                )
            ]
        for grantee, logins in judged[key]:
            for login in logins:
                found.setdefault(grantee, {}).setdefault(relation_name(relation), set()).add(login)
    for grantee, tables in sorted(found.items()):
        logins = frozenset[str]().union(*tables.values())
        yield Right(grantee, tuple(sorted(logins)), tuple(sorted(tables)))


def types_read(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    policy: Policy,
    logins: frozenset[str],
    agreed: Sequence[str],
) -> Mapping[str, str]:
    """The types of data beyond those agreed that the logins can read, each with a column that holds it.

    By grants, through views, functions and relatives, and as superuser. Raises `Unread` when what it takes
    could not be read.
    """
    found: dict[str, str] = {}
    everything = any((role := snapshot.role(name)) is not None and role.superuser for name in logins)
    for columns in sensitive_tables(database, policy).values():
        for one in columns:
            if one.category in agreed or one.category in found:
                continue
            if everything or reads(snapshot, database, one, logins):
                found[one.category] = f"{relation_name(one.relation)}.{ident(one.column.name)}"
    return found


def reads(snapshot: Snapshot, database: DatabaseSnapshot, one: Sensitive, logins: frozenset[str]) -> bool:
    """Whether one of the logins, superusers aside, can read a column, by whatever way."""
    thing = of_column(database, one.relation, one.column)
    if not able(snapshot, database, thing, "SELECT").isdisjoint(logins):
        return True
    if stands_alone(snapshot, database, one.relation):
        return False
    for route in to_columns(snapshot, database, one.relation, frozenset({one.column.number}), "SELECT"):
        through = able(snapshot, database, route.thing, route.privilege) & logins
        if through if route.users is None else through & route.users:
            return True
    return False


def _personal(database: DatabaseSnapshot, policy: Policy) -> Iterator[tuple[Relation, Sequence[Column]]]:
    tables = sensitive_tables(database, policy)
    views = sensitive_views(database, policy)
    for relation in database.relations:
        if relation.oid in tables and relation.kind in STORED:
            yield relation, [one.column for one in tables[relation.oid]]
        elif relation.oid in views:
            yield relation, catalog.columns(database, relation.oid)


def _grantees(database: DatabaseSnapshot, relation: Relation, columns: Sequence[Column]) -> list[str]:
    acls = dict.fromkeys((relation.acl, *(one.acl for one in columns)))
    return sorted(
        {
            grant.grantee
            for acl in acls
            for grant in database.grants(acl)
            if grant.privilege in _PRIVILEGES and grant.grantee != PUBLIC
        }
    )


def _ancestry(database: DatabaseSnapshot, relation: Relation) -> Iterator[Relation]:
    known = catalog.relations(database)
    yield relation
    while relation.parent in known:
        relation = known[relation.parent]
        yield relation
