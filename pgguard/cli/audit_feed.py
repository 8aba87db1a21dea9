"""`pgguard audit feed`: what the nightly run should tell somebody."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from pgguard.model.audit_alarm import Alarm, Limits


@connects
def feed(
    source: Source,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From this time on, or 36h ago.")
    ] = "24h",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Before this time. Default: now.")
    ] = "",
    mass: Annotated[
        int, typer.Option("--mass", metavar="ROWS", min=1, help="Rows of one login within the window.")
    ] = 1000,
    window: Annotated[
        int, typer.Option("--window", metavar="MINUTES", min=1, max=1440, help="The window.")
    ] = 60,
    lookback: Annotated[
        int, typer.Option("--lookback", metavar="DAYS", min=7, help="So many days tell what is usual.")
    ] = 30,
    day: Annotated[str, typer.Option("--day", metavar="HOURS", help="Ordinary hours.")] = "6-22",
    zone: Annotated[
        str, typer.Option("--time-zone", metavar="NAME", help="Of these hours, as Europe/Paris.")
    ] = "UTC",
    failures: Annotated[
        int, typer.Option("--failures", metavar="N", min=1, help="Refused logins from one address.")
    ] = 10,
    observations: Annotated[
        Path | None,
        typer.Option(
            "--observations", metavar="FILE", help="What pgguard saw of the log: failed logins, reads."
        ),
    ] = None,
    policy: PolicyFile = None,
    output: Output = None,
) -> None:
    """Write what is out of the ordinary as JSON lines (ECS).

    Mass changes, odd hours, new origins, the audit switched off, what the catalog watch saw, failed logins.

    Exit code 1: there is something. 3: nothing, and not everything could be judged.
    """
    from pgguard.cli.output import write
    from pgguard.report.audit_alarms import json_lines

    limits = _limits(mass, window, lookback, day, zone, failures, policy)
    database, alarms, unjudged = _look(source, since, until, limits, observations)
    write("".join(json_lines(alarms, database)), output)
    for one in unjudged:
        _say(f"not judged: {one}")
    raise typer.Exit(1 if alarms else 3 if unjudged else 0)


def _look(
    source: Source, since: str, until: str, limits: Limits, observations: Path | None
) -> tuple[str, list[Alarm], list[str]]:
    from pgguard.cli.audit_search import moment
    from pgguard.errors import UsageError
    from pgguard.observe.alarms import alarms as observed
    from pgguard.server.audit_feed import feed as server

    ends = moment(until) or datetime.datetime.now(datetime.UTC)
    begins = moment(since)
    if begins is None or begins >= ends:
        msg = "--since has to be before --until"
        raise UsageError(msg)
    found = server(source.target, begins, ends, limits)
    alarms, unjudged = list(found.alarms), list(found.unjudged)
    if observations is None:
        unjudged.append("failed logins and mass reads: give what pgguard saw of the log by --observations")
        return found.database, alarms, unjudged
    more, why = observed(observations, found.database, begins, ends, limits)
    return found.database, alarms + more, unjudged + why


def _limits(
    mass: int, window: int, lookback: int, day: str, zone: str, failures: int, policy: Path | None
) -> Limits:
    from zoneinfo import ZoneInfo

    from pgguard.errors import UsageError
    from pgguard.model.audit_alarm import Limits
    from pgguard.store.policy_file import find, load

    first, _, last = day.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) < int(last) <= 24):
        msg = f"--day {day!r}: give the hours as 6-22"
        raise UsageError(msg)
    try:
        place = ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        msg = f"--time-zone {zone!r}: there is no such time zone; give one as Europe/Paris"
        raise UsageError(msg) from None
    services = load(find(policy, Path.cwd(), os.environ)).policy.service
    return Limits(
        mass=mass,
        window=datetime.timedelta(minutes=window),
        lookback_days=lookback,
        day_begins=int(first),
        day_ends=int(last),
        failures=failures,
        zone=place,
        services=frozenset(one.role for one in services),
    )


def _say(text: str) -> None:
    from pgguard.report.text import visible

    print(visible(text), file=sys.stderr)
