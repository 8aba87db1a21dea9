"""Which sessions a breach file is about, who is behind their logins, and names that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import parse, single
from pgguard.analysis.membership import members
from pgguard.analysis.names import relation_name
from pgguard.analysis.read_audit import shown_as
from pgguard.analysis.register import table_names
from pgguard.analysis.sharing.identities import plain
from pgguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.addresses import Addresses
    from pgguard.model.incident import Asked
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

_SOCKET = "local"


class Wanted(NamedTuple):
    """Sessions that are asked for; None for any.

    `logins` are those of the roles, `person` the logins of the person, `names` what authenticates them.
    """

    logins: frozenset[str] | None
    person: frozenset[str] | None
    names: frozenset[str]
    addresses: Addresses | None
    socket: bool

    def takes(self, login: str, identity: str, address: str) -> bool:
        """Whether a session is asked for."""
        if self.logins is not None and login not in self.logins:
            return False
        if self.person is not None and login not in self.person and plain(identity) not in self.names:
            return False
        if self.addresses is None:
            return True
        return single(address).within(self.addresses) if address else self.socket


def wanted(asked: Asked, snapshot: Snapshot | None, policy: Policy) -> Wanted:
    """What is asked for: a role stands for its members too, a person for the logins that are theirs.

    Raises `UsageError` for an address that is none.
    """
    logins: frozenset[str] | None = None
    if asked.roles:
        known = snapshot is not None and "memberships" not in snapshot.missing()
        below = [members(snapshot, one) for one in asked.roles] if known and snapshot else []
        logins = frozenset(asked.roles).union(*below)
    own = None
    if asked.person:
        own = frozenset(login for login, name in people(policy) if asked.person in (login, name))
    networks = [one for one in asked.addresses if one != _SOCKET]
    try:
        addresses = parse(networks) if asked.addresses else None
    except ValueError:
        msg = f"--address: {', '.join(networks)} is no address or network: give 10.20.0.0/16, ::1 or local"
        raise UsageError(msg) from None
    names = frozenset({plain(asked.person)} - {""})
    return Wanted(logins, own, names, addresses, _SOCKET in asked.addresses)


def is_from(network: str, address: str) -> bool:
    """Whether an address (empty for the socket) is one of a network as it is asked for."""
    if network == _SOCKET or not address:
        return network == _SOCKET and not address
    return single(address).within(parse([network]))


def people(policy: Policy) -> Iterator[tuple[str, str]]:
    """Logins and whose they are, as roster, accounts and services declare it."""
    yield from ((one.role, one.name) for one in policy.person)
    yield from ((one.role, one.person or one.function) for one in policy.account)
    yield from ((one.role, f"{one.purpose} ({one.owner})") for one in policy.service)


def person_of(policy: Policy, login: str) -> str:
    """Whose a login is, empty where nobody declared it."""
    return next((name for role, name in people(policy) if role == login and name), "")


def tables_asked(asked: Asked, snapshot: Snapshot | None, met: frozenset[str]) -> frozenset[str]:
    """The tables of the question under the names that people use, of all databases.

    Raises `UsageError` for one that no database has and no log told of.
    """
    found: set[str] = set()
    for name in asked.tables:
        shown = {name} if name in met else set()
        for database in snapshot.inspected if snapshot is not None else ():
            if "relations" in database.missing():
                shown.add(name)
                continue
            views = {oid: view for oid, (view, _) in shown_as(database).items() if view}
            by_oid = {one.oid: one for one in database.relations}
            for one in database.relations:
                if one.kind in "rpmfv" and name in table_names(one):
                    shown.add(relation_name(by_oid[views.get(one.oid, one.oid)]))
        if not shown:
            msg = f"--table: no database has a table {name}, and no log told of one: give schema.table"
            raise UsageError(msg)
        found |= shown
    return frozenset(found)


def require_known(asked: Asked, snapshot: Snapshot | None, policy: Policy, met: frozenset[str]) -> None:
    """Raises `UsageError` for a role or a person that neither server, policy nor store has ever met.

    Nothing found because of a slip of the pen would read as nothing happened.
    """
    if snapshot is None or "roles" in snapshot.missing():
        return
    for name in asked.roles:
        if snapshot.role(name) is None and name not in met:
            msg = f"--role: there is no role {name}, and no log told of one"
            raise UsageError(msg)
    known = {name for pair in people(policy) for name in pair}
    if asked.person and asked.person not in known and asked.person not in met:
        msg = f"--person: neither the policy nor any log knows {asked.person}: give a name of [[person]]"
        raise UsageError(msg)
