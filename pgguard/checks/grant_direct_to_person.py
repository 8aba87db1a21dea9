"""A personal login holds privileges directly instead of through a group.

Why it matters: rights given person by person are forgotten when the person changes ward or leaves; a
group says what they are for.

How to fix: grant the privileges to a group role (NOLOGIN), make the person a member, then REVOKE the
direct grants.

Silent when: rights through groups; services and administrators are not meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.granted import in_cluster, in_database
from pgguard.analysis.grouping import MOST
from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.analysis.people import personal_logins
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "NIST AC-2",
    "ISO 27001 A.5.15",
    "PostgreSQL manual, 22.3 Role Membership",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    people = {role.name for role in personal_logins(snapshot, policy)}
    held: dict[str, dict[str, None]] = {}
    for thing in (*in_cluster(snapshot), *(one for each in snapshot.inspected for one in in_database(each))):
        for name in {grant.grantee for grant in thing.grants}:
            if name in people and name != thing.owner:
                held.setdefault(name, {})[thing.told] = None
    if len(held) > MOST:
        listed = shorten([f"{ident(person)} ({len(what)})" for person, what in sorted(held.items())], 6)
        yield Finding(
            cluster_subject(),
            f"{len(held)} personal logins hold direct grants (on so many objects): {listed}",
        )
        return
    for person, what in sorted(held.items()):
        count = f"{len(what)} object{'s' if len(what) > 1 else ''}"
        yield Finding(
            role_subject(person), f"{ident(person)} holds direct grants on {count}: {shorten(list(what), 3)}"
        )
