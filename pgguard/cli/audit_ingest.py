"""`pgguard audit ingest` and `pgguard audit reads`: who read what, out of the server's logs."""

from __future__ import annotations

import datetime
import enum
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.observe import StoreFile, place, seconds
from pgguard.cli.output import Output, progress, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.policy import Policy
    from pgguard.model.reads import CommandSeen, ReadSeen
    from pgguard.model.snapshot import Snapshot
    from pgguard.observe.reads import Ingested, Miner
    from pgguard.observe.reads_store import Which


class Shape(enum.Enum):
    """How reads are told: in sum, or one by one as JSON lines or CSV."""

    TERMINAL = "terminal"
    JSON = "json"
    CSV = "csv"


@reads_snapshot
def ingest(
    source: Source,
    log: Annotated[
        list[Path],
        typer.Option(
            "--log",
            metavar="FILE",
            help="Read this server log, or file of pgauditlogtofile (repeat for more; - for stdin).",
        ),
    ],
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="TEXT", help="log_line_prefix of a stderr log.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="log_timezone where the log cannot tell.")
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on reading what is added, until interrupted.")
    ] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="With --follow: pause between two looks.")
    ] = "5s",
    store: StoreFile = None,
    policy: PolicyFile = None,
    output: Output = None,
) -> None:
    """Mine server logs for who read sensitive columns, and who gave commands about roles and definitions.

    Each line is read once, whatever rotation does meanwhile. The observation store keeps who, when, from
    where, which columns: no statement and no value. pgaudit tells most: see docs/audit-reads.md.
    """
    declared, snapshot = _policy(policy), source.snapshot()
    file, paths = place(store, declared), [None if str(one) == "-" else one for one in log]
    miner = _miner(snapshot, declared, prefix, timezone)
    done = _mined(miner, file, paths, declared.observation.keep_days)
    write(_told(done, snapshot), output)
    while follow:
        time.sleep(seconds(every))
        done = _mined(miner, file, paths, declared.observation.keep_days)
        if done.lines or done.lost:
            print(_told(done, None), end="", flush=True)


def reads(
    table: Annotated[
        str,
        typer.Option(
            "--table", "--subject-table", metavar="TABLE", help="Only reads of this table (schema.name)."
        ),
    ] = "",
    person: Annotated[
        str, typer.Option("--person", metavar="NAME", help="Only this login, or authenticated identity.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", help="From this time on: 2026-03-01, 2026-03-01T12:00Z, 36h or 7d ago."
        ),
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Before this time.")] = "",
    database: Annotated[
        str, typer.Option("--database", metavar="NAME", help="Only reads in this database.")
    ] = "",
    commands: Annotated[
        bool, typer.Option("--commands", help="Commands about roles, privileges and definitions instead.")
    ] = False,
    shape: Annotated[Shape, typer.Option("--format", help="How to tell it.")] = Shape.TERMINAL,
    store: StoreFile = None,
    policy: PolicyFile = None,
    output: Output = None,
) -> None:
    """Tell who read sensitive columns, from what `pgguard audit ingest` has read."""
    from pgguard.observe.reads_store import Which

    which = Which(table, person, _moment(since), _moment(until), database)
    write(_listed(place(store, _policy(policy)), which, shape, commands=commands), output)


def _miner(snapshot: Snapshot, policy: Policy, prefix: str | None, timezone: str) -> Miner:
    from pgguard.analysis.reads import Interpreter
    from pgguard.analysis.usage.statements import Analyst
    from pgguard.observe.reads import Miner

    return Miner(Analyst(snapshot), Interpreter(snapshot, policy), prefix=prefix, timezone=timezone)


def _mined(miner: Miner, file: Path, paths: list[Path | None], keep_days: int) -> Ingested:
    from pgguard.observe.store import ObservationStore

    # the store is not held between two looks, so that others can write
    with ObservationStore(file) as kept, progress() as say:
        done = miner.mine(kept, paths, now=_now(), progress=say)
        kept.prune(datetime.datetime.now(datetime.UTC), keep_days)
    return done


def _told(done: Ingested, snapshot: Snapshot | None) -> str:
    from pgguard.analysis.read_audit import unseen
    from pgguard.report.reads import render_ingested

    return render_ingested(done, tuple(unseen(snapshot)) if snapshot is not None else ())


def _listed(file: Path, which: Which, shape: Shape, *, commands: bool) -> str:
    from pgguard.errors import InputError
    from pgguard.model.reads import CommandSeen, ReadSeen
    from pgguard.observe.store import ObservationStore
    from pgguard.report import reads as told

    if not file.exists():
        msg = f"{file}: there is no observation store: make one with `pgguard audit ingest --store {file}`"
        raise InputError(msg)
    with ObservationStore(file) as kept:
        if commands:
            given = kept.kept_reads.commands(which.since, which.until)
            return (
                told.render_commands(given) if shape is Shape.TERMINAL else _lines(given, shape, CommandSeen)
            )
        seen = kept.kept_reads.reads(which)
        return told.render_reads(seen) if shape is Shape.TERMINAL else _lines(seen, shape, ReadSeen)


def _lines(
    rows: Iterable[ReadSeen] | Iterable[CommandSeen], shape: Shape, row: type[ReadSeen] | type[CommandSeen]
) -> str:
    from pgguard.report.reads import csv_lines, json_lines

    return "\n".join(csv_lines(rows, row._fields) if shape is Shape.CSV else json_lines(rows)) + "\n"


def _moment(text: str) -> str:
    from pgguard.cli.audit_search import moment

    found = moment(text)
    return found.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found is not None else ""


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
