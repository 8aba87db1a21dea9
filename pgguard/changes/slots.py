"""pg_drop_replication_slot: what keeps WAL for somebody who does not come for it."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import literal


def drop_slot(name: str) -> Change:
    """Drop a replication slot that nothing reads; whoever comes back for it has to be set up anew.

    No rollback brings it back, so that it is not transactional; one that is in use by then stays.
    """
    slot = f"pg_catalog.pg_replication_slots AS s WHERE s.slot_name = {literal(name)}"
    return Change(
        sql=f"SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) FROM {slot} AND NOT s.active;",
        undo="",
        lock="none",
        transactional=False,
        planned=f"EXISTS (SELECT FROM {slot} AND NOT s.active)",
        done=f"NOT EXISTS (SELECT FROM {slot})",
    )
