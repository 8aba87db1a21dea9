"""A waiver of the policy has ended, and nobody renewed or removed it.

Why it matters: it was accepted until a day that has passed. What it covered counts again, and whoever
accepted it has not said what follows.

How to fix: mend what was waived and remove the [[waiver]], or renew it with a reason that still holds.

Silent when: every waiver holds or begins later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.versions import today
from pgguard.analysis.waivers import waiver_subject
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("GDPR 5(2)", "NIST CA-5")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    day = today(snapshot)
    for one in policy.waiver:
        if one.until < day:
            yield Finding(waiver_subject(one), f"it ended on {one.until}; it is {one.owner}'s: {one.reason}")
