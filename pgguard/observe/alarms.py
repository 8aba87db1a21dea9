"""What the observation store tells that somebody should look at: failed logins, and masses of rows read."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.audit_alarm import Alarm
from pgguard.model.reads import MEANS
from pgguard.observe.reads_store import Which
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pgguard.model.audit_alarm import Limits
    from pgguard.model.observation import LoginFailure
    from pgguard.model.reads import ReadSeen


def alarms(
    file: Path, database: str, since: datetime.datetime, until: datetime.datetime, limits: Limits
) -> tuple[list[Alarm], list[str]]:
    """What is out of the ordinary in the window, and what could not be judged.

    Raises `InputError` for a file that is no observation store.
    """
    if not file.exists():
        msg = f"{file}: there is no such file: pgguard observe and pgguard audit ingest make it"
        raise InputError(msg)
    begins, ends = _text(since), _text(until)
    usual_from = _text(since - datetime.timedelta(days=limits.lookback_days))
    with ObservationStore(file) as store:
        watched = {one.means for one in store.coverages() if one.until > begins and one.since < ends}
        found = _failed_logins(store, begins, ends, limits)
        own = store.kept_reads.reads(Which(since=usual_from, until=ends, database=database))
        found += _mass_reads(own, begins, limits)
    unjudged = []
    if "log" not in watched:
        unjudged.append(f"failed logins: no log of this window is in {file}")
    if MEANS not in watched:
        unjudged.append(f"mass reads: no reads of this window are in {file}: pgguard audit ingest")
    return found, unjudged


def _failed_logins(store: ObservationStore, begins: str, ends: str, limits: Limits) -> list[Alarm]:
    seen: dict[str, list[tuple[LoginFailure, int]]] = defaultdict(list)
    for failure, times in store.failures(begins):
        if failure.at < ends:
            seen[failure.address].append((failure, times))
    found = []
    for address, own in seen.items():
        count = sum(times for _, times in own)
        if count < limits.failures:
            continue
        roles = sorted({one.role for one, _ in own})
        more = ", ..." if len(roles) > 5 else ""
        evidence = (
            f"{count} refused logins from {address or 'the server itself'}, as {len(roles)} roles "
            f"({', '.join(roles[:5])}{more})"
        )
        login = roles[0] if len(roles) == 1 else ""
        found.append(Alarm("failed-logins", _time(own[0][0].at), login, "", address, "", evidence))
    return found


def _mass_reads(reads: Iterable[ReadSeen], begins: str, limits: Limits) -> list[Alarm]:
    # an hour of somebody's, by the first letters of its time
    before: dict[tuple[str, str], int] = defaultdict(int)
    now: dict[tuple[str, str], list[ReadSeen]] = defaultdict(list)
    for one in reads:
        if limits.is_expected(one.login, "") or one.rows < 0:
            continue
        hour = (one.login, one.at[:13])
        if one.at < begins:
            before[hour] += one.rows
        else:
            now[hour].append(one)
    most: dict[str, int] = defaultdict(int)
    for (login, _), rows in before.items():
        most[login] = max(most[login], rows)
    found = []
    for (login, _), own in now.items():
        rows = sum(one.rows for one in own)
        if rows < limits.mass or rows <= 3 * most[login]:
            continue
        what = sorted({one.relation for one in own if one.relation})
        evidence = (
            f"{rows} rows read in an hour by {', '.join(sorted({one.command for one in own}))}; the most in "
            f"an hour before: {most[login]}"
        )
        first = own[0]
        found.append(
            Alarm("mass-read", _time(first.at), login, "", first.address, ", ".join(what[:5]), evidence)
        )
    return found


def _text(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
