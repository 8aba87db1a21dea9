"""What a look is judged with besides the catalogs: observations, documents, folders, audit stores, rows."""

from __future__ import annotations

import datetime
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING

from pgguard.errors import PgguardError
from pgguard.model.audit_alarm import Feed, Limits
from pgguard.observe.observed import observations
from pgguard.server.audit_feed import feed
from pgguard.server.conditions import read_conditions
from pgguard.server.overdue import read_overdue
from pgguard.store.documents import read_documents
from pgguard.store.folders import look_at_folders

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot
    from pgguard.model.supervision import Supervision
    from pgguard.server.connect import Target


def with_all(
    snapshot: Snapshot,
    policy: Policy,
    *,
    store: Path | None = None,
    supervision: Supervision | None = None,
    server: Target | None = None,
) -> Snapshot:
    """The snapshot with all that the policy names; `store` is an observation store in place of the policy's.

    `server` is what the snapshot was read from just now. Without it, folders, audit stores and rows are not
    looked at: a saved snapshot is of another day, and may be of another machine. Raises `InputError` for an
    observation store that cannot be used.
    """
    found = observed(snapshot, policy, store).documented(read_documents(policy))
    if server is not None:
        found = found.with_folders(look_at_folders(policy))
        found = found.with_conditions(read_conditions(server, found, policy))
        found = found.alarmed(audit_alarms(found, server, policy))
        found = found.with_overdue(read_overdue(server, policy, [one.name for one in found.inspected]))
    return found if supervision is None else found.supervised(supervision)


def audit_alarms(snapshot: Snapshot, server: Target, policy: Policy) -> list[Feed]:
    """What the audit stores of the inspected databases tell since the last night."""
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    since = now - datetime.timedelta(hours=policy.thresholds.check_max_age_hours)
    limits = _limits(policy)
    found = []
    for one in snapshot.inspected:
        try:
            if one.audit_evidence:
                found.append(feed(server.at(one.name), since, now, limits))
        except PgguardError as error:
            found.append(Feed(one.name, (), (str(error),)))
    return found


def _limits(policy: Policy) -> Limits:
    services = frozenset(one.role for one in policy.service)
    ours = policy.administrators
    if not ours.hours:
        return Limits(services=services)
    first, last = (int(one) for one in ours.hours.split("-"))
    return Limits(day_begins=first, day_ends=last, zone=zoneinfo.ZoneInfo(ours.timezone), services=services)


def observed(snapshot: Snapshot, policy: Policy, chosen: Path | None) -> Snapshot:
    """The snapshot with what the observation store holds, where one is chosen or the policy names one."""
    if chosen is None and not policy.observation.store:
        return snapshot
    file = chosen or Path(policy.observation.store)
    return snapshot.observed(observations(file, policy, snapshot.server.now))
