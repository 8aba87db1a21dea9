"""Steps through grants on the system's own objects, ownership alone, and languages without confines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.escalation.functions import sql_name
from pgguard.analysis.escalation.graph import (
    PROGRAMS,
    READ_FILES,
    SUPERUSER,
    VERIFIERS,
    WRITE_FILES,
    Edge,
    Gate,
    code,
    rights,
)
from pgguard.analysis.escalation.holders import creating, granted, owner_named
from pgguard.analysis.membership import DATABASE_OWNER, superusers
from pgguard.analysis.names import relation_name
from pgguard.analysis.secret_views import secret_views
from pgguard.changes.ownership import change_owner
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.rows import Language, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# before 11 these ask for superuser themselves
_FUNCTIONS_SINCE = 11
_FUNCTIONS = {
    "pg_read_file": READ_FILES,
    "pg_read_binary_file": READ_FILES,
    "lo_import": READ_FILES,
    "lo_export": WRITE_FILES,
    "pg_file_write": WRITE_FILES,
}
_EFFECTS = {READ_FILES: "reads the server's files", WRITE_FILES: "writes the server's files"}
# the columns by which a catalog gives power to whoever writes them, through a view of a superuser's
_CATALOGS = {
    "pg_authid": ("rolsuper", "rolcreaterole", "rolreplication", "rolpassword"),
    "pg_auth_members": ("roleid", "member"),
    "pg_class": ("relowner", "relacl"),
    "pg_database": ("datdba",),
    "pg_db_role_setting": ("setconfig",),
    "pg_language": ("lanpltrusted",),
    "pg_proc": ("proowner", "prosrc", "prosecdef"),
    "pg_rewrite": ("ev_action",),
    "pg_trigger": ("tgfoid",),
}
_VERIFIERS = frozenset({"pg_authid", "pg_shadow"})
_SECRET = frozenset({"rolpassword", "passwd"})
# languages whose makers do not confine them; a trusted flag on one was set by hand
_UNTRUSTED = frozenset(
    {
        "c",
        "internal",
        "pljavau",
        "plluau",
        "plperlu",
        "plpython2u",
        "plpython3u",
        "plpythonu",
        "plr",
        "plruby",
        "plsh",
        "pltclu",
    }
)


def edges(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """The steps of one database that hang on single grants and on ownership."""
    yield from _database_owner(snapshot, database)
    yield from _owners(snapshot, database)
    yield from _functions(snapshot, database)
    yield from _verifiers(snapshot, database)
    yield from _catalog_views(snapshot, database)
    yield from _languages(snapshot, database)


def _database_owner(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    if snapshot.role(DATABASE_OWNER) is None:
        return
    for row in snapshot.databases:
        if row.name == database.name and row.owner not in superusers(snapshot):
            yield Edge(
                "ownership",
                rights(row.owner, database.name),
                rights(DATABASE_OWNER, database.name),
                f"{ident(row.owner)} owns database {ident(database.name)}",
                cut=(change_owner(f"DATABASE {ident(row.name)}", bootstrap(snapshot), row.owner),),
            )


def _owners(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """From a role's rights to code run as it: its functions made SECURITY DEFINER, its tables indexed.

    It matters from 16 on, where one may inherit from a role without becoming it.
    """
    held: dict[str, str] = {}
    for function in database.functions:
        if not function.system:
            held.setdefault(function.owner, f"{sql_name(function)}")
    for relation in database.relations:
        if relation.kind not in "rpm" or relation.system or relation.owner in held:
            continue
        if relation.owner in superusers(snapshot) | creating(snapshot, database, relation.schema):
            held[relation.owner] = f"table {relation_name(relation)}"
    for role in snapshot.roles:
        if role.bootstrap:
            held.setdefault(role.name, "the system's functions")
    for owner, what in held.items():
        why = f"who has the rights of {owner_named(snapshot, owner)} changes {what}, which runs as its owner"
        yield Edge("ownership", rights(owner, database.name), code(owner, database.name), why)


def bootstrap(snapshot: Snapshot) -> str:
    """The role that initdb made, under its name of today."""
    return next(role.name for role in snapshot.roles if role.bootstrap)


def _functions(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    if snapshot.major < _FUNCTIONS_SINCE:
        return
    for function in database.functions:
        power = _FUNCTIONS.get(function.name)
        if power is not None and (function.system or function.extension == "adminpack"):
            yield from granted(
                snapshot,
                database,
                database.grants(function.acl),
                "EXECUTE",
                sql_name(function),
                function.owner,
                function.schema,
                power,
                kind="server-function",
                what=f", which {_EFFECTS[power]}",
            )


def _verifiers(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    for relation in database.relations:
        if not relation.system or relation.name not in _VERIFIERS:
            continue
        acls: list[tuple[str, tuple[str, ...]]] = [(relation.acl, ())]
        acls += [
            (column.acl, (column.name,))
            for column in catalog.columns(database, relation.oid)
            if column.name in _SECRET
        ]
        for acl, columns in acls:
            yield from granted(
                snapshot,
                database,
                database.grants(acl),
                "SELECT",
                f"TABLE {relation_name(relation)}",
                relation.owner,
                relation.schema,
                VERIFIERS,
                kind="catalog-read",
                what=", password verifiers included",
                columns=columns,
            )


def _catalog_views(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """Views of superusers through which others write to the catalog, as nobody else can."""
    for view, handed in secret_views(snapshot, database, _CATALOGS):
        if view.kind == "v":
            name = min(min(sources) for sources in handed.values())
            for privilege in ("INSERT", "UPDATE"):
                yield from _through(snapshot, database, view, privilege, name)


def _through(
    snapshot: Snapshot, database: DatabaseSnapshot, view: Relation, privilege: str, name: str
) -> Iterator[Edge]:
    what = f", a view of pg_catalog.{name} that {owner_named(snapshot, view.owner)} owns"
    acls: list[tuple[str, tuple[str, ...]]] = [(view.acl, ())]
    acls += [(column.acl, (column.name,)) for column in catalog.columns(database, view.oid)]
    for acl, columns in acls:
        yield from granted(
            snapshot,
            database,
            database.grants(acl),
            privilege,
            f"TABLE {relation_name(view)}",
            view.owner,
            view.schema,
            SUPERUSER,
            kind="catalog-view",
            what=what,
            columns=columns,
        )


def loosened_languages(database: DatabaseSnapshot) -> Iterator[Language]:
    """The languages without confines that somebody marked as trusted, so that grants on them count."""
    for language in database.languages:
        if language.trusted and language.name in _UNTRUSTED:
            yield language


def _languages(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    for language in loosened_languages(database):
        for edge in granted(
            snapshot,
            database,
            database.grants(language.acl),
            "USAGE",
            f"LANGUAGE {ident(language.name)}",
            language.owner,
            "pg_catalog",
            PROGRAMS,
            kind="language",
            what=", a language without confines that was marked trusted",
        ):
            yield edge._replace(gate=Gate("function", database.name))
