"""A login has not been used for as long as the policy allows.

Why it matters: a login that nobody uses is one that nobody misses when somebody else does.

How to fix: ask whose it is; ALTER ROLE name NOLOGIN, and drop the role when nothing has broken.

Silent when: a session was seen within [thresholds] dormant_days, by logs or by looking; the role
that initdb made; logins that cannot log in.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject
from pgguard.analysis.observed import observed
from pgguard.analysis.sharing.grade import watched_days
from pgguard.changes.roles import alter_role
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AC-2(3)",
    "ISO 27001 A.5.18",
    "CNIL guide",
)
# a log that is missing now and then does not make the rest worthless
_WATCHED_SHARE = 0.9


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    seen = observed(snapshot)
    days = policy.thresholds.dormant_days
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    since = (now - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    watched = watched_days(
        [
            one._replace(since=max(one.since, since))
            for one in seen.coverage
            if one.means == "log" and one.connections and one.until >= since
        ]
    )
    if watched < days * _WATCHED_SHARE:
        msg = "observations"
        raise Unread(
            msg,
            f"connections were logged and read on {watched} of the last {days} days: not seen is not unused",
        )
    used = {one.role for one in seen.sessions if one.last_seen_at >= since}
    used |= {session.role for session in snapshot.sessions}
    for role in snapshot.roles:
        if role.login and not role.bootstrap and not role.predefined and role.name not in used:
            yield Finding(
                role_subject(role.name),
                f"{ident(role.name)} was not used in the last {days} days, of which {watched} were watched",
                fix=(alter_role(role.name, "NOLOGIN", "LOGIN"),),
            )
