"""A login comes from where it never came from before.

Why it matters: a stolen password is used from another machine, with another program; the first time is when
it can be noticed.

How to fix: ask the person, or whoever answers for the service; narrow pg_hba.conf to the addresses that
the login needs, and declare the origins and applications of services.

Silent when: every address and program of the last day (origin_days of the policy) was seen before with that
login, or is declared for the service. Unknown until the log of two weeks before that was read: everything
would be new.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from pgguard.analysis.addresses import parse, single
from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.observed import observed
from pgguard.analysis.sharing.grade import watched_days
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.observation import SessionSeen
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = ("ISO 27001 A.8.16",)
_ENOUGH_DAYS = 14
_WORDS = re.compile(r"[^\d()-]+")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = observed(snapshot)
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    days = policy.thresholds.origin_days
    since = (now - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = [
        one._replace(until=min(one.until, since))
        for one in seen.coverage
        if one.means == "log" and one.connections and one.since < since
    ]
    if watched_days(before) < _ENOUGH_DAYS:
        msg = "observations"
        raise Unread(
            msg, f"connections were read on {watched_days(before)} days before, and {_ENOUGH_DAYS} are needed"
        )
    known = {(one.role, *_origin(one)) for one in seen.sessions if one.started_at < since}
    fresh: dict[str, dict[str, None]] = {}
    for one in seen.sessions:
        if one.started_at >= since and (one.role, *_origin(one)) not in known and not _declared(one, policy):
            address, program = _origin(one)
            fresh.setdefault(one.role, {})[f"{address} ({program or 'no name'})"] = None
    for role in sorted(fresh):
        if snapshot.role(role) is not None:
            yield Finding(
                role_subject(role), f"never seen before from {shorten(list(fresh[role]), 4)}, and now it was"
            )


def _origin(one: SessionSeen) -> tuple[str, str]:
    # versions and titles of windows change with every update
    words = _WORDS.match(one.application)
    return one.address or "the local socket", words[0].strip() if words else ""


def _declared(one: SessionSeen, policy: Policy) -> bool:
    service = next((each for each in policy.service if each.role == one.role), None)
    if service is None or not service.origins:
        return False
    if one.address and not single(one.address).within(parse(service.origins)):
        return False
    return not service.applications or one.application in service.applications
