"""Rows are still there that their retention rule says should be gone.

Why it matters: a period that is written down and not kept is what the regulator asks for first; the next
leak has the data of everybody who should have been forgotten.

How to fix: `pgguard erase plan` shows what would go and what stands in the way, `pgguard erase run` erases
it.

Silent when: no row is older than its rule, or those that are have been emptied as the rule says, or are
under a [[hold]]. A snapshot from a file is not judged: the rows are counted on the live server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity, Subject
from pgguard.model.overdue import MOST
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 5(1)(e)",
    "GDPR 17",
    "CNIL SAN-2022-009 (no automatic erasure)",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.retention:
        msg = (
            "the policy declares no retention rule "
            '([[retention]] table = "lab.result", months = 240, age_column = "received_at")'
        )
        raise NotApplicable(msg)
    if snapshot.overdue is None:
        msg = "rows are counted on a live server, and this is a snapshot from a file"
        raise NotApplicable(msg)
    names = {one.name for one in snapshot.inspected}
    unread = []
    for one in snapshot.overdue:
        if one.database not in names:
            continue
        if one.why:
            unread.append(one)
        elif one.rows:
            many = f"{one.rows:,} rows or more are" if one.rows >= MOST else f"{one.rows:,} rows are"
            many = "1 row is" if one.rows == 1 else many
            what = "" if one.method == "delete" else f", and not emptied ({one.method})"
            yield Finding(
                Subject("relation", one.table, one.database),
                f"{many} older than {one.months} months by {ident(one.age_column)}{what}",
            )
    if unread:
        first = unread[0]
        more = f" (and {len(unread) - 1} more rules)" if len(unread) > 1 else ""
        msg = f"overdue rows of {first.table}"
        raise Unread(msg, first.why + more, first.database)
