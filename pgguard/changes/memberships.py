"""REVOKE of a role from a member as it was granted, by whoever granted it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import is_member, negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from pgguard.model.rows import Membership


def revoke_grant(membership: Membership, *, major: int, cascade: bool = False) -> Change:
    """Take back one grant of a role with all its options.

    From 16 on a member may have the role from several grantors, and only the grant named here goes.
    `cascade`: the member has granted the role on; those grants go with it and do not come back by the
    undo, which is therefore empty.
    """
    role, member = ident(membership.role), ident(membership.member)
    grantor = membership.grantor if major >= 16 else ""
    held = is_member(membership.role, membership.member, grantor=grantor)
    # its options are what the undo gives back
    has = [("m.admin_option", membership.admin)]
    if major >= 16:
        has += [("m.inherit_option", membership.inherit), ("m.set_option", membership.set)]
    as_it_was = " AND ".join(name if value else f"NOT {name}" for name, value in has)
    planned = is_member(membership.role, membership.member, grantor=grantor, condition=as_it_was)
    if major < 16:
        option = " WITH ADMIN OPTION" if membership.admin else ""
        return Change(
            f"REVOKE {role} FROM {member};",
            f"GRANT {role} TO {member}{option};",
            _LOCK,
            planned=planned,
            done=negated(held),
        )
    by = f" GRANTED BY {ident(membership.grantor)}"
    options = ", ".join(
        f"{name} {str(value).upper()}"
        for name, value in (
            ("ADMIN", membership.admin),
            ("INHERIT", membership.inherit),
            ("SET", membership.set),
        )
    )
    return Change(
        sql=f"REVOKE {role} FROM {member}{by}{' CASCADE' if cascade else ''};",
        undo="" if cascade else f"GRANT {role} TO {member} WITH {options}{by};",
        lock=_LOCK,
        planned=planned,
        done=negated(held),
    )


_LOCK = "ROW EXCLUSIVE on pg_auth_members; sessions that have SET ROLE keep it until they end"
