"""A mandate's scope as two steps: everything but the login, and then the login."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.changes.catalog import negated, role_is, unless
from pgguard.changes.privileges import grant
from pgguard.changes.read_audit import grant_select
from pgguard.changes.roles import alter_role
from pgguard.changes.tables import enable_row_security, force_row_security
from pgguard.model.mandate_names import schema_of
from pgguard.model.mandate_scope import ends_at, policies_of
from pgguard.model.plan import Step
from pgguard.model.quote import ident, literal, qualified
from pgguard.plan.mandate.pieces import create_policy, create_role, create_schema, create_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.mandate import Mandate
    from pgguard.model.mandate_scope import Scope, ScopeTable

ENCLOSED = (
    "row security is switched on for tables that had none: COPY FROM is refused there to all but superusers "
    "and roles with BYPASSRLS, sessions with row_security = off get errors (an owner's pg_dump is one: let a "
    "superuser or a role with BYPASSRLS dump), plans have one more condition; reads and other writes go on"
)


def steps_of(scope: Scope) -> tuple[Step, ...]:
    """The steps: the first is one transaction and makes a role that cannot log in, the second lets it in.

    Between the two it is proved what the role reads.
    """
    mandate = scope.mandate
    role = ident(mandate.role)
    over = (
        f"pg_catalog.now() < {literal(ends_at(mandate))}::pg_catalog.timestamptz",
        f"the window of the mandate {mandate.name} is over",
    )
    changes = tuple(_named(one, mandate) for one in _changes(scope))
    enclosed = [one.table for one in scope.tables if one.encloses]
    held = [one.table for one in scope.tables if one.form == "view"]
    opening = Step(
        slug=f"mandate_{mandate.name}",
        title=f"Mandate {mandate.name}: what {role} reads",
        why=(
            f"GDPR art. 29: {mandate.purpose}; instructed by {mandate.instructed_by} on "
            f"{mandate.instructed_on}"
        ),
        changes=changes,
        database=scope.database,
        risk=f"{', '.join(enclosed)}: {ENCLOSED}" if enclosed else "",
        asserts=(over,),
        checks=tuple(_checks(scope)),
        first=(
            f"while open, the mandated columns of {', '.join(held)} keep their types and cannot be dropped"
            if held
            else ""
        ),
    )
    entering = Step(
        slug=f"mandate_{mandate.name}_login",
        title=f"Mandate {mandate.name}: {role} may log in",
        why="only now, when the verification of the file before it holds",
        changes=(_named(alter_role(mandate.role, "LOGIN", "NOLOGIN"), mandate),),
        asserts=(over,),
    )
    return opening, entering


def _named(change: Change, mandate: Mandate) -> Change:
    """The change with its why, and an undo that can be run when the role is gone already."""
    undo = change.undo
    if undo.startswith(("REVOKE", "ALTER ROLE")):
        undo = unless(negated(role_is(mandate.role)), undo)
    why = change.why or f"mandate {mandate.name}, instructed by {mandate.instructed_by}"
    return replace(change, why=why, undo=undo)


def _changes(scope: Scope) -> Iterator[Change]:
    mandate, database = scope.mandate, scope.database
    yield create_role(mandate)
    if scope.connects:
        yield grant(["CONNECT"], f"DATABASE {ident(database)}", mandate.role)
    if any(one.form == "view" for one in scope.tables):
        schema = schema_of(mandate.name)
        yield create_schema(scope)
        yield grant(["USAGE"], f"SCHEMA {ident(schema)}", mandate.role, database=database)
    for table in scope.tables:
        if table.form == "view":
            yield create_view(scope, table)
            view = qualified(*table.source(mandate.name))
            yield grant(["SELECT"], f"TABLE {view}", mandate.role, database=database)
    named: set[str] = set()
    for table in scope.tables:
        if table.form == "policy":
            yield from _secured(scope, table)
            if table.names_schema and table.schema not in named:
                named.add(table.schema)
                yield grant(["USAGE"], f"SCHEMA {ident(table.schema)}", mandate.role, database=database)
            yield grant_select(table.table, table.columns, mandate.role, database=database)


def _secured(scope: Scope, table: ScopeTable) -> Iterator[Change]:
    """The policies first: nobody is ever without one."""
    for part, name in zip(("rows", "limit", "others"), policies_of(scope.mandate.name), strict=True):
        if part != "others" or table.encloses:
            yield create_policy(scope, table, name, part)
    if table.encloses:
        yield enable_row_security(table.table, database=scope.database)
        yield force_row_security(table.table, database=scope.database)


def _checks(scope: Scope) -> Iterator[tuple[str, str]]:
    role = scope.mandate.role
    member = (
        "EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m "
        f"WHERE pg_catalog.pg_get_userbyid(m.member) = {literal(role)})"
    )
    yield negated(member), f"{ident(role)} is a member of no role"
    yield role_is(role, "NOT r.rolsuper AND NOT r.rolbypassrls"), f"{ident(role)} is held to what is granted"
    for table in scope.tables:
        if table.form == "view":
            held = f"pg_catalog.has_any_column_privilege(r.oid, {literal(table.table)}, 'SELECT')"
            yield negated(role_is(role, held)), f"{ident(role)} reads {table.table} through its view alone"
