"""A personal login may open any number of sessions.

Why it matters: a limit shows at once when a login is used by several people, and keeps one person's
program from taking all connections.

How to fix: ALTER ROLE name CONNECTION LIMIT 5 (the policy's [thresholds] max_connections_per_person).

Silent when: the personal logins have a limit; services and administrators are not meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.grouping import MOST
from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.analysis.people import personal_logins
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "STIG",
    "NIST AC-10",
    "PostgreSQL manual, CREATE ROLE",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    limit = policy.thresholds.max_connections_per_person
    open_ended = [role.name for role in personal_logins(snapshot, policy) if role.connection_limit < 0]
    fixes = {
        name: alter_role(name, f"CONNECTION LIMIT {limit}", "CONNECTION LIMIT -1") for name in open_ended
    }
    if len(open_ended) > MOST:
        listed = shorten([ident(name) for name in open_ended])
        yield Finding(
            cluster_subject(),
            f"{len(open_ended)} personal logins have no connection limit: {listed}",
            fix=tuple(fixes.values()),
        )
        return
    for name in open_ended:
        yield Finding(role_subject(name), f"{ident(name)} has no connection limit", fix=(fixes[name],))
