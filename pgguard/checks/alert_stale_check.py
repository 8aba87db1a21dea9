"""The nightly check does not run any more.

Why it matters: a check that stopped says nothing, just like one that finds nothing; until somebody looks
it passes for an all-clear.

How to fix: see why cron or the timer does not run it (`pgguard schedule` prints the entry), and have the
heartbeat of the policy ([alerts]) watched by something else.

Silent when: the last check that could look at the cluster is younger than check_max_age_hours of the
policy (26), or this is the first. Not applicable where no history of nightly checks is given.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("CNIL SAN-2022-009 (no supervision)",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = snapshot.supervision
    if seen is None:
        msg = "no history of nightly checks is given: pgguard check keeps it"
        raise NotApplicable(msg)
    if not seen.last_run:
        if not seen.began:
            yield Finding(cluster_subject(), "no nightly check has ever looked at it")
        return
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    age = now - datetime.datetime.fromisoformat(seen.last_run)
    limit = policy.thresholds.check_max_age_hours
    if age > datetime.timedelta(hours=limit):
        yield Finding(
            cluster_subject(),
            f"the last check before this look ended {round(age.total_seconds() / 3600)} hours ago "
            f"({seen.last_run[:16].replace('T', ' ')} UTC), and {limit} are allowed",
        )
