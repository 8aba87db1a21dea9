"""What records who reads a table: pgaudit's settings, its reference role, and what that role may read.

pgaudit writes a line for a statement that takes a privilege which its reference role (pgaudit.role) holds
itself or inherits: on the relation, or on one of the columns that the statement names. What everybody may
do (PUBLIC) does not count. A privilege on a parent says nothing of its partitions, when they are named.
Source: pgaudit's manual, Object Audit Logging; tried on real servers (docs/audit-reads.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.membership import inherited_roles, superusers
from pgguard.analysis.people import personal_logins
from pgguard.analysis.settings import audit_classes, by_database, is_off, loaded_at_start

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

LIBRARY = "pgaudit"
# the reference role that a plan makes
REFERENCE = "pgguard_read_audit"
# what the log of reads must not be told: texts and values, and rows, with which COPY and cursors vanish
QUIET = ("pgaudit.log_statement", "pgaudit.log_rows", "pgaudit.log_parameter")


# what pgguard keeps in a database for itself
OURS = frozenset({"pgguard", "pgguard_audit"})


class Held(NamedTuple):
    """A relation in which sensitive columns can be read, and which of its columns they are.

    No columns: of a materialized view, that all of it may be.
    """

    relation: Relation
    columns: tuple[str, ...]


def is_loaded(snapshot: Snapshot) -> bool:
    """Whether pgaudit is in the server since its start, as it has to be to record anything.

    Raises `Unread` when the parameters could not be read.
    """
    return LIBRARY in loaded_at_start(snapshot) and snapshot.has_setting("pgaudit.log")


def reference_roles(snapshot: Snapshot) -> Mapping[str, str]:
    """The reference role of each database that sessions can be in; empty where there is none."""
    if not is_loaded(snapshot):
        return {}
    return by_database(snapshot, "pgaudit.role")


def places(database: DatabaseSnapshot, relation: Relation, columns: Collection[str]) -> tuple[Held, ...]:
    """Everywhere that these columns of a table can be read by name.

    The table, its partitions and those that inherit from it, each with the stored columns of those that are
    encrypted; the view that has taken the place of an encrypted table; materialized views over any of them.
    """
    stored = {
        (one.relation.oid, one.clear.name): one.stored.name
        for one in encrypted(database)
        if one.clear is not None
    }
    found: dict[int, Held] = {}
    for one in _family(database, relation):
        names = [name for name in columns if catalog.column_named(database, one.oid, name) is not None]
        names += [stored[one.oid, name] for name in columns if (one.oid, name) in stored]
        found[one.oid] = Held(one, tuple(names))
    read = {
        (one.oid, column.number)
        for one, names in found.values()
        for column in catalog.columns(database, one.oid)
        if column.name in names
    }
    for one in _views(database, set(found), read):
        if one.kind == "m":
            found[one.oid] = Held(one, ())
        elif relation.oid in _stored_under(database).get(one.oid, ()):
            names = [name for name in columns if catalog.column_named(database, one.oid, name) is not None]
            found[one.oid] = Held(one, tuple(names))
    return tuple(found.values())


def missing(snapshot: Snapshot, database: DatabaseSnapshot, role: str, held: Held) -> tuple[str, ...] | None:
    """The columns that a reference role may not read, so that nothing is written of them; None: the whole
    relation, of which no column is named. An empty tuple: nothing is missing.

    Raises `Unread` when roles, columns or ACLs could not be read.
    """
    counted = {role, *inherited_roles(snapshot, role, database.name)}
    relation = held.relation
    if _may_select(database, relation.acl, counted):
        return ()
    if not held.columns:
        return None
    return tuple(
        name
        for name in held.columns
        if (column := catalog.column_named(database, relation.oid, name)) is not None
        and not _may_select(database, column.acl, counted)
    )


def audited_columns(
    snapshot: Snapshot, database: DatabaseSnapshot, role: str, relation: Relation
) -> tuple[str, ...]:
    """The columns of a relation of which reads are told by the reference role."""
    counted = {role, *inherited_roles(snapshot, role, database.name)}
    whole = _may_select(database, relation.acl, counted)
    return tuple(
        one.name
        for one in catalog.columns(database, relation.oid)
        if whole or _may_select(database, one.acl, counted)
    )


def records_sessions(snapshot: Snapshot, database: str) -> bool:
    """Whether every session's reads in a database are written with the relation or the statement."""
    if "read" not in audit_classes(by_database(snapshot, "pgaudit.log").get(database, "")):
        return False
    return any(
        not is_off(by_database(snapshot, name).get(database, "off"))
        for name in ("pgaudit.log_relation", "pgaudit.log_statement")
    )


def human_roles(snapshot: Snapshot, policy: Policy) -> tuple[str, ...]:
    """The logins of people, declared administrators among them.

    Raises `Unread` when the roles could not be read.
    """
    people = {one.name for one in personal_logins(snapshot, policy)}
    people |= {one.name for one in snapshot.roles if one.login and policy.is_administrator(one.name)}
    return tuple(sorted(people))


def overrides(snapshot: Snapshot) -> Iterator[tuple[str, str, str, str]]:
    """Settings by which a login's, or a database's, reads are recorded otherwise: role, database (empty for
    all), name and value. Superusers are left out: they can do it at any time, and leave no trace of it.
    """
    above = superusers(snapshot)
    for one in snapshot.role_settings:
        role = snapshot.role(one.role) if one.role else None
        if one.role and (role is None or not role.login or one.role in above):
            continue
        if one.name == "pgaudit.role" or (one.name == "pgaudit.log_rows" and not is_off(one.value)):
            yield one.role, one.database, one.name, one.value


def unseen(snapshot: Snapshot) -> Iterator[str]:
    """What the server's log does not tell of reads, as it is set up now: a sentence for each reason.

    Raises `Unread` when roles or parameters could not be read.
    """
    if not is_loaded(snapshot):
        if set(by_database(snapshot, "log_statement").values()) == {"all"}:
            yield "pgaudit is not loaded: reads are known by the text of statements alone"
        else:
            yield (
                "pgaudit is not loaded, and log_statement is not all: most reads leave no line in the log; "
                "that none is in the store does not mean that nobody read"
            )
        return
    without = sorted(name for name, role in reference_roles(snapshot).items() if not role)
    if without:
        yield f"pgaudit has no reference role (pgaudit.role) in {', '.join(without)}: only sessions are told"
    for role, database, name, value in overrides(snapshot):
        where = f" in {database}" if database else ""
        who = role or "everybody"
        yield f"{who}{where} has {name} = {value or 'empty'}: reads are told otherwise, or not"
    yield (
        "pgaudit does not see what a SECURITY DEFINER function reads for a login that is no member of its "
        "owner, nor what a superuser reads after a SET, and whole rows (SELECT t FROM t) only of people and "
        "of tables that are granted as a whole"
    )


def shown_as(database: DatabaseSnapshot) -> Mapping[int, tuple[int, Mapping[str, str]]]:
    """For tables with encrypted columns: the view that people name instead (0 without one), and the names
    of the clear columns by those of the stored ones.
    """
    found: dict[int, tuple[int, dict[str, str]]] = {}
    views = {table: view for view, tables in _stored_under(database).items() for table in tables}
    for one in encrypted(database):
        view, names = found.setdefault(one.relation.oid, (views.get(one.relation.oid, 0), {}))
        name = one.clear.name if one.clear is not None else one.stored.name.removesuffix("_pgg1")
        names[one.stored.name] = name
        found[one.relation.oid] = (view, names)
    return found


def _stored_under(database: DatabaseSnapshot) -> Mapping[int, frozenset[int]]:
    """The tables that are stored under views of the same name: view to tables."""
    known: dict[int, frozenset[int]] | None = database._memo.get("stored under views")
    if known is None:
        tables = {one.relation.oid: one.relation for one in encrypted(database)}
        grown: dict[int, set[int]] = {}
        relations = catalog.relations(database)
        for oid, table in tables.items():
            for use in catalog.used_by(database, oid):
                view = relations.get(use.view)
                if view is not None and view.kind == "v" and table.name == f"{view.name}_pgg1":
                    grown.setdefault(view.oid, set()).add(oid)
        known = database._memo["stored under views"] = {one: frozenset(oids) for one, oids in grown.items()}
    return known


def _family(database: DatabaseSnapshot, relation: Relation) -> Iterator[Relation]:
    yield relation
    for child in catalog.children(database, relation.oid):
        yield from _family(database, child)


def _views(
    database: DatabaseSnapshot, tables: Collection[int], columns: Collection[tuple[int, int]]
) -> list[Relation]:
    """The views and materialized views that read these columns of some tables, directly or through others."""
    relations = catalog.relations(database)
    found: dict[int, Relation] = {}
    todo = list(tables)
    while todo:
        below = todo.pop()
        for use in catalog.used_by(database, below):
            is_read = below in found or use.number == 0 or (below, use.number) in columns
            if is_read and use.view not in found and use.view in relations:
                found[use.view] = relations[use.view]
                todo.append(use.view)
    return sorted(found.values(), key=lambda one: (one.schema, one.name))


def _may_select(database: DatabaseSnapshot, acl: str, roles: Collection[str]) -> bool:
    return any(one.privilege == "SELECT" and one.grantee in roles for one in database.grants(acl))
