"""`pgguard register report`: the register of processing as a supervisory authority asks for it."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, write

register = typer.Typer(
    name="register", no_args_is_help=True, help="The register of processing (GDPR art. 30)."
)


class Side(enum.Enum):
    """Whose record it is."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class Form(enum.Enum):
    """How the record is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


@register.callback()
def _group() -> None:
    pass


@register.command()
def report(
    policy: PolicyFile = None,
    view: Annotated[
        Side, typer.Option("--view", help="The controller's record, art. 30(1), or the processors', 30(2).")
    ] = Side.CONTROLLER,
    output_format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    against_database: Annotated[
        str,
        typer.Option(
            "--against-database",
            metavar="DSN",
            help="Also tell whether this database has recorded this version; exit 1 when it has not.",
        ),
    ] = "",
    output: Output = None,
) -> None:
    """Print what the register declares: activities, or what processors do and where their contracts say what
    art. 28(3) asks. It repeats declarations, and never says that a contract is valid."""
    text, is_recorded = _record(policy, view, output_format, against_database)
    write(text, output)
    if not is_recorded:
        raise typer.Exit(1)


def _record(policy: Path | None, side: Side, form: Form, against: str) -> tuple[str, bool]:
    from pgguard.report.register import (
        controller_view,
        processor_view,
        render,
        render_json,
        render_markdown,
    )
    from pgguard.server.connect import Target
    from pgguard.server.register_versions import read_recorded
    from pgguard.store.documents import read_documents
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    made = (
        controller_view(loaded)
        if side is Side.CONTROLLER
        else processor_view(loaded, read_documents(loaded.policy))
    )
    if against:
        made = made._replace(recorded=read_recorded(Target.from_options(against)))
    renders = {Form.TERMINAL: render, Form.MARKDOWN: render_markdown, Form.JSON: render_json}
    return renders[form](made), made.is_recorded
