"""`pgguard observe`: who uses which login from where, kept over time."""

from __future__ import annotations

import datetime
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, progress, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.model.policy import Policy

StoreFile = Annotated[
    Path | None,
    typer.Option("--store", metavar="FILE", help="The observation store. Default: [observation] store."),
]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@reads_snapshot
def observe(
    source: Source,
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", metavar="FILE", help="Read this server log (repeat for more; - for stdin)."),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="TEXT", help="log_line_prefix of a stderr log.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="log_timezone where the log cannot tell.")
    ] = "",
    during: Annotated[
        str, typer.Option("--for", metavar="TIME", help="Look again and again for so long (10m, 2h).")
    ] = "0s",
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="Pause between two looks.")] = "10s",
    store: StoreFile = None,
    policy: PolicyFile = None,
    output: Output = None,
) -> None:
    """Keep in the observation store who was connected: from server logs, or by looking at the server.

    Once by default, for a while with --for, or from cron. Logs tell more than looking does: sessions of
    a moment, and the identities that were authenticated. No statement is kept.
    """
    from pgguard.store.policy_file import find, load

    declared = load(find(policy, Path.cwd(), os.environ)).policy
    file = place(store, declared)
    if log:
        _read(file, log, prefix, timezone)
    else:
        _look(file, source, seconds(during), seconds(every))
    write(_kept(file, declared.observation.keep_days), output)


def place(chosen: Path | None, policy: Policy) -> Path:
    """Where the observation store is: the file chosen, the policy's, or the user's own."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path(os.environ.get("HOME", "/")) / ".local/state")
    declared = Path(policy.observation.store) if policy.observation.store else None
    return chosen or declared or Path(home) / "pgguard" / "observations.sqlite"


def seconds(text: str) -> int:
    """A time such as 90s, 10m, 2h or 1d.

    Raises `UsageError` for anything else.
    """
    from pgguard.errors import UsageError

    found = re.fullmatch(r"(\d+)([smhd]?)", text)
    if found is None:
        msg = f"{text}: a time is a number with s, m, h or d"
        raise UsageError(msg)
    return int(found[1]) * _UNITS[found[2] or "s"]


def _read(file: Path, log: list[Path], prefix: str | None, timezone: str) -> None:
    from pgguard.observe.reading import read_logs
    from pgguard.observe.store import ObservationStore

    paths = [None if str(one) == "-" else one for one in log]
    with ObservationStore(file) as store, progress() as say:
        read_logs(store, paths, now=_now(), prefix=prefix, timezone=timezone, progress=say)


def _look(file: Path, source: Source, during: int, every: int) -> None:
    from pgguard.observe.store import ObservationStore
    from pgguard.server.activity import coverage, look

    since = _now()
    for seen in look(source.target, every=every if during else 0, seconds=during):
        # the store is not held between two looks, so that others can write
        with ObservationStore(file) as store:
            store.add(seen)
    with ObservationStore(file) as store:
        store.add_coverage(coverage(since, _now(), "pg_stat_activity"))


def _kept(file: Path, keep_days: int) -> str:
    from pgguard.observe.store import ObservationStore
    from pgguard.report.observations import render_summary

    with ObservationStore(file) as store:
        store.prune(datetime.datetime.now(datetime.UTC), keep_days)
        return render_summary(store.sessions(), store.failures(), store.coverages())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
