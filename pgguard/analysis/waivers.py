"""What the policy waives, for checks that tell many objects together: waived ones are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.versions import today

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


def waived(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, check: str) -> frozenset[str]:
    """The names of subjects of one check that a waiver covers on the day of the inspection."""
    day = today(snapshot)
    return frozenset(
        one.subject
        for one in policy.waiver
        if one.check == check and one.database in ("", database.name) and one.holds_on(day)
    )
