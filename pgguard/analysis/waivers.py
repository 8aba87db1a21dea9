"""What the policy waives, and how a waiver itself is named.

Checks that tell many objects together tell waived ones apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.versions import today
from pgguard.model.finding import Subject

if TYPE_CHECKING:
    from pgguard.model.policy import Policy, Waiver
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


def waived(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, check: str) -> frozenset[str]:
    """The names of subjects of one check that a waiver covers on the day of the inspection."""
    day = today(snapshot)
    return frozenset(
        one.subject
        for one in policy.waiver
        if one.check == check and one.database in ("", database.name) and one.holds_on(day)
    )


def waiver_subject(waiver: Waiver) -> Subject:
    """A waiver, as what a finding is about."""
    return Subject("policy-entry", f"waiver of {waiver.check} on {waiver.subject}", waiver.database or None)
