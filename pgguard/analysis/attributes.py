"""Attributes of roles (CREATEROLE, BYPASSRLS ...): who has them, or takes them on by SET ROLE.

Attributes are not inherited (PostgreSQL manual, 22.3): only acting as the role itself has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import becomers_by_path, plain_logins
from pgguard.analysis.names import shorten
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.model.rows import Role
    from pgguard.model.snapshot import Snapshot


def taken_on(
    snapshot: Snapshot, has: Callable[[Role], bool], exempt: Callable[[str], bool]
) -> Iterator[tuple[Role, str]]:
    """The roles with an attribute that a login uses, superusers and exempt logins aside.

    With each comes how the logins are told: empty when the role alone uses it, else `, taken on by ...`.
    """
    for role in snapshot.roles:
        if role.superuser or role.predefined or not has(role):
            continue
        becoming = becomers_by_path(snapshot, [role.name]).keys() & plain_logins(snapshot)
        users = sorted(name for name in becoming if not exempt(name))
        if users:
            by = f", taken on by {shorten([ident(name) for name in users], 3)}"
            yield role, "" if users == [role.name] else by
