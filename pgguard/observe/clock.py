"""The times of a log in UTC.

A log writes local time with an abbreviation that may mean several zones (CST). But a session's id holds
its start in seconds since the epoch, and csvlog and jsonlog write the same start as local time: the
difference of the two is the offset, without any table.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pgguard.errors import InputError

_NUMERIC = re.compile(r"[+-]\d\d(?::?\d\d)?\Z")
# abbreviations with one meaning wherever PostgreSQL runs, in minutes east of Greenwich
_FIXED = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "CEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
}
_QUARTER = 15 * 60
_FARTHEST = 15 * 3600


class Clock:
    """Turns the times of one log into UTC; `zone` (Europe/Paris) where the log cannot tell.

    Raises `InputError` for a zone that nobody knows.
    """

    def __init__(self, zone: str = "") -> None:
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (ZoneInfoNotFoundError, ValueError):
            msg = f"{zone}: there is no such time zone (as in Europe/Paris)"
            raise InputError(msg) from None
        self._offsets: dict[str, int] = {}
        self._minutes: dict[tuple[str, str], str] = {}

    def of_session(self, written: str, session_start: str, session: str) -> str:
        """A time of a log that also gives the session's start; empty when it cannot be read."""
        zone = written[19:].rpartition(" ")[2]
        if zone not in self._offsets:
            self._learn(session_start, session)
        return self._utc(written[:19], zone)

    def of_prefix(self, fields: dict[str, str]) -> str:
        """The time that the fields of a log_line_prefix give; empty without one."""
        if "epoch" in fields:
            return _iso(datetime.fromtimestamp(float(fields["epoch"]), UTC))
        written = fields.get("time", "")
        zone = written[19:].rpartition(" ")[2]
        session_start = fields.get("session_start", "")
        if session_start and session_start.rpartition(" ")[2] not in self._offsets and fields.get("session"):
            self._learn(session_start, fields["session"])
        return self._utc(written[:19], zone) if written else ""

    def _learn(self, session_start: str, session: str) -> None:
        try:
            began = int(session.partition(".")[0], 16)
            local = datetime.strptime(session_start[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return
        zone = session_start.rpartition(" ")[2]
        # a zone is a whole number of quarters of an hour; the two starts may be read a second apart
        offset = round((local.timestamp() - began) / _QUARTER) * _QUARTER
        if abs(offset) <= _FARTHEST:
            self._offsets[zone] = offset

    def _utc(self, stamp: str, zone: str) -> str:
        """A local time to the second in UTC; within a minute only the second differs."""
        second = stamp[16:]
        if not (len(second) == 3 and second.isascii() and second[1:].isdigit() and ":00" <= second <= ":59"):
            return ""
        key = (stamp[:16], zone)
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._minute(stamp[:16], zone)
            if not minute and zone not in self._offsets:
                # the next line may tell what the zone is
                return ""
            if len(self._minutes) > _REMEMBERED:
                self._minutes.clear()
            self._minutes[key] = minute
        return f"{minute}{second}Z" if minute else ""

    def _minute(self, stamp: str, zone: str) -> str:
        try:
            local = datetime.strptime(stamp, "%Y-%m-%d %H:%M")
        except ValueError:
            return ""
        known = self._zone_of(zone)
        if known is None:
            return ""
        return local.replace(tzinfo=known).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")

    def _zone_of(self, zone: str) -> tzinfo | None:
        if zone in self._offsets:
            return timezone(timedelta(seconds=self._offsets[zone]))
        if self._zone is not None:
            return self._zone
        if zone in _FIXED:
            return timezone(timedelta(minutes=_FIXED[zone]))
        if _NUMERIC.match(zone):
            hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
            away = timedelta(hours=hours, minutes=minutes)
            return timezone(-away if zone[0] == "-" else away)
        return None


_REMEMBERED = 100_000


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def of_session_id(session: str) -> str:
    """When a session of that id (%c) began; empty for something else."""
    try:
        return _iso(datetime.fromtimestamp(int(session.partition(".")[0], 16), UTC)) if session else ""
    except (ValueError, OverflowError, OSError):
        return ""
