"""Nobody is told when a check finds something.

Why it matters: at the vendor whose patients' files leaked nothing woke anybody up; a report that nobody
reads at night is found when it is too late, and a breach has to be notified within 72 hours.

How to fix: declare an [[alert_channel]] in the policy (mail, webhook, syslog and what else apprise sends
to), and see by `pgguard alert test` that it answers.

Silent when: a channel is declared and answered its last test. Without the history of nightly checks
nobody knows whether it answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (no alert escalation)",
    "GDPR 33",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.cluster.throwaway:
        return
    if not policy.alert_channel:
        yield Finding(cluster_subject(), "the policy declares no alert channel: nobody is told of a finding")
        return
    if snapshot.supervision is None:
        msg = "whether the channels answer stands in the history of nightly checks: pgguard check keeps it"
        raise NotApplicable(msg)
    for one in policy.alert_channel:
        test = snapshot.supervision.tests.get(one.name)
        if test is None:
            yield Finding(cluster_subject(), f"the alert channel {one.name} was never tested")
        elif test.reason:
            yield Finding(
                cluster_subject(),
                f"the alert channel {one.name} failed its test of {test.at[:10]}: {test.reason}",
            )
