"""What a mandate gives to its role in a database, and the roles that it acts as."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.access import connectors, uses_schema
from pgguard.analysis.granted import in_database
from pgguard.analysis.membership import settable_roles, superusers
from pgguard.analysis.names import relation_name
from pgguard.analysis.privileges import holder_names
from pgguard.analysis.register import column_names, table_names
from pgguard.model.finding import NotApplicable
from pgguard.model.mandate_names import policy_of, schema_of, view_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.privileges import Securable
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_PARTS = ("rows", "limit", "others")


class Taken(NamedTuple):
    """A table of a mandate as the catalog has it, and the numbers of the columns that the mandate takes."""

    entry: MandateTable
    relation: Relation
    columns: frozenset[int]


def declared(policy: Policy) -> tuple[Mandate, ...]:
    """The mandates of the policy.

    Raises `NotApplicable` when it has none.
    """
    if not policy.mandate:
        msg = "the policy declares no mandate ([[mandate]] and [[mandate_table]]; docs/policy.md says how)"
        raise NotApplicable(msg)
    return policy.mandate


def is_about(mandate: Mandate, database: DatabaseSnapshot) -> bool:
    """Whether a mandate takes data from a database; one that names none takes them from any."""
    return mandate.database in ("", database.name)


def tables(database: DatabaseSnapshot, policy: Policy, mandate: Mandate) -> tuple[Taken, ...]:
    """The tables of a mandate that a database has; none of a database that it is not about."""
    if not is_about(mandate, database):
        return ()
    entries = {one.table: one for one in policy.mandate_table if one.mandate == mandate.name}
    found = []
    for relation in database.relations if entries else ():
        for name in table_names(relation) & entries.keys():
            entry = entries[name]
            wanted = {f"{name}.{column}" for column in entry.columns}
            numbers = frozenset(
                one.number
                for one in catalog.columns(database, relation.oid)
                if not column_names(relation, one).isdisjoint(wanted)
            )
            found.append(Taken(entry, relation, numbers))
    return tuple(found)


def staging(database: DatabaseSnapshot, mandate: Mandate) -> frozenset[int]:
    """The oids of the tables that were made for a mandate in a database."""
    if not mandate.staging or not is_about(mandate, database):
        return frozenset()
    named = frozenset(mandate.staging)
    return frozenset(one.oid for one in database.relations if not table_names(one).isdisjoint(named))


def given(database: DatabaseSnapshot, taken: tuple[Taken, ...]) -> Mapping[int, frozenset[int]]:
    """The numbers of the columns that a mandate takes, by table; of partitions and children too."""
    found: dict[int, frozenset[int]] = {}
    for one in taken:
        known = catalog.columns(database, one.relation.oid)
        names = {column.name for column in known if column.number in one.columns}
        todo = [one.relation]
        while todo:
            here = todo.pop()
            numbers = frozenset(
                column.number for column in catalog.columns(database, here.oid) if column.name in names
            )
            found[here.oid] = found.get(here.oid, frozenset()) | numbers
            todo.extend(catalog.children(database, here.oid))
    return found


def own_view(mandate: Mandate, taken: Taken, relation: Relation) -> bool:
    """Whether a relation is the view through which a mandate reads a table."""
    return (relation.schema, relation.name) == (schema_of(mandate.name), view_of(taken.entry.table))


def own_policies(database: DatabaseSnapshot, mandate: Mandate) -> tuple[RowPolicy, ...]:
    """The row policies that were made for a mandate."""
    names = frozenset(policy_of(mandate.name, part) for part in _PARTS)
    return tuple(one for one in database.row_policies if one.name in names)


def acts_as(snapshot: Snapshot, database: DatabaseSnapshot, role: str) -> frozenset[str]:
    """The roles that a role can act as in a database: itself, and those that it can become by SET ROLE.

    Whether it may log in does not matter here. None where it has no CONNECT.
    """
    if role not in connectors(snapshot, database.name):
        return frozenset()
    return frozenset(settable_roles(snapshot, role, database.name))


def using(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    thing: Securable,
    privilege: str,
    who: frozenset[str],
) -> frozenset[str]:
    """Those of some roles that can use a privilege on an object, the way to its schema included."""
    names = holder_names(snapshot, thing, privilege) & who
    if names and thing.schema:
        names &= uses_schema(snapshot, database, thing.schema) | superusers(snapshot)
    return names


def held_in(database: DatabaseSnapshot, role: str) -> list[str]:
    """What a role owns or was granted in a database, by name; PUBLIC's rights are not among it.

    Raises `Unread` when one of the sections that carry an ACL could not be read.
    """
    found = (
        one.told
        for one in in_database(database)
        if one.owner == role or any(grant.grantee == role for grant in one.grants)
    )
    return list(dict.fromkeys(found))


def leftovers(database: DatabaseSnapshot, mandate: Mandate) -> Iterator[str]:
    """What was made for a mandate in a database and is still there: its schema and its row policies."""
    if not is_about(mandate, database):
        return
    name = schema_of(mandate.name)
    views = sum(1 for one in database.relations if one.schema == name)
    if any(one.name == name for one in database.schemas):
        yield f"schema {name} with {views} {'view' if views == 1 else 'views'} in database {database.name}"
    known = catalog.relations(database)
    for one in own_policies(database, mandate):
        if one.relation in known:
            yield f"row policy {one.name} of {relation_name(known[one.relation])}"
