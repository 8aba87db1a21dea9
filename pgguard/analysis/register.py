"""What the register of processing says of roles and tables: who works under which contract, whose rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import all_roles, members
from pgguard.analysis.names import relation_name
from pgguard.model.finding import Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.register import Activity, Contract
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import Snapshot


def entry_subject(section: str, name: str) -> Subject:
    """An entry of the register, as what a finding is about."""
    return Subject("policy-entry", f"{section} {name}")


def table_names(relation: Relation) -> frozenset[str]:
    """How the policy may write a table's name: as SQL does, or without quotes."""
    return frozenset({relation_name(relation), f"{relation.schema}.{relation.name}"})


def column_names(relation: Relation, column: Column) -> frozenset[str]:
    """How the policy may write a column's name."""
    return frozenset(
        f"{table}.{name}" for table in table_names(relation) for name in (column.name, ident(column.name))
    )


def contract_logins(snapshot: Snapshot, policy: Policy, contract: Contract) -> frozenset[str]:
    """The logins that work under a contract: its roles, their members, and services that name it.

    Raises `Unread` when roles or memberships could not be read.
    """
    named = [*contract.roles, *(one.role for one in policy.service if one.contract == contract.name)]
    return _logins(snapshot, named)


def processor_logins(snapshot: Snapshot, policy: Policy, processor: str) -> frozenset[str]:
    """The logins that the register gives to a processor: accounts of its people, services that it owns."""
    people = [one.role for one in policy.account if one.processor == processor]
    owned = [one.role for one in policy.service if one.owner == processor]
    return _logins(snapshot, [*people, *owned])


def of_database(policy: Policy, database: str) -> tuple[Activity, ...]:
    """The activities of the register that work on a database."""
    return tuple(one for one in policy.activity if database in one.databases)


def is_whole(activity: Activity) -> bool:
    """Whether an activity is about whole databases, because it names no tables."""
    return not activity.tables and not activity.columns


def tables_of(activity: Activity) -> frozenset[str]:
    """The names of the tables that an activity lists, or lists columns of.

    Of a column's name each part before a dot is among them: which one is a table, only the catalog tells.
    """
    before = (name[:at] for name in activity.columns for at, one in enumerate(name) if one == ".")
    return frozenset({*activity.tables, *before})


class Covered:
    """Whose rights the register answers for.

    Accounts, people, services and administrators are covered themselves; contracts and the recipients of an
    activity cover the members of their roles too.
    """

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self._snapshot = snapshot
        self._own = frozenset(
            (
                *policy.administrators.roles,
                *(one.role for one in policy.person),
                *(one.role for one in policy.service),
                *(one.role for one in policy.account),
                *(one.role for one in policy.breakglass),
            )
        )
        self._contracts = frozenset(role for one in policy.contract for role in one.roles)

    def login(self, name: str, activities: Iterable[Activity]) -> bool:
        """Whether a login is covered for what these activities are about."""
        if name in self._own:
            return True
        held = all_roles(self._snapshot, name).keys()
        return any(not held.isdisjoint(roles) for roles in self._groups(activities))

    def role(self, name: str, activities: Iterable[Activity]) -> bool:
        """Whether a role that something is granted to is covered as such, whoever its members are."""
        return any(name in roles for roles in self._groups(activities))

    def _groups(self, activities: Iterable[Activity]) -> Iterator[Iterable[str]]:
        yield self._contracts
        for one in activities:
            yield one.recipient_roles


def _logins(snapshot: Snapshot, roles: Iterable[str]) -> frozenset[str]:
    names: set[str] = set()
    for role in roles:
        names |= {role, *members(snapshot, role)}
    return frozenset(one.name for one in snapshot.roles if one.login and one.name in names)
