"""An administrator logged in outside the hours in which administrators work.

Why it matters: whoever has stolen an administrator's login uses it when nobody looks; and whoever administers
at night without anybody knowing is somebody to ask.

How to fix: ask the person. For work at night by appointment add a waiver for these days; a program that runs
at night has a login of its own, declared as a service.

Silent when: no administrator of the policy and no superuser began a session outside the hours and days of
[administrators] since the last night (check_max_age_hours); services are not judged, and a session that began
within the hours may last. Unknown where no log of the connections of that time was read.
"""

from __future__ import annotations

import datetime
import zoneinfo
from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.observed import logged_through, observed
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("ISO 27001 A.8.16", "CNIL SAN-2022-009")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    ours = policy.administrators
    if not ours.hours:
        msg = 'the policy says no hours of administrators ([administrators] hours = "7-20")'
        raise NotApplicable(msg)
    seen = observed(snapshot)
    zone = zoneinfo.ZoneInfo(ours.timezone)
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    since = now - datetime.timedelta(hours=policy.thresholds.check_max_age_hours)
    begin = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    first, last = (int(one) for one in ours.hours.split("-"))
    late: dict[str, dict[str, None]] = {}
    for one in seen.sessions:
        role = snapshot.role(one.role)
        if one.started_at < begin or role is None or policy.is_service(one.role):
            continue
        if not (role.superuser or policy.is_administrator(one.role)):
            continue
        at = datetime.datetime.fromisoformat(one.started_at).astimezone(zone)
        if _DAYS[at.weekday()] not in ours.weekdays or not first <= at.hour < last:
            where = one.address or "the local socket"
            late.setdefault(one.role, {})[f"{at:%Y-%m-%d %H:%M} from {where}"] = None
    for name in sorted(late):
        yield Finding(
            role_subject(name),
            f"logged in outside {', '.join(ours.weekdays)} {first}:00 to {last}:00 ({ours.timezone}): "
            f"{shorten(list(late[name]), 3)}",
        )
    # the log of the last hours may be read after us
    if not logged_through(seen.coverage, since, since + (now - since) / 2):
        msg = "observations"
        raise Unread(msg, f"no log was read that has every connection since {begin}")
