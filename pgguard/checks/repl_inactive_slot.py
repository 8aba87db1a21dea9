"""A replication slot that nobody uses holds WAL back.

Why it matters: WAL with patients' data in clear is kept without an end, longer than any rule of
retention, until the disk is full and the server stops.

How to fix: reconnect the standby or subscriber, or drop the slot with pg_drop_replication_slot().

Silent when: every slot is in use. Medium from [thresholds] slot_retained_gb on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.slots import drop_slot
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = ("PostgreSQL manual, 26.2.6 Replication Slots",)
_GB = 1024**3


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for slot in snapshot.slots:
        # from 17 on a standby keeps copies of its primary's logical slots, which wait for a failover
        if slot.active or (snapshot.server.in_recovery and slot.kind == "logical"):
            continue
        where = f" of database {ident(slot.database)}" if slot.database else ""
        held = _amount(slot.retained_bytes) if slot.retained_bytes else "no WAL yet"
        yield Finding(
            Subject("cluster", ident(slot.name)),
            f"{slot.kind} slot {ident(slot.name)}{where} is inactive and holds {held}",
            severity=Severity.MEDIUM
            if slot.retained_bytes >= policy.thresholds.slot_retained_gb * _GB
            else None,
            fix=(drop_slot(slot.name),),
        )


def _amount(size: int) -> str:
    if size >= _GB:
        return f"{size / _GB:.1f} GB of WAL"
    if size >= 1024**2:
        return f"{size // 1024**2} MB of WAL"
    return f"{max(1, size // 1024)} kB of WAL"
