"""`pgguard check`: the quiet run of every night, and `pgguard history`: what it remembers."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import Format, Level, ObservationsFile, PolicyFile
from pgguard.cli.output import Output, write
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from pgguard.model.history import RunResult
    from pgguard.model.policy import Policy

HistoryPlace = Annotated[
    str,
    typer.Option(
        "--history",
        metavar="FILE|URL",
        help="Where runs are remembered: a file, or postgresql://USER@HOST/DATABASE. "
        "Default: [history] store, else pgguard/history.sqlite in the state folder.",
    ),
]


@connects
def check(
    source: Source,
    policy: PolicyFile = None,
    history: HistoryPlace = "",
    fleet: Annotated[
        Path | None,
        typer.Option("--fleet", metavar="FILE", help="Look at all servers of this file instead of one."),
    ] = None,
    baseline: Annotated[
        bool,
        typer.Option("--baseline", help="Take what is found now as known; it stays open, and counts."),
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", help="How to write: json is the whole report, always.")
    ] = Format.TERMINAL,
    output: Output = None,
    observations: ObservationsFile = None,
    fail_on: Annotated[
        Level, typer.Option("--fail-on", help="Exit 1 for findings of this severity and above.")
    ] = Level.HIGH,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0 even when something could not be evaluated.")
    ] = False,
) -> None:
    """Inspect, and say what changed since the last run: new, fixed, returned. Says nothing when nothing did.

    For cron. Nothing is written to the server. Exit code 0: nothing open at or above --fail-on, everything
    evaluated and remembered. 1: findings. 2: bad usage, policy or input. 3: no connection, or something could
    not be evaluated or remembered and nothing failed.
    """
    if fleet is not None:
        raise typer.Exit(
            _fleet(fleet, source, policy, history, (baseline, fail_on, allow_unknown), output_format)
        )
    result = _run(source, policy, history, observations, (baseline, fail_on, allow_unknown))
    _tell(result, output_format, output)
    raise typer.Exit(result.run.exit_code)


def history(
    policy: PolicyFile = None,
    history: HistoryPlace = "",
    target: Annotated[
        str,
        typer.Option("--target", metavar="NAME", help="Only this server, by the name it is remembered by."),
    ] = "",
    finding: Annotated[
        str,
        typer.Option(
            "--finding", metavar="FINGERPRINT", help="The story of this finding (its beginning is enough)."
        ),
    ] = "",
    output_format: Annotated[
        Format, typer.Option("--format", help="How to write the history.")
    ] = Format.TERMINAL,
    output: Output = None,
) -> None:
    """The trend of open findings, how long fixing took, and what is open longest; from `pgguard check`."""
    place = _place(history, _policy(policy))
    write(_finding(place, target, finding) if finding else _trends(place, target, output_format), output)


def _run(
    source: Source,
    policy_file: Path | None,
    history: str,
    observations: Path | None,
    how: tuple[bool, Level, bool],
) -> RunResult:
    from pgguard.cli.inspect import judged
    from pgguard.model.finding import Severity
    from pgguard.nightly.notify import supervision_in
    from pgguard.nightly.run import Settings, run
    from pgguard.store.history import state_folder

    policy, (baseline, fail_on, allow_unknown) = _policy(policy_file), how
    settings = Settings(
        target=policy.history.target or source.target.name,
        store=_place(history, policy),
        policy=policy,
        locks=state_folder(os.environ),
        fail_on=Severity[fail_on.name],
        allow_unknown=allow_unknown,
        baseline=baseline,
        environment=os.environ,
    )
    now = datetime.datetime.now(datetime.UTC)
    seen = supervision_in(settings.store, settings.target)
    return run(lambda: judged(source, policy_file, None, observations, supervision=seen), settings, now)


def _fleet(
    file: Path,
    source: Source,
    policy_file: Path | None,
    history: str,
    how: tuple[bool, Level, bool],
    output_format: Format,
) -> int:
    """The exit code: 1 when one target has findings, else 3 when one could not be looked at or told of."""
    from pgguard.errors import PgguardError, UsageError
    from pgguard.model.finding import Severity
    from pgguard.nightly.channels import beat
    from pgguard.nightly.fleet import FleetSettings, look_at
    from pgguard.nightly.notify import deliver
    from pgguard.report import fleet as report
    from pgguard.store.fleet_file import read_fleet
    from pgguard.store.history import open_history, state_folder
    from pgguard.store.policy_file import find

    if source.is_chosen:
        msg = "--fleet names the servers: give no other"
        raise UsageError(msg)
    found, policy = read_fleet(file), _policy(policy_file)
    settings = FleetSettings(
        policy=find(policy_file, Path.cwd(), os.environ),
        store=_place(history, policy),
        locks=str(state_folder(os.environ)),
        folder=str(file.parent),
        baseline=how[0],
        fail_on=Severity[how[1].name],
        allow_unknown=how[2],
    )
    looked = list(look_at(found, settings))
    waiting = [one.pending for one in looked if one.pending is not None]
    try:
        with open_history(settings.store) as opened:
            problems = deliver(waiting, opened, policy, os.environ)
    except PgguardError as error:
        problems = [str(error), *deliver(waiting, None, policy, os.environ)]
    codes = {one.exit_code for one in looked}
    code = 1 if 1 in codes else max(codes, default=0)
    now = datetime.datetime.now(datetime.UTC)
    sent = beat(policy.alerts, f"fleet {file.name}", code, now, os.environ)
    problems += [f"the {one.channel} failed: {one.reason}" for one in sent if one.reason]
    for said in problems:
        print(f"pgguard: {said}", file=sys.stderr)
    as_json = output_format is Format.JSON
    print(report.render_json(looked) if as_json else report.render(looked), end="")
    return code or (3 if problems else 0)


def _tell(result: RunResult, output_format: Format, output: Path | None) -> None:
    from pgguard.cli.inspect import rendered
    from pgguard.report import changes
    from pgguard.report.text import visible

    for said in (result.failure, result.problem):
        if said:
            print(f"pgguard: {visible(said)}", file=sys.stderr)
    if output_format is Format.JSON:
        text = changes.render_json(result)
    elif result.comparison is None and result.report is not None:
        # with nothing to compare it with, all of it may be news
        text = rendered(result.report, output_format, output)
    else:
        text = "" if result.failure else changes.render(result)
    if text or output is not None:
        write(text, output)


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy


def _place(chosen: str, policy: Policy) -> str:
    from pgguard.store.history import default_place

    return chosen or policy.history.store or default_place(os.environ)


def _trends(place: str, target: str, output_format: Format) -> str:
    from pgguard.nightly.trend import trend
    from pgguard.report import history as report
    from pgguard.store.history import open_history

    with open_history(place) as opened:
        trends = [trend(opened, one) for one in _targets(opened.targets(), target)]
    return report.render_json(trends) if output_format is Format.JSON else report.render(trends)


def _finding(place: str, target: str, beginning: str) -> str:
    from pgguard.errors import UsageError
    from pgguard.report.history import render_finding
    from pgguard.store.history import open_history

    with open_history(place) as opened:
        targets = _targets(opened.targets(), target)
        found = [known for one in targets for known in opened.beginning(one, beginning)]
        if not found:
            msg = f"no finding is remembered whose fingerprint begins with {beginning}"
            raise UsageError(msg)
        return "\n".join(render_finding(known, opened.events_of(known)) for known in found)


def _targets(known: list[str], chosen: str) -> list[str]:
    from pgguard.errors import UsageError

    if chosen and chosen not in known:
        msg = f"nothing is remembered of {chosen}; known are {', '.join(known) or 'none'}"
        raise UsageError(msg)
    return [chosen] if chosen else known
