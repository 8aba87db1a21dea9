"""The register shows no contract for a processor, or not all that a contract has to say.

Why it matters: whoever processes health data for somebody else needs a contract with eight stipulations
(GDPR art. 28(3)); at the vendor whose patients' files leaked there was none.

How to fix: add to the register [[contract]] name, processor, the roles that work under it, subject,
purpose, duration or end, data_types, persons, clause_a to clause_h as the contract numbers them, and its
document.

Silent when: a contract of the processor covers each of its logins, and the register says where each
stipulation stands. The check reads what the register declares, and never whether the contract is valid. A
sub-processor needs one here only where it has logins. Only medium where no login works for the processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.register import contract_logins, entry_subject, processor_logins
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident
from pgguard.model.register import MENTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.register import Contract
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("CNIL SAN-2022-009 (art. 28-3)", "GDPR 28")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.processor and not policy.contract:
        msg = (
            'the register declares no processor ([[processor]] name = "Vendor", and [[contract]]; '
            "docs/register.md says how)"
        )
        raise NotApplicable(msg)
    for processor in policy.processor:
        contracts = [one for one in policy.contract if one.processor == processor.name]
        logins = processor_logins(snapshot, policy, processor.name)
        if not contracts and (logins or not processor.engaged_by):
            yield Finding(
                entry_subject("processor", processor.name),
                f"no contract of the register is with it{_and_logins(logins)}",
                severity=None if logins else Severity.MEDIUM,
            )
            continue
        for name in sorted(logins.difference(*(contract_logins(snapshot, policy, one) for one in contracts))):
            yield Finding(
                role_subject(name),
                f"{ident(name)} can log in for {processor.name}, and no contract of the register covers it",
                advice="put the role into `roles` of the contract that it works under, or end its access",
            )
    for contract in policy.contract:
        if lacking := list(_lacking(contract)):
            logins = contract_logins(snapshot, policy, contract)
            yield Finding(
                entry_subject("contract", contract.name),
                f"the register does not say where it has {', '.join(lacking)}{_and_logins(logins)}",
                severity=None if logins else Severity.MEDIUM,
            )


def _and_logins(logins: frozenset[str]) -> str:
    named = shorten([ident(one) for one in sorted(logins)], 3)
    return f"; {named} can log in for it" if logins else ""


def _lacking(contract: Contract) -> Iterator[str]:
    """What art. 28(3) and 28(9) ask of a contract and the register does not declare."""
    if not contract.subject:
        yield "its subject"
    if contract.end is None and not contract.duration:
        yield "its duration"
    if not contract.purpose:
        yield "the nature and purpose of the processing"
    if not contract.data_types:
        yield "the types of data"
    if not contract.persons:
        yield "the categories of persons"
    for letter, clause in contract.clauses.items():
        if not clause.strip():
            yield f"28(3)({letter}) {MENTIONS[letter]}"
    if not contract.document:
        yield "its text (document)"
    elif not contract.sha256:
        yield "the digest of its text (sha256)"
