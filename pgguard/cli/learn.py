"""`pgguard learn`: the privileges that statements really took, and what is held beyond them."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import Format, PolicyFile
from pgguard.cli.observe import StoreFile, place
from pgguard.cli.output import Output, progress, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.analysis.usage.evidence import Evidence
    from pgguard.analysis.usage.statements import Analyst
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot
    from pgguard.observe.store import ObservationStore


@reads_snapshot
def learn(
    source: Source,
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", metavar="FILE", help="Learn from this server log (repeat for more)."),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="TEXT", help="log_line_prefix of a stderr log.")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="log_timezone where the log cannot tell.")
    ] = "",
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FOLDER", help="Write migrations that revoke what was not used."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another plan in the folder.")] = False,
    output_format: Annotated[Format, typer.Option("--format", help="How to tell it.")] = Format.TERMINAL,
    store: StoreFile = None,
    policy: PolicyFile = None,
    output: Output = None,
) -> None:
    """Learn from logged statements and pg_stat_statements which privileges are used, and which are not.

    What was learnt is kept in the observation store as counts: no statement and no value is.
    """
    declared, snapshot = _policy(policy), source.snapshot()
    evidence = _learnt(source, snapshot, declared, place(store, declared), log, prefix, timezone)
    if plan is not None:
        _planned(source, snapshot, evidence, plan, force=force)
    write(_told(evidence, output_format), output)


def _learnt(
    source: Source,
    snapshot: Snapshot,
    policy: Policy,
    file: Path,
    log: list[Path] | None,
    prefix: str | None,
    timezone: str,
) -> Evidence:
    from pgguard.analysis.usage.evidence import Evidence
    from pgguard.analysis.usage.statements import Analyst
    from pgguard.observe.learning import learn_from_logs
    from pgguard.observe.observed import observations
    from pgguard.observe.store import ObservationStore

    analyst = Analyst(snapshot)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with ObservationStore(file) as kept, progress() as say:
        if log:
            paths = [None if str(one) == "-" else one for one in log]
            learn_from_logs(kept, analyst, paths, now=now, prefix=prefix, timezone=timezone, progress=say)
        if source.file is None:
            _tracked(source, kept, analyst, say, now)
        kept.prune(datetime.datetime.now(datetime.UTC), policy.observation.keep_days)
    return Evidence(snapshot, observations(file, policy, snapshot.server.now), policy)


def _tracked(
    source: Source, kept: ObservationStore, analyst: Analyst, say: Callable[[str], None], now: str
) -> None:
    from pgguard.observe.learning import learn_from_tracked
    from pgguard.server.statements_read import statements, tracking

    for database in analyst.snapshot.inspected:
        found = tracking(source.target, database.name)
        if found is not None:
            # one database shows the statements of all
            say("reading pg_stat_statements")
            since = "" if found.reason else found.since
            learn_from_tracked(kept, analyst, statements(source.target, found.database), since=since, now=now)
            return


def _planned(source: Source, snapshot: Snapshot, evidence: Evidence, folder: Path, *, force: bool) -> None:
    from pgguard.model.plan import Plan
    from pgguard.plan.folder import write as write_folder
    from pgguard.plan.least_privilege import steps_of
    from pgguard.plan.migration import migrations
    from pgguard.report.text import plural

    steps, by_hand = steps_of(evidence)
    server = snapshot.server
    cluster = _identity(source)
    made = Plan(snapshot.target, server.version, server.now, server.inspected_as, steps, by_hand, cluster)
    files = migrations(made)
    write_folder(folder, made, files, force=force)
    print(f"{plural(len(files), 'migration')} in {folder}: read plan.md", file=sys.stderr)


def _identity(source: Source) -> str:
    from pgguard.server.applying import cluster_identity

    return cluster_identity(source.target) if source.file is None else ""


def _told(evidence: Evidence, output_format: Format) -> str:
    from pgguard.report.usage import render, render_json

    return render_json(evidence) if output_format is Format.JSON else render(evidence)


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy
