"""`pgguard inspect`: what is wrong, most serious first."""

from __future__ import annotations

import datetime
import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.output import Output, color, width, write
from pgguard.cli.source import Sample, SampleOnly, Source, reads_snapshot, with_values

if TYPE_CHECKING:
    from pgguard.model.finding import Report
    from pgguard.model.supervision import Supervision

PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="The policy file (default: pgguard.toml, see docs/policy.md)."
    ),
]
ObservationsFile = Annotated[
    Path | None,
    typer.Option(
        "--observations",
        metavar="FILE",
        help="The observation store, for what is seen over time. Default: [observation] store.",
    ),
]


class Format(enum.Enum):
    """How a report is written."""

    TERMINAL = "terminal"
    JSON = "json"


class Level(enum.Enum):
    """A severity on the command line."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@reads_snapshot
def inspect(
    source: Source,
    policy: PolicyFile = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="CHECK", help="Only this check (repeat for more). Default: all."),
    ] = None,
    output_format: Annotated[
        Format, typer.Option("--format", help="How to write the report.")
    ] = Format.TERMINAL,
    output: Output = None,
    observations: ObservationsFile = None,
    sample: Sample = 0,
    sample_only: SampleOnly = None,
    fail_on: Annotated[
        Level, typer.Option("--fail-on", help="Exit 1 for findings of this severity and above.")
    ] = Level.HIGH,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0 even when something could not be evaluated.")
    ] = False,
) -> None:
    """Look at a server (all its databases) without changing it, and say what is wrong.

    Exit code 0: nothing at or above --fail-on, and everything evaluated. 1: findings. 2: bad usage,
    policy or input. 3: no connection, or something could not be evaluated and nothing failed.
    """
    report = judged(source, policy, check, observations, sample, sample_only)
    write(rendered(report, output_format, output), output)
    from pgguard.model.finding import Severity

    raise typer.Exit(report.exit_code(Severity[fail_on.name], allow_unknown=allow_unknown))


def judged(
    source: Source,
    policy_file: Path | None,
    only: list[str] | None,
    observations: Path | None = None,
    sample: int = 0,
    sample_only: list[str] | None = None,
    supervision: Supervision | None = None,
) -> Report:
    """The report on the source under the policy file; mistakes in the options are said before connecting.

    Waivers end by the date of the look itself, so that a saved snapshot gets the same report.
    """
    from pgguard.checks import named
    from pgguard.nightly.beside import with_all
    from pgguard.report.judge import judge
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy_file, Path.cwd(), os.environ))
    chosen = [named(one) for one in only] if only else None
    snapshot = with_values(source, sample, sample_only, loaded.policy)
    snapshot = with_all(
        snapshot,
        loaded.policy,
        store=observations,
        supervision=supervision,
        server=source.target if source.file is None else None,
    )
    return judge(
        snapshot,
        loaded.policy,
        today=datetime.date.fromisoformat(snapshot.server.now[:10]),
        policy_file=loaded.file,
        policy_sha256=loaded.sha256,
        register_file=loaded.register_file,
        register_sha256=loaded.register_sha256,
        checks=chosen,
    )


def rendered(report: Report, output_format: Format, output: Path | None) -> str:
    """The report in a format, for a file or for the terminal that stdout is."""
    if output_format is Format.JSON:
        from pgguard.report.json import render as as_json

        return as_json(report)
    from pgguard.report.terminal import render as as_text

    return as_text(report, width=width(output), color=color(output))
