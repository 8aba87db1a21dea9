"""What the audit store tells that somebody should look at, for the nightly run.

Every login is measured by itself: by what it did in the weeks before, so that an interface that writes a
million rows an hour and a nurse on night duty are nobody's alarm.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.audit_alarm import Alarm, Feed, Limits
from pgguard.server.audit_search import rows, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from pgguard.server.connect import Target

_HOUR = datetime.timedelta(hours=1)
_NAMES = {
    "AUDIT OFF": "audit-off",
    "AUDIT CHANGED": "audit-changed",
    "AUDIT ERASED": "audit-erased",
    "AUDIT PURGED": "audit-purged",
    "AUDIT MOVED": "audit-moved",
    "AUDITOR KEY": "auditor-key-changed",
    "AUDIT SEALED KEYS DESTROYED": "sealed-keys-destroyed",
    "FORGED CLAIM": "forged-claim",
    "NOT TOLD": "rows-not-told",
}
_FEWEST_DAYS = 7


class Activity(NamedTuple):
    """What a login wrote for one end user from one address in one stretch of time."""

    login: str
    claimed: str
    client: str
    begins: datetime.datetime
    rows: int
    deleted: int
    first: datetime.datetime
    last: datetime.datetime
    subjects: int


class Habit(NamedTuple):
    """The same of the weeks before, in one hour."""

    login: str
    claimed: str
    client: str
    hour: datetime.datetime
    rows: int


def feed(target: Target, since: datetime.datetime, until: datetime.datetime, limits: Limits) -> Feed:
    """What happened from `since` to before `until` that is out of the ordinary.

    Raises what `session` does.
    """
    with session(target) as (connection, place):
        begins = since - datetime.timedelta(days=limits.lookback_days)
        made = rows(connection, "reach")[0][0]
        known_days = (since - max(begins, made)) / datetime.timedelta(days=1) if made else 0
        activity = [Activity(*one) for one in rows(connection, "activity", since, until, limits.window)]
        habits = [Habit(*one) for one in rows(connection, "habits", begins, since)]
        hours = [Habit(*one) for one in rows(connection, "habits", since, until)]
        told = [
            Alarm(_NAMES.get(verb, "catalog-watch"), at, login, claimed, client, what, object_, str(number))
            for at, verb, what, login, claimed, client, number, object_ in rows(
                connection, "alarms", since, until
            )
        ]
        unplaced = rows(connection, "reach")[0][2]
    unjudged = []
    if known_days < _FEWEST_DAYS:
        unjudged.append(
            f"new origins and odd hours: the store knows {max(0, int(known_days))} days before, and "
            f"{_FEWEST_DAYS} are needed"
        )
    if unplaced:
        unjudged.append("entries lie outside the partition of their time: pgguard audit status")
    found = [*told, *_masses(activity, habits, limits)]
    if known_days >= _FEWEST_DAYS:
        found += [*_origins(activity, habits), *_odd_hours(hours, habits, limits)]
    return Feed(
        place.database, tuple(sorted(found, key=lambda one: (one.at, one.rule, one.login))), tuple(unjudged)
    )


def _masses(activity: list[Activity], habits: list[Habit], limits: Limits) -> Iterator[Alarm]:
    # the most rows that a person or program wrote in an hour before
    usual: dict[tuple[str, str, datetime.datetime], int] = defaultdict(int)
    for habit in habits:
        usual[habit.login, habit.claimed, habit.hour] += habit.rows
    most: dict[tuple[str, str], int] = defaultdict(int)
    for (login, claimed, _), count in usual.items():
        most[login, claimed] = max(most[login, claimed], count)
    hours = limits.window / _HOUR
    stretches: dict[tuple[str, str, datetime.datetime], list[Activity]] = defaultdict(list)
    for one in activity:
        if limits.is_expected(one.login, one.claimed):
            continue
        stretches[one.login, one.claimed, one.begins].append(one)
    for (login, claimed, _), own in stretches.items():
        count = sum(one.rows for one in own)
        before = most[login, claimed] * max(1.0, hours)
        if count >= limits.mass and count > 3 * before:
            patients = max(one.subjects for one in own)
            deleted = sum(one.deleted for one in own)
            evidence = (
                f"{count} rows in {int(limits.window.total_seconds() // 60)} minutes, {deleted} of them "
                f"deleted, of {patients} patients or more; the most in an hour before: {most[login, claimed]}"
            )
            yield Alarm(
                "mass-change", min(one.first for one in own), login, claimed, own[0].client, "", evidence
            )


def _origins(activity: list[Activity], habits: list[Habit]) -> Iterator[Alarm]:
    known = {(one.login, one.client) for one in habits}
    logins = {one.login for one in habits}
    seen: dict[tuple[str, str], list[Activity]] = defaultdict(list)
    for one in activity:
        seen[one.login, one.client].append(one)
    for (login, client), own in seen.items():
        if (login, client) in known:
            continue
        count = sum(one.rows for one in own)
        where = client or "the server's own socket"
        first = "the login never wrote before" if login not in logins else "it never wrote from there before"
        evidence = f"{count} rows from {where}: {first}"
        yield Alarm("new-origin", own[0].first, login, own[0].claimed, client, "", evidence)


def _odd_hours(hours: list[Habit], habits: list[Habit], limits: Limits) -> Iterator[Alarm]:
    worked = {(one.login, one.claimed, _hour(one.hour, limits.zone)) for one in habits}
    seen: dict[tuple[str, str], list[Habit]] = defaultdict(list)
    for one in sorted(hours, key=lambda one: one.hour):
        hour = _hour(one.hour, limits.zone)
        if limits.is_day(hour) or limits.is_expected(one.login, one.claimed):
            continue
        around = {(one.login, one.claimed, (hour + step) % 24) for step in (-1, 0, 1)}
        if not around & worked:
            seen[one.login, one.claimed].append(one)
    for (login, claimed), own in seen.items():
        count = sum(one.rows for one in own)
        local = own[0].hour.astimezone(limits.zone)
        evidence = f"{count} rows, from {local:%H:%M} on, when it did not work in the weeks before"
        yield Alarm("odd-hours", own[0].hour, login, claimed, own[0].client, "", evidence)


def _hour(at: datetime.datetime, zone: ZoneInfo) -> int:
    return at.astimezone(zone).hour
