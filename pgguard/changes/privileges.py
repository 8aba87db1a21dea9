"""REVOKE of an object privilege or of a membership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.finding import Change
from pgguard.model.quote import grantee as quoted_grantee
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Sequence

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
) -> Change:
    """REVOKE `privileges` ON `on` FROM `grantee`.

    `on` is keyword and quoted name (`TABLE lab.patient`, `FUNCTION lab.f(integer)`, `DATABASE lab`).
    `grantable` tells that the undo has to grant it back with its grant option; `grant_option_only`
    takes back the option and leaves the privilege.
    """
    suffix = f" ({', '.join(ident(name) for name in columns)})" if columns else ""
    what = ", ".join(f"{name}{suffix}" for name in privileges)
    who = quoted_grantee(grantee)
    only = "GRANT OPTION FOR " if grant_option_only else ""
    option = " WITH GRANT OPTION" if grantable or grant_option_only else ""
    return Change(
        sql=f"REVOKE {only}{what} ON {on} FROM {who};",
        undo=f"GRANT {what} ON {on} TO {who}{option};",
        lock=_NO_WAIT,
        database=database,
    )


def revoke_membership(role: str, member: str, *, admin: bool = False, admin_only: bool = False) -> Change:
    """REVOKE the membership of `member` in `role`, or with `admin_only` its ADMIN OPTION."""
    only = "ADMIN OPTION FOR " if admin_only else ""
    option = " WITH ADMIN OPTION" if admin or admin_only else ""
    return Change(
        sql=f"REVOKE {only}{ident(role)} FROM {ident(member)};",
        undo=f"GRANT {ident(role)} TO {ident(member)}{option};",
        lock=_NO_WAIT,
    )
