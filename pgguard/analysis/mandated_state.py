"""What is wrong with a mandate itself, and with the attributes of the role that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.expression import Unparsable
from pgguard.analysis.mandated import tables
from pgguard.analysis.membership import all_roles, members, settable_roles, superusers
from pgguard.analysis.names import shorten
from pgguard.analysis.predicate import read_predicate
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.versions import today
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change
    from pgguard.model.mandate import Mandate
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot


class Faults(NamedTuple):
    """What is wrong with the declaration of a mandate, and what of it could not be told."""

    said: tuple[str, ...]
    unknown: tuple[str, ...]


class Power(NamedTuple):
    """What a mandate's role has beyond reading; without a severity as bad as the check says."""

    said: str
    severity: Severity | None
    fix: tuple[Change, ...] = ()


def entry_faults(snapshot: Snapshot, policy: Policy, mandate: Mandate) -> Faults:
    """Whether its contract is in force and covers its data, and its instruction is the text as declared.

    Raises `Unread` when relations or columns could not be read.
    """
    said = [*_contract(snapshot, policy, mandate), *_conditions(policy, mandate)]
    unknown = []
    found = (snapshot.documents or {}).get(mandate.document)
    if found is None:
        unknown.append(f"whether {mandate.document} is the instruction: nobody looked at it")
    elif found.reason:
        said.append(f"its instruction {mandate.document} is not there to be read: {found.reason}")
    elif found.sha256 != mandate.sha256:
        said.append(
            f"{mandate.document} is not the instruction that was declared: its sha256 is "
            f"{found.sha256[:16]}... now"
        )
    return Faults(tuple(said), tuple(unknown))


def powers(snapshot: Snapshot, role: str) -> Iterator[Power]:
    """The attributes and memberships that a mandate's role should not have.

    Raises `Unread` when roles or memberships could not be read.
    """
    row = snapshot.role(role)
    if row is None:
        return
    name = ident(role)
    for has, attribute in (
        (row.superuser, "SUPERUSER"),
        (row.bypassrls, "BYPASSRLS"),
        (row.createrole, "CREATEROLE"),
        (row.replication, "REPLICATION"),
        (row.createdb, "CREATEDB"),
    ):
        if has:
            fix = () if row.bootstrap else (alter_role(role, f"NO{attribute}", attribute),)
            yield Power(f"{name} has {attribute}", None, fix)
    becomes = sorted(settable_roles(snapshot, role).keys() & (superusers(snapshot) - {role}))
    if becomes and not row.superuser:
        yield Power(f"{name} can become {shorten(becomes, 3)}, superuser, by SET ROLE", None)
    held = sorted(all_roles(snapshot, role).keys() - {role})
    if held:
        yield Power(f"{name} is a member of {shorten([ident(one) for one in held], 3)}", Severity.HIGH)
    others = sorted(members(snapshot, role))
    if others:
        told = shorten([ident(one) for one in others], 3)
        yield Power(f"{told} {'is a member' if len(others) == 1 else 'are members'} of {name}", Severity.HIGH)
    if row.login and not 0 <= row.connection_limit <= 1:
        limit = row.connection_limit
        how = "without a limit" if limit < 0 else f"{limit} times at once"
        fix = (alter_role(role, "CONNECTION LIMIT 1", f"CONNECTION LIMIT {limit}"),)
        yield Power(f"{name} may connect {how}", Severity.MEDIUM, fix)


def _contract(snapshot: Snapshot, policy: Policy, mandate: Mandate) -> Iterator[str]:
    contract = next((one for one in policy.contract if one.name == mandate.contract), None)
    if contract is None:
        yield f"its contract {mandate.contract} is not in the register"
        return
    if not contract.holds_on(today(snapshot)):
        yield f"its contract {contract.name} is not in force"
    if not contract.data_types:
        return
    beyond: dict[str, None] = {}
    for database in snapshot.inspected:
        sensitive = sensitive_tables(database, policy)
        for taken in tables(database, policy, mandate):
            for one in sensitive.get(taken.relation.oid, ()):
                if one.column.number in taken.columns and one.category not in contract.data_types:
                    beyond[one.category] = None
    if beyond:
        yield (
            f"it takes types of data that its contract {contract.name} has not agreed: "
            f"{shorten(sorted(beyond), 4)}"
        )


def _conditions(policy: Policy, mandate: Mandate) -> Iterator[str]:
    for one in policy.mandate_table:
        if one.mandate == mandate.name and one.rows:
            try:
                read_predicate(one.rows)
            except Unparsable as reason:
                yield f"its condition on the rows of {one.table} says nothing certain: {reason}"
