"""`pgguard who-can`: everybody who can do something with an object, and how."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated

import typer

from pgguard.cli.output import Output, width, write
from pgguard.cli.source import Source, reads_snapshot


class Picture(enum.Enum):
    """How the answer is written."""

    TERMINAL = "terminal"
    JSON = "json"
    DOT = "dot"
    SVG = "svg"


@reads_snapshot
def who_can(
    source: Source,
    privilege: Annotated[
        str,
        typer.Argument(
            metavar="PRIVILEGE",
            help="select (or read), insert, update, delete, truncate, execute, connect, usage ...",
        ),
    ],
    thing: Annotated[
        str,
        typer.Argument(
            metavar="OBJECT",
            help="schema.table.column, schema.table, 'schema.function(types)', a schema or a database; "
            "with its kind before it where that is not plain: 'sequence lab.numbers'.",
        ),
    ],
    format: Annotated[Picture, typer.Option("--format", help="How to write it.")] = Picture.TERMINAL,
    output: Output = None,
) -> None:
    """Tell who can read, change or call something: by grants, roles, views and functions."""
    from pgguard.analysis import named
    from pgguard.analysis.who_can import who_can as answer_for
    from pgguard.report import who_can as report

    if source.dsn and named.is_kind(thing):
        # `who-can connect database lab`: the second word is the name, not a server
        thing, source = f"{thing} {source.dsn}", dataclasses.replace(source, dsn="")
    wanted = named.privilege(privilege)
    snapshot = source.snapshot()
    answer = answer_for(snapshot, named.target(snapshot, thing, wanted), wanted)
    if format is Picture.TERMINAL:
        write(report.render_terminal(answer, width=width(output)), output)
    else:
        render = {
            Picture.JSON: report.render_json,
            Picture.DOT: report.render_dot,
            Picture.SVG: report.render_svg,
        }
        write(render[format](answer), output)
    if answer.unknown:
        raise typer.Exit(3)
