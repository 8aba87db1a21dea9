"""First passwords that wait to be changed, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pgguard.model.quote import ident
from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence


class Waiting(Protocol):
    """A first password as it stands; `changed` is None where that is not known."""

    @property
    def role(self) -> str: ...
    @property
    def issued_at(self) -> str: ...
    @property
    def changed(self) -> bool | None: ...
    @property
    def overdue(self) -> bool: ...


def render(waiting: Sequence[Waiting]) -> str:
    """Every first password with whether it was changed; never a password."""
    if not waiting:
        return "no first password is waiting to be changed\n"
    return "".join(visible(f"{ident(one.role)}: {_state(one)}") + "\n" for one in waiting)


def _state(one: Waiting) -> str:
    since = f"issued {one.issued_at[:10]}"
    if one.changed is None:
        return f"{since}; whether it was changed is not known: only a superuser sees that"
    if one.changed:
        return f"{since}, changed"
    return f"{since}, not changed" + (", overdue" if one.overdue else "")
