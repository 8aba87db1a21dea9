"""A processor's logins work, and no contract of theirs is in force.

Why it matters: outside its contract a processor has no right to the data at all (GDPR art. 28(3)), and
what was to be deleted or returned at its end is still within reach.

How to fix: enter the new contract, or end the access: `pgguard person remove`, or ALTER ROLE name NOLOGIN
when no program needs the login, and have deletion or return attested (art. 28(3)(g)).

Silent when: the day is within the contract's start and end, or another contract in force covers the
logins; none of its roles can log in. A certificate of a processor (HDS) that has ended is told at medium.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import shorten
from pgguard.analysis.register import contract_logins, entry_subject
from pgguard.analysis.versions import today
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("GDPR 28",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.contract and not policy.certificate:
        msg = "the register declares no contract ([[contract]] name, processor, roles, start, end)"
        raise NotApplicable(msg)
    day = today(snapshot)
    in_force: set[str] = set()
    for one in policy.contract:
        if one.holds_on(day):
            in_force |= contract_logins(snapshot, policy, one)
    for one in policy.contract:
        logins = sorted(contract_logins(snapshot, policy, one) - in_force)
        if one.holds_on(day) or not logins:
            continue
        when = f"it ended on {one.end}" if one.end and one.end < day else f"it begins on {one.start}"
        yield Finding(
            entry_subject("contract", one.name),
            f"{when}, and {shorten([ident(name) for name in logins], 3)} can log in under it",
            fix=_closed(snapshot, policy, logins),
        )
    for held in policy.certificate:
        if held.until < day:
            yield Finding(
                entry_subject("certificate", f"{held.name} of {held.processor}"),
                f"it ended on {held.until}",
                severity=Severity.MEDIUM,
                advice="enter the new certificate, or take the data to a processor that has one",
            )


def _closed(snapshot: Snapshot, policy: Policy, logins: Iterable[str]) -> tuple[Change, ...]:
    """What takes LOGIN from all of them; nothing where a person has to see to one of them first."""
    roles = [snapshot.role(name) for name in logins]
    # a program that stops is an outage, and a cluster without a superuser is closed to everybody
    if any(one is None or one.superuser or policy.is_service(one.name) for one in roles):
        return ()
    return tuple(alter_role(name, "NOLOGIN", "LOGIN") for name in logins)
