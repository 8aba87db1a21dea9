"""The observation store as the checks want it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.observation import Observations
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.policy import Policy

# grades are given from so many days
_GRADED_DAYS = 60


def observations(file: Path, policy: Policy, now: str) -> Observations:
    """What the store holds of the days that checks look back on, up to `now` (ISO 8601 in UTC).

    Raises `InputError` when there is no such store, or it cannot be used.
    """
    if not file.exists():
        msg = f"{file}: there is no observation store: make one with `pgguard observe --store {file}`"
        raise InputError(msg)
    back = datetime.timedelta(days=max(_GRADED_DAYS, policy.thresholds.dormant_days) + 1)
    since = (datetime.datetime.fromisoformat(now) - back).strftime("%Y-%m-%dT%H:%M:%SZ")
    with ObservationStore(file) as store:
        return Observations(
            tuple(store.sessions(since)),
            tuple(store.coverages()),
            tuple(store.failures(since)),
            tuple(store.usage()),
            tuple(store.usage_gaps()),
            tuple(store.kept_reads.daily(since)),
        )
