"""Something in the audit that somebody should look at, and from where on it is something."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Alarm(NamedTuple):
    """One event for the nightly run.

    `rule` says which: mass-change, new-origin, odd-hours, audit-off, catalog-watch, failed-logins and others;
    `object` is a table or what the watch saw; `evidence` says it in words, without a value. `entry` is the id
    of the entry that tells it, where there is one.
    """

    rule: str
    at: datetime.datetime
    login: str
    claimed: str
    client: str
    object: str
    evidence: str
    entry: str = ""


class Feed(NamedTuple):
    """The alarms of a window in one database's audit store, in order, and what could not be judged."""

    database: str
    alarms: tuple[Alarm, ...]
    unjudged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is out of the ordinary.

    `mass` rows within `window`, when that is also three times the most in an hour of the `lookback_days`
    before; hours outside `day_begins` to `day_ends` of the zone are odd for who never worked in them.
    `services` are logins that write by themselves: only what they do for somebody is measured.
    """

    mass: int = 1000
    window: datetime.timedelta = datetime.timedelta(hours=1)
    lookback_days: int = 30
    day_begins: int = 6
    day_ends: int = 22
    failures: int = 10
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    services: frozenset[str] = frozenset()

    def is_day(self, hour: int) -> bool:
        """Whether an hour of the day is an ordinary one."""
        return self.day_begins <= hour < self.day_ends

    def is_expected(self, login: str, claimed: str) -> bool:
        """Whether what a login does is a program's own work."""
        return login in self.services and not claimed
