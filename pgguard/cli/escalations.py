"""`pgguard escalations`: which logins can become superuser, step by step, and how to stop them."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, width, write
from pgguard.cli.source import Source, reads_snapshot


class Form(enum.Enum):
    """How the answer is written."""

    TERMINAL = "terminal"
    JSON = "json"


@reads_snapshot
def escalations(
    source: Source,
    policy: PolicyFile = None,
    everybody: Annotated[
        bool,
        typer.Option("--all", help="Show the paths of declared administrators and services too."),
    ] = False,
    format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    output: Output = None,
) -> None:
    """Tell which logins can become superuser, by which steps, and the fewest changes that stop them.

    Exit code 0: none but declared ones. 1: there are. 3: something could not be known, and none were found.
    """
    from pgguard.analysis.escalation.answer import escalations as answer_for
    from pgguard.report.escalations import render_json, render_terminal
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    answer = answer_for(source.snapshot(), loaded.policy)
    if format is Form.JSON:
        write(render_json(answer, everybody=everybody), output)
    else:
        write(render_terminal(answer, everybody=everybody, width=width(output)), output)
    raise typer.Exit(1 if answer.undeclared else 3 if answer.unknown else 0)
