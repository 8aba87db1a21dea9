"""The audit store tells of something out of the ordinary.

Why it matters: a mass change, a login that writes from a new address or at an hour when it never works, the
audit switched off: the store knows it the same minute, and it helps only when somebody hears of it.

How to fix: look at it with `pgguard audit search` at the time that is named, and ask who did it. What was
meant is over by the next night; what comes back every night, a job under a person's login, wants a login of
its own that is declared as a service.

Silent when: since the last night (check_max_age_hours) every login wrote as in the weeks before, from where
it wrote before, and nobody touched the audit. The ordinary hours are those of [administrators] hours, else 6
to 22. What cannot be judged yet, because the store is younger than a week, is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, shorten
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.audit_alarm import Alarm
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("GDPR 33", "ISO 27001 A.8.16", "HIPAA 164.312(b)")
_ODD = frozenset({"new-origin", "odd-hours"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.alarms is None:
        msg = "nobody asked the audit stores: pgguard inspect and check do, on a live server"
        raise NotApplicable(msg)
    if not snapshot.alarms:
        msg = "no inspected database has an audit store (pgguard plan --audit)"
        raise NotApplicable(msg)
    for one in snapshot.alarms:
        by_login: dict[str, list[Alarm]] = {}
        for alarm in one.alarms:
            by_login.setdefault(alarm.login, []).append(alarm)
        for login, alarms in sorted(by_login.items()):
            grave = [alarm for alarm in alarms if alarm.rule not in _ODD]
            said = [_told(alarm) for alarm in grave or alarms]
            yield Finding(
                replace(role_subject(login), database=one.database),
                shorten(said, 3),
                severity=None if grave else Severity.MEDIUM,
            )
    if unjudged := [f"{one.database}: {why}" for one in snapshot.alarms for why in one.unjudged]:
        msg = "audit store"
        raise Unread(msg, shorten(unjudged, 3))


def _told(alarm: Alarm) -> str:
    what = f" on {alarm.object}" if alarm.object else ""
    claimed = f" for {alarm.claimed}" if alarm.claimed else ""
    return f"{alarm.rule} {alarm.at:%Y-%m-%d %H:%M} UTC{claimed}{what}: {alarm.evidence}"
