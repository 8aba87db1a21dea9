"""The changes that personal roles are made of; each can be run again, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import (
    every,
    has_default_grant,
    has_grant,
    has_setting,
    is_member,
    negated,
    policy_names,
    role_is,
    unless,
)
from pgguard.model.finding import Change
from pgguard.model.quote import grantee, ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.rows import DefaultAcl, RowPolicy

_ROLES = "ROW EXCLUSIVE on pg_authid and pg_auth_members; no session waits"
_ACLS = "ROW EXCLUSIVE on system catalogs; readers and writers of the object are not blocked"
_POLICY = "ACCESS EXCLUSIVE on the table, for a moment; waits for those who read it"
_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}


def create_role(name: str, attributes: str, condition: str) -> Change:
    """CREATE ROLE unless it is there; `condition`, about r of pg_roles, tells that it is the one meant."""
    made = f"CREATE ROLE {ident(name)} {attributes};"
    return Change(
        sql=unless(role_is(name), made),
        undo=f"DROP ROLE IF EXISTS {ident(name)};",
        lock=_ROLES,
        planned=negated(role_is(name)),
        done=role_is(name, condition),
    )


def add_member(role: str, member: str, *, options: str = "") -> Change:
    """GRANT a role to a new member; `options` as WITH has them (INHERIT FALSE, SET TRUE; 16 and later)."""
    return Change(
        sql=f"GRANT {ident(role)} TO {ident(member)}{f' WITH {options}' if options else ''};",
        undo=f"REVOKE {ident(role)} FROM {ident(member)};",
        lock=_ROLES,
        planned=negated(is_member(role, member)),
        done=is_member(role, member),
    )


def add_grant(
    keyword: str, name: str, role: str, privileges: Sequence[str], *, database: str | None, column: str = ""
) -> Change:
    """GRANT privileges on an object to a role that holds none of them."""
    suffix = f" ({ident(column)})" if column else ""
    what = ", ".join(f"{one}{suffix}" for one in privileges)
    return Change(
        sql=f"GRANT {what} ON {keyword} {name} TO {ident(role)};",
        undo=f"REVOKE {what} ON {keyword} {name} FROM {ident(role)};",
        lock=_ACLS,
        database=database,
        planned=every(negated(has_grant(keyword, name, role, one, column=column)) for one in privileges),
        done=every(has_grant(keyword, name, role, one, column=column) for one in privileges),
    )


def take_grant(
    keyword: str,
    name: str,
    role: str,
    privileges: Sequence[tuple[str, bool]],
    *,
    database: str | None,
    column: str = "",
) -> Change:
    """REVOKE what the owner granted to a role; the undo grants it again, with its grant options."""
    suffix = f" ({ident(column)})" if column else ""
    names = [one for one, _ in privileges]
    what = ", ".join(f"{one}{suffix}" for one in names)
    grantable = all(option for _, option in privileges)
    return Change(
        sql=f"REVOKE {what} ON {keyword} {name} FROM {ident(role)};",
        undo=f"GRANT {what} ON {keyword} {name} TO {ident(role)}{' WITH GRANT OPTION' if grantable else ''};",
        lock=_ACLS,
        database=database,
        planned=every(has_grant(keyword, name, role, one, column=column) for one in names),
        done=every(negated(has_grant(keyword, name, role, one, column=column)) for one in names),
    )


def add_default(
    entry_role: str, schema: str, kind: str, role: str, privileges: Sequence[str], *, database: str
) -> Change:
    """ALTER DEFAULT PRIVILEGES: new objects of `entry_role` come with these for `role`."""
    head = _default_head(entry_role, schema)
    what = ", ".join(privileges)
    return Change(
        sql=f"{head} GRANT {what} ON {_KINDS[kind]} TO {ident(role)};",
        undo=f"{head} REVOKE {what} ON {_KINDS[kind]} FROM {ident(role)};",
        lock="ROW EXCLUSIVE on pg_default_acl; objects that are there already stay as they are",
        database=database,
        planned=every(
            negated(has_default_grant(entry_role, schema, _KINDS[kind], role, one)) for one in privileges
        ),
        done=every(has_default_grant(entry_role, schema, _KINDS[kind], role, one) for one in privileges),
    )


def take_default(
    entry: DefaultAcl, role: str, privileges: Sequence[tuple[str, bool]], *, database: str
) -> Change:
    """ALTER DEFAULT PRIVILEGES: new objects no longer come with these for `role`."""
    head = _default_head(entry.role, entry.schema)
    names = [one for one, _ in privileges]
    what = ", ".join(names)
    option = " WITH GRANT OPTION" if all(option for _, option in privileges) else ""
    return Change(
        sql=f"{head} REVOKE {what} ON {_KINDS[entry.kind]} FROM {ident(role)};",
        undo=f"{head} GRANT {what} ON {_KINDS[entry.kind]} TO {ident(role)}{option};",
        lock="ROW EXCLUSIVE on pg_default_acl; objects that are there already stay as they are",
        database=database,
        planned=every(
            has_default_grant(entry.role, entry.schema, _KINDS[entry.kind], role, one) for one in names
        ),
        done=every(
            negated(has_default_grant(entry.role, entry.schema, _KINDS[entry.kind], role, one))
            for one in names
        ),
    )


def copy_setting(role: str, name: str, value: str, written: str, *, database: str = "") -> Change:
    """ALTER ROLE ... SET for a role that has no value of its own; `written` is the value as SQL."""
    head = f"ALTER ROLE {ident(role)}" + (f" IN DATABASE {ident(database)}" if database else "")
    parameter = ".".join(ident(part) for part in name.split("."))
    return Change(
        sql=f"{head} SET {parameter} = {written};",
        undo=f"{head} RESET {parameter};",
        lock="ROW EXCLUSIVE on pg_db_role_setting; takes effect for new sessions",
        planned=negated(has_setting(role, name, value, database=database)),
        done=has_setting(role, name, value, database=database),
    )


def widen_policy(policy: RowPolicy, table: str, roles: Sequence[str], *, database: str) -> Change:
    """ALTER POLICY ... TO: also for these roles."""
    all_roles = ", ".join(map(grantee, [*policy.roles, *roles]))
    before = ", ".join(map(grantee, policy.roles))
    return Change(
        sql=f"ALTER POLICY {ident(policy.name)} ON {table} TO {all_roles};",
        undo=f"ALTER POLICY {ident(policy.name)} ON {table} TO {before};",
        lock=_POLICY,
        database=database,
        planned=every(negated(policy_names(table, policy.name, one)) for one in roles),
        done=every(policy_names(table, policy.name, one) for one in roles),
    )


def close_login(role: str) -> Change:
    """ALTER ROLE ... NOLOGIN: nobody new gets in; sessions, ownership and members stay."""
    return Change(
        sql=f"ALTER ROLE {ident(role)} NOLOGIN;",
        undo=f"ALTER ROLE {ident(role)} LOGIN;",
        lock=_ROLES,
        planned=role_is(role, "r.rolcanlogin"),
        done=role_is(role, "NOT r.rolcanlogin"),
    )


def end_sessions(role: str) -> Change:
    """Ends the sessions of a role that can no longer log in; what they were doing is rolled back."""
    return Change(
        sql="SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a "
        f"WHERE a.usename = {literal(role)} AND a.pid <> pg_catalog.pg_backend_pid();",
        undo="",
        lock="none; the sessions end at once",
        planned="true",
        # an ended session goes when it gets to it
        done="true",
    )


def forget_password(role: str) -> Change:
    """ALTER ROLE ... PASSWORD NULL; the verifier is kept nowhere, so that there is no undo."""
    return Change(
        sql=f"ALTER ROLE {ident(role)} PASSWORD NULL;", undo="", lock=_ROLES, planned="true", done="true"
    )


def take_membership(role: str, member: str, *, undo_options: str) -> Change:
    """REVOKE a membership that a superuser or the role's administrator granted."""
    return Change(
        sql=f"REVOKE {ident(role)} FROM {ident(member)};",
        undo=f"GRANT {ident(role)} TO {ident(member)}{undo_options};",
        lock=_ROLES,
        planned=is_member(role, member),
        done=negated(is_member(role, member)),
    )


def _default_head(role: str, schema: str) -> str:
    inside = f" IN SCHEMA {ident(schema)}" if schema else ""
    return f"ALTER DEFAULT PRIVILEGES FOR ROLE {ident(role)}{inside}"
