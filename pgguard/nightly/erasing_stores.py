"""What pgguard itself keeps about people, and for how long: the audit store, observations, the history."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pgguard.observe.store import ObservationStore
from pgguard.server.audit_keep import purge
from pgguard.store.history import open_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.server.connect import Target


def prune(target: Target, policy: Policy, history: str, now: datetime.datetime) -> Iterator[str]:
    """Forget what is older than the policy's periods, store by store; one line for each.

    What has no period is kept, and that is said. `history` is where it is. Raises what the stores raise.
    """
    if policy.audit.keep_months:
        before = _months_before(now, policy.audit.keep_months)
        dropped = list(purge(target, before))
        yield from (f"audit store: {name} is dropped, {entries:,} entries" for name, entries in dropped)
        if not dropped:
            yield f"audit store: no sealed partition ended before {before:%Y-%m-%d}"
    else:
        yield "audit store: kept, for [audit] keep_months names no period"
    if policy.observation.store and Path(policy.observation.store).exists():
        with ObservationStore(Path(policy.observation.store)) as store:
            store.prune(now, policy.observation.keep_days)
        yield f"observations: what is older than {policy.observation.keep_days} days is forgotten"
    else:
        yield "observations: there is no store"
    days = policy.history.keep_days
    if days <= 0:
        yield "history: kept, for [history] keep_days is 0"
    elif "://" not in history and not Path(history).exists():
        yield "history: there is none"
    else:
        with open_history(history) as kept, kept.writing():
            for name in kept.targets():
                kept.forget(name, now - datetime.timedelta(days=days))
        yield f"history: what is older than {days} days and gone is forgotten"


def _months_before(now: datetime.datetime, months: int) -> datetime.datetime:
    """The first of the month so many months ago: partitions are whole months or days."""
    month = now.year * 12 + now.month - 1 - months
    return now.replace(
        year=month // 12, month=month % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
    )
