"""A login that is not a declared administrator may hand on rights (GRANT OPTION, ADMIN OPTION).

Why it matters: who reads patients' data is then decided by whoever happens to hold the option, past
the people who answer for it.

How to fix: REVOKE GRANT OPTION FOR ..., REVOKE ADMIN OPTION FOR ...; what was handed on already goes
with CASCADE only, so look first.

Silent when: owners on their own objects, declared administrators, superusers, and the ADMIN OPTION
that CREATEROLE brings from 16 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.granted import in_cluster, in_database
from pgguard.analysis.names import cluster_subject, shorten
from pgguard.changes.privileges import revoke_admin_option
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.granted import Granted
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Membership
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AC-6",
    "PostgreSQL manual, GRANT",
)

# so many roles are told one by one
_MOST = 20


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    held: list[Holding] = []
    for database in snapshot.inspected:
        for thing in in_database(database):
            held += _grantable(thing, database.name)
    for thing in in_cluster(snapshot):
        held += _grantable(thing, None)
    handed_on = {(edge.grantor, edge.role) for edge in snapshot.memberships}
    for edge in snapshot.memberships:
        if edge.admin and not _by_creating(snapshot, edge):
            # before 16 nothing hangs on the grantor
            cascade = snapshot.major >= 16 and (edge.member, edge.role) in handed_on
            change = revoke_admin_option(edge, major=snapshot.major, cascade=cascade)
            held.append(Holding(edge.member, f"membership of {ident(edge.role)}", (change,)))
    found = bearers(snapshot, held, policy.is_administrator)
    if len(found) > _MOST:
        names = shorten([bearer.name for bearer in found], 6)
        fixes = dict.fromkeys(change for bearer in found for change in bearer.fix())
        yield Finding(
            cluster_subject(),
            f"{len(found)} roles may hand on rights or memberships: {names}",
            fix=tuple(fixes),
        )
        return
    for bearer in found:
        yield Finding(
            Subject("role", bearer.name), f"{bearer.name} may hand on {bearer.told()}", fix=bearer.fix()
        )


def _grantable(thing: Granted, database: str | None) -> Iterator[Holding]:
    for grant in thing.grants:
        if grant.grantable and grant.grantee != thing.owner:
            fix = thing.take_back(grant.grantee, [grant.privilege], database=database, option_only=True)
            yield Holding(grant.grantee, f"{grant.privilege} on {thing.told}", fix)


def _by_creating(snapshot: Snapshot, edge: Membership) -> bool:
    """Whether it is the grant that CREATE ROLE makes to the creator from 16 on: ADMIN and nothing else."""
    grantor = snapshot.role(edge.grantor)
    return (
        snapshot.major >= 16
        and not edge.inherit
        and not edge.set
        and grantor is not None
        and grantor.bootstrap
    )
