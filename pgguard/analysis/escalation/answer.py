"""Who can become superuser: the paths, the cheapest cut, and what could not be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import callers
from pgguard.analysis.escalation.cut import Cutting, cheapest_cut
from pgguard.analysis.escalation.paths import Path, graph, paths
from pgguard.analysis.function_bodies import COMPILED
from pgguard.analysis.function_bodies import unknown as not_read
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import function_name
from pgguard.errors import Unread
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot


class Answer(NamedTuple):
    """The cheapest path of every login that has one.

    `undeclared` are those that the policy does not vouch for, `declared` the paths of administrators,
    and of service accounts as far as they only read; `cut` closes the undeclared. `unknown` says in
    sentences what could not be known.
    """

    undeclared: tuple[Path, ...]
    declared: tuple[Path, ...]
    cut: tuple[Cutting, ...]
    unknown: tuple[str, ...]


def escalations(snapshot: Snapshot, policy: Policy) -> Answer:
    """Who can become superuser, or see everything, under a policy.

    Raises `Unread` when roles, memberships or the cluster's ACLs could not be read; databases of which
    something is missing are left out, and the answer says so.
    """
    unknown: list[str] = []
    try:
        graph(snapshot)
    except Unread:
        readable = []
        for database in snapshot.inspected:
            try:
                graph(snapshot.only(database.name))
            except Unread as error:
                if error.database is None:
                    raise
                unknown.append(f"paths through database {ident(database.name)}: {error}")
            else:
                readable.append(database.name)
        snapshot = snapshot.only(*readable)
    unknown += _unread_bodies(snapshot)
    undeclared: list[Path] = []
    declared: list[Path] = []
    for path in paths(snapshot):
        (declared if vouched(policy, path) else undeclared).append(path)
    takers = [path.login for path in undeclared if path.takes_over]
    readers = {path.login for path in undeclared if not policy.is_declared(path.login)}
    cut = cheapest_cut(snapshot, takers, readers)
    return Answer(tuple(undeclared), tuple(declared), cut, tuple(unknown))


def _unread_bodies(snapshot: Snapshot) -> Iterator[str]:
    """SECURITY DEFINER functions of superusers that logins can call and whose bodies could not be read."""
    for database in snapshot.inspected:
        for function in database.functions:
            if not function.definer or function.extension or function.system or function.language in COMPILED:
                continue
            if function.owner in superusers(snapshot) and callers(snapshot, database, function):
                reason = not_read(database, function)
                if reason:
                    name = f"{function_name(function)} in database {ident(database.name)}"
                    yield f"what {name} does as superuser {ident(function.owner)}: {reason}"


def vouched(policy: Policy, path: Path) -> bool:
    """Whether the policy answers for a login's path: an administrator's, or a service's that only reads."""
    if path.takes_over:
        return policy.is_administrator(path.login)
    return policy.is_declared(path.login)
