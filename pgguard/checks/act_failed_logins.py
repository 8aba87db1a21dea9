"""Somebody tries passwords.

Why it matters: many refused logins of one role or from one address within an hour are somebody who guesses,
or a program with an old password that will lock people out; the first is how leaks begin.

How to fix: find out who is behind the address; narrow pg_hba.conf to the addresses that need to get in, and
change the password of a role that was guessed at.

Silent when: no role and no address had more refusals within an hour of the last day than
failed_logins_per_hour of the policy (20). Refusals for want of a free connection or of the database do not
count. Unknown where the log of the last day was not read.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, role_subject
from pgguard.analysis.observed import observed
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 33",
    "ISO 27001 A.8.16",
)
# invalid password, invalid authorization; a log without SQLSTATE tells neither
_REFUSED = frozenset({"28P01", "28000", ""})
_HOUR = datetime.timedelta(hours=1)
_LOCAL = "the local socket"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = observed(snapshot)
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    since = (now - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not any(one.means == "log" and one.until >= since for one in seen.coverage):
        msg = "observations"
        raise Unread(msg, "no log of the last day was read: pgguard observe --log")
    by_role: dict[str, list[tuple[str, int]]] = defaultdict(list)
    by_address: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for failure, times in seen.failures:
        if failure.at >= since and failure.sqlstate in _REFUSED:
            by_role[failure.role].append((failure.at, times))
            by_address[failure.address or _LOCAL].append((failure.at, times))
    limit = policy.thresholds.failed_logins_per_hour
    for role, most in _above(by_role, limit):
        # who types a password in the place of a name has it in the log: only names of roles are repeated
        if snapshot.role(role) is not None:
            yield Finding(role_subject(role), f"{most} logins as it were refused within an hour")
    for address, most in _above(by_address, limit):
        yield Finding(cluster_subject(), f"{most} logins from {address} were refused within an hour")


def _above(found: Mapping[str, Sequence[tuple[str, int]]], limit: int) -> Iterator[tuple[str, int]]:
    for name in sorted(found):
        most = _most_within_an_hour(found[name])
        if most > limit:
            yield name, most


def _most_within_an_hour(refusals: Sequence[tuple[str, int]]) -> int:
    moments = sorted((datetime.datetime.fromisoformat(at), times) for at, times in refusals)
    most = held = first = 0
    for at, times in moments:
        held += times
        while at - moments[first][0] >= _HOUR:
            held -= moments[first][1]
            first += 1
        most = max(most, held)
    return most
