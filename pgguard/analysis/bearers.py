"""Who bears what was granted to a role: the login behind it, or the role where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import logins_of
from pgguard.analysis.names import shorten
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pgguard.model.finding import Change
    from pgguard.model.snapshot import Snapshot


class Holding(NamedTuple):
    """One thing that was granted to a role, in words, and what takes it back."""

    grantee: str
    what: str
    fix: tuple[Change, ...] = ()


class Bearer(NamedTuple):
    """A login, a role with many logins, or PUBLIC, and what it holds.

    `name` is as SQL has it; `logins` are those it stands for, without those that are exempt.
    """

    name: str
    logins: tuple[str, ...]
    holdings: tuple[Holding, ...]

    def told(self, most: int = 3) -> str:
        """What it holds in prose, and through whom."""
        own = list(dict.fromkeys(one.what for one in self.holdings if grantee(one.grantee) == self.name))
        through: dict[str, list[str]] = {}
        for one in self.holdings:
            if grantee(one.grantee) != self.name:
                through.setdefault(grantee(one.grantee), []).append(one.what)
        parts = [shorten(sorted(own), most)] if own else []
        parts += [
            f"{shorten(sorted(dict.fromkeys(some)), most)} through {by}" for by, some in through.items()
        ]
        if self.logins and self.logins != (self.name,) and self.name not in map(ident, self.logins):
            parts[-1] += f" (held by {shorten([ident(login) for login in self.logins], 3)})"
        return ", ".join(parts)

    def fix(self) -> tuple[Change, ...]:
        """What takes all of it back."""
        return tuple(dict.fromkeys(change for one in self.holdings for change in one.fix))


def bearers(snapshot: Snapshot, holdings: Iterable[Holding], exempt: Callable[[str], bool]) -> list[Bearer]:
    """Those who bear the holdings, in order of name; superusers and exempt logins are not counted.

    A role's holdings are told of the login that has its rights, of the role itself where there are
    several, for it is one grant, and of PUBLIC once.
    """
    by_grantee: dict[str, list[Holding]] = {}
    for one in holdings:
        by_grantee.setdefault(one.grantee, []).append(one)
    found: dict[str, tuple[list[str], list[Holding]]] = {}
    for role, its in by_grantee.items():
        logins = sorted(login for login in logins_of(snapshot, role) if not exempt(login))
        if role == PUBLIC:
            _add(found, grantee(role), [], its)
        elif len(logins) > 1:
            _add(found, ident(role), logins, its)
        else:
            for login in logins:
                _add(found, ident(login), [login], its)
    return [
        Bearer(name, tuple(dict.fromkeys(logins)), tuple(its))
        for name, (logins, its) in sorted(found.items())
    ]


def _add(
    found: dict[str, tuple[list[str], list[Holding]]], name: str, logins: list[str], its: list[Holding]
) -> None:
    known = found.setdefault(name, ([], []))
    known[0].extend(logins)
    known[1].extend(its)
