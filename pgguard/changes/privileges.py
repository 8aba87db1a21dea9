"""GRANT and REVOKE of object privileges; REVOKE of a membership or of its ADMIN OPTION."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import (
    every,
    has_default_grant,
    has_every_grant,
    has_grant,
    has_no_grant,
    is_member,
    negated,
    parted,
)
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Change
from pgguard.model.quote import grantee as quoted_grantee
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.rows import Membership

_OPEN_LARGE_OBJECT = (
    "EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata AS l, "
    "LATERAL pg_catalog.aclexplode(l.lomacl) AS e WHERE e.grantee = 0)"
)
_NO_WAIT = "ROW EXCLUSIVE on system catalogs; readers and writers of the object are not blocked"


def revoke(
    privileges: Sequence[str],
    on: str,
    grantee: str,
    *,
    database: str | None = None,
    columns: Sequence[str] = (),
    grantable: bool = False,
    grant_option_only: bool = False,
    granted_by: str = "",
    cascade: bool = False,
) -> Change:
    """REVOKE `privileges` ON `on` FROM `grantee`.

    `on` is keyword and quoted name (`TABLE lab.patient`, `FUNCTION lab.f(integer)`, `DATABASE lab`).
    `grantable` tells that the undo has to grant it back with its grant option; `grant_option_only`
    takes back the option and leaves the privilege. `granted_by` names a grantor other than the owner:
    only that role can take it back (a superuser's REVOKE counts as the owner's), so that it is a step by
    hand. `cascade`: the grantee has handed it on; those grants go with it and do not come back by the
    undo, which is therefore empty.
    """
    suffix = f" ({', '.join(ident(name) for name in columns)})" if columns else ""
    what = ", ".join(f"{name}{suffix}" for name in privileges)
    who = quoted_grantee(grantee)
    only = "GRANT OPTION FOR " if grant_option_only else ""
    option = " WITH GRANT OPTION" if grantable or grant_option_only else ""
    if granted_by:
        return by_hand(f"as {ident(granted_by)}, who granted it: REVOKE {only}{what} ON {on} FROM {who};")
    keyword, name = parted(on)
    planned, done = (
        every(
            tell(keyword, name, grantee, privileges, column=column, grantable=grant_option_only)
            for column in columns or [""]
        )
        for tell in (has_every_grant, has_no_grant)
    )
    return Change(
        sql=f"REVOKE {only}{what} ON {on} FROM {who}{' CASCADE' if cascade else ''};",
        undo="" if cascade else f"GRANT {what} ON {on} TO {who}{option};",
        lock=_NO_WAIT,
        database=database,
        # an owner's own entry is never taken, whoever the owner is by then
        planned=planned,
        done=done,
    )


def grant(privileges: Sequence[str], on: str, grantee: str, *, database: str | None = None) -> Change:
    """GRANT `privileges` ON `on` TO a role that does not hold them yet."""
    what, who = ", ".join(privileges), quoted_grantee(grantee)
    held = [has_grant(*parted(on), grantee, name, by_owner=True) for name in privileges]
    return Change(
        sql=f"GRANT {what} ON {on} TO {who};",
        undo=f"REVOKE {what} ON {on} FROM {who};",
        lock=_NO_WAIT,
        database=database,
        planned=every(map(negated, held)),
        done=every(held),
    )


def alter_default(
    privileges: Sequence[str],
    kind: str,
    grantee: str,
    *,
    role: str,
    schema: str = "",
    database: str | None = None,
) -> Change:
    """ALTER DEFAULT PRIVILEGES: new objects of `role` of that kind (TABLES) no longer come with these."""
    head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {ident(role)}" + (
        f" IN SCHEMA {ident(schema)}" if schema else ""
    )
    what, who = ", ".join(privileges), quoted_grantee(grantee)
    held = [has_default_grant(role, schema, kind, grantee, name) for name in privileges]
    return Change(
        sql=f"{head} REVOKE {what} ON {kind} FROM {who};",
        undo=f"{head} GRANT {what} ON {kind} TO {who};",
        lock="ROW EXCLUSIVE on pg_default_acl; objects that are there already stay as they are",
        database=database,
        planned=every(held),
        done=every(map(negated, held)),
    )


def revoke_admin_option(membership: Membership, *, major: int, cascade: bool = False) -> Change:
    """Leave a member its membership without the right to hand it on.

    From 16 on each grantor's grant has its own option, and only the one given here loses it.
    `cascade`: the member has granted the role on; those memberships end too, and the undo is empty.
    """
    what = f"{ident(membership.role)} FROM {ident(membership.member)}"
    by = f" GRANTED BY {ident(membership.grantor)}" if major >= 16 else ""
    again = f"{ident(membership.role)} TO {ident(membership.member)}"
    grantor = membership.grantor if major >= 16 else ""
    held = is_member(membership.role, membership.member, grantor=grantor, condition="m.admin_option")
    return Change(
        sql=f"REVOKE ADMIN OPTION FOR {what}{by}{' CASCADE' if cascade else ''};",
        undo="" if cascade else f"GRANT {again} WITH ADMIN OPTION{by};",
        lock=_NO_WAIT,
        planned=held,
        done=negated(held),
    )


def revoke_membership(role: str, member: str, *, admin: bool = False, admin_only: bool = False) -> Change:
    """REVOKE the membership of `member` in `role`, or with `admin_only` its ADMIN OPTION."""
    only = "ADMIN OPTION FOR " if admin_only else ""
    option = " WITH ADMIN OPTION" if admin or admin_only else ""
    held = is_member(role, member, condition="m.admin_option" if admin_only else "")
    return Change(
        sql=f"REVOKE {only}{ident(role)} FROM {ident(member)};",
        undo=f"GRANT {ident(role)} TO {ident(member)}{option};",
        lock=_NO_WAIT,
        planned=held,
        done=negated(held),
    )


def revoke_all_large_objects(*, database: str | None = None) -> Change:
    """Take every privilege on every large object from PUBLIC; which had which is not kept."""
    return Change(
        sql="DO $$ DECLARE one oid; BEGIN "
        "FOR one IN SELECT l.oid FROM pg_catalog.pg_largeobject_metadata AS l "
        "WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(l.lomacl) AS e WHERE e.grantee = 0) LOOP "
        "EXECUTE pg_catalog.format('REVOKE ALL ON LARGE OBJECT %s FROM PUBLIC', one); "
        "END LOOP; END $$;",
        undo="",
        lock=_NO_WAIT,
        database=database,
        planned=_OPEN_LARGE_OBJECT,
        done=negated(_OPEN_LARGE_OBJECT),
    )
