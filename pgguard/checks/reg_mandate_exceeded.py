"""A mandate's role can read more than the mandate says, or did.

Why it matters: whoever processes data for somebody else does so on instruction only (GDPR art. 29, 28(3)(a)).
The export that ended on the internet held columns and patients that nobody had asked for.

How to fix: take back what goes beyond; where the mandate is too narrow, have the instruction changed first,
then the policy, and open it anew. What was read without instruction is a breach to be judged (art. 33).

Silent when: the role sees the mandated columns of the mandated rows and nothing else that is personal, by no
way: grants, PUBLIC, memberships, views, definer functions, relatives; it writes nothing; what it was seen to
read is within scope, window and ceiling (where reads are ingested); contract and instruction are as declared.
Unknown where a saved snapshot hides the constants of a condition: they are compared while a server is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.grouping import MOST
from pgguard.analysis.mandated import acts_as, declared
from pgguard.analysis.mandated_reach import Beyond, Reach
from pgguard.analysis.mandated_state import entry_faults, powers
from pgguard.analysis.mandated_use import beyond as used_beyond
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.register import entry_subject
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.mandate import Mandate
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "CNIL SAN-2022-009 (art. 29)",
    "GDPR 29",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    unknown: list[str] = []
    for mandate in declared(policy):
        subject = entry_subject("mandate", mandate.name)
        said = list(used_beyond(snapshot, policy, mandate))
        if said:
            yield Finding(subject, f"{ident(mandate.role)} {'; '.join(said)}")
        if snapshot.role(mandate.role) is None:
            continue
        faults = entry_faults(snapshot, policy, mandate)
        if faults.said:
            yield Finding(subject, "; ".join(faults.said), advice=_CLOSE)
        unknown += faults.unknown
        for power in powers(snapshot, mandate.role):
            yield Finding(subject, power.said, severity=power.severity, fix=power.fix)
        for database in snapshot.inspected:
            who = acts_as(snapshot, database, mandate.role)
            if not who.isdisjoint(superusers(snapshot)):
                # it reads everything, which is told already
                continue
            reach = Reach(snapshot, database, policy, mandate, who)
            yield from _beyond(database, mandate, list(reach.beyond() if who else ()))
            unknown += reach.unknown
            if who and (count := reach.large_objects()):
                yield Finding(
                    Subject("policy-entry", f"mandate {mandate.name}: large objects", database.name),
                    f"{ident(mandate.role)} can read {count} large {'object' if count == 1 else 'objects'}",
                )
    if unknown:
        section = "mandates"
        raise Unread(section, shorten(list(dict.fromkeys(unknown)), 3))


_CLOSE = "close the mandate (pgguard mandate close) until contract and instruction are in order"


def _beyond(database: DatabaseSnapshot, mandate: Mandate, found: Sequence[Beyond]) -> Iterator[Finding]:
    if len(found) > MOST:
        names = [relation_name(one.relation) for one in found]
        yield Finding(
            Subject("policy-entry", f"mandate {mandate.name}: other tables", database.name),
            f"{ident(mandate.role)} goes beyond it on {len(found)} tables: {shorten(names, 4)}",
            severity=None if any(one.sensitive or one.rows or one.writes for one in found) else Severity.HIGH,
        )
        return
    for one in found:
        yield Finding(
            Subject("policy-entry", f"mandate {mandate.name}: {relation_name(one.relation)}", database.name),
            f"{ident(mandate.role)} {'; '.join(_told(one))}",
            severity=None if one.sensitive or one.rows or one.writes else Severity.HIGH,
            fix=one.fix,
        )


def _told(one: Beyond) -> Iterator[str]:
    if one.columns:
        through = f" through {one.through}" if one.through else ""
        many = "column" if len(one.columns) == 1 else "columns"
        yield f"can read {many} {shorten(list(one.columns), 6)}{through}, which the mandate has not"
    if one.rows:
        yield f"is not held to the mandate's rows: {one.rows}"
    if one.writes:
        yield f"may {', '.join(one.writes)}"
