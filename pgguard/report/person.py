"""What closing a person's login comes to, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from pgguard.server.person import Removal


def render(found: Removal) -> str:
    """The steps that a removal would take, and what would keep the role from being dropped."""
    name = ident(found.role)
    if not found.exists:
        return visible(f"there is no role {name}") + "\n"
    lines = [f"{name} becomes NOLOGIN", f"{plural(found.sessions, 'session')} would be ended"]
    lines += [
        f"{plural(count, 'privilege')} revoked in {ident(database)}"
        for database, count in found.privileges.items()
        if count
    ]
    lines += [f"kept: it owns {one.kind} {one.name} in {ident(one.database)}" for one in found.owned]
    lines += [f"kept: {one.kind} {one.name} in {ident(one.database)} names it" for one in found.policies]
    lines += [f"kept: {ident(one)} is a member of it" for one in found.members]
    lines.append(
        f"{name} is dropped" if found.can_be_dropped else f"{name} is not dropped before these are settled"
    )
    return "".join(visible(line) + "\n" for line in lines)
