"""`pgguard diff`: what changed between two snapshots, or from a snapshot to the server of now."""

from __future__ import annotations

import dataclasses
import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, width, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.model.snapshot import Snapshot


class Form(enum.Enum):
    """How the answer is written."""

    TERMINAL = "terminal"
    JSON = "json"


@reads_snapshot
def diff(
    source: Source,
    before: Annotated[
        str,
        typer.Argument(metavar="A", help="What was: a file of `pgguard snapshot`, or a connection string."),
    ],
    dsn: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="What is: another one. Default: the server of the connection options, or --from.",
        ),
    ] = "",
    policy: PolicyFile = None,
    everything: Annotated[bool, typer.Option("--all", help="Every difference, with every name.")] = False,
    format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    output: Output = None,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0 even when something could not be compared.")
    ] = False,
) -> None:
    """Tell what changed in terms of access: who can now reach what, and what protects it no more.

    Exit code 0: nothing opened, everything compared. 1: something opened, or changed so that a person has to
    judge it. 3: something could not be compared, and nothing opened. Constants in stored SQL, which snapshots
    hide, are not compared.
    """
    from pgguard.analysis.drift import drift
    from pgguard.report.drift import render_json, render_terminal
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    found = drift(_first(source, before), _second(source, dsn), loaded.policy, only=source.database)
    text = render_json(found) if format is Form.JSON else ""
    write(text or render_terminal(found, everything=everything, width=width(output)), output)
    raise typer.Exit(found.exit_code(allow_unknown=allow_unknown))


def _first(source: Source, given: str) -> Snapshot:
    return _of(Source(database=source.database), given)


def _second(source: Source, given: str) -> Snapshot:
    """What is named, else what the options lead to."""
    return _of(source, given) if given else source.snapshot()


def _of(source: Source, given: str) -> Snapshot:
    """A file where there is one of that name or the name is a file's (- for stdin), else a server."""
    is_conninfo = "=" in given or "://" in given
    named_so = os.sep in given or given.endswith(".pgguard")
    if given == "-" or Path(given).is_file() or (named_so and not is_conninfo):
        return dataclasses.replace(source, file=Path(given)).snapshot()
    return dataclasses.replace(source, dsn=given).snapshot()
