"""`pgguard hba explain` and `pgguard hba reach`: what pg_hba.conf really does, by its first match."""

from __future__ import annotations

import dataclasses
import enum
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, width, write
from pgguard.cli.source import Source, reads_snapshot
from pgguard.errors import UsageError

# what these commands ask for belongs to the whole cluster: no database is read for them
hba = typer.Typer(
    name="hba",
    help="What pg_hba.conf does: the rule that decides for a connection, and everybody who gets in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Form(enum.Enum):
    """How the answer is written."""

    TERMINAL = "terminal"
    JSON = "json"


@hba.command()
@reads_snapshot
def explain(
    source: Source,
    user: Annotated[str, typer.Option("--user", metavar="ROLE", help="Who connects.")] = "",
    database: Annotated[
        str, typer.Option("--database", metavar="NAME", help="Where to (or `replication`).")
    ] = "",
    address: Annotated[
        str,
        typer.Option("--from", metavar="ADDR", help="From which address; local for the socket."),
    ] = "",
    tls: Annotated[bool, typer.Option("--tls", help="Over TLS.")] = False,
    replication: Annotated[bool, typer.Option("--replication", help="For physical replication.")] = False,
    batch: Annotated[
        Path | None,
        typer.Option(
            "--batch",
            metavar="FILE",
            help="Answer a CSV file (user,database,address,tls) as CSV (- for stdin).",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            metavar="FILE",
            help="A file made by `pgguard snapshot` instead of a server (with --batch also --from FILE).",
        ),
    ] = None,
    format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    output: Output = None,
) -> None:
    """Tell which rule decides for a connection, and why the rules before it do not.

    Exit code 0: answered. 2: an unknown role, database or address. 3: something could not be known.
    """
    from pgguard.analysis.hba.ask import Asked
    from pgguard.analysis.hba.ask import explain as answer_for
    from pgguard.report import hba as report

    source = dataclasses.replace(source, file=file, database=[])
    if batch is not None:
        _batch(source, batch, address, output)
        return
    if not (user and (database or replication) and address):
        msg = "say who connects where to and from where: --user ROLE --database NAME --from ADDR [--tls]"
        raise UsageError(msg)
    asked = Asked(user, database or "replication", address, tls)
    explained = answer_for(source.snapshot(), asked, replication=replication)
    render = report.explain_json if format is Form.JSON else report.explain_terminal
    write(render(explained), output)
    if explained.unknown or len(explained.match.outcomes) > 1:
        raise typer.Exit(3)


def _batch(source: Source, batch: Path, snapshot_file: str, output: Path | None) -> None:
    from pgguard.analysis.hba.ask import answer_batch, read_batch, unknowns
    from pgguard.report.hba import batch_csv

    rows = read_batch(_text(batch), str(batch))
    if snapshot_file:
        source = dataclasses.replace(source, file=Path(snapshot_file))
    snapshot = source.snapshot()
    answers, problems = answer_batch(snapshot, rows)
    write(batch_csv(rows, answers), output)
    unknown = unknowns(snapshot)
    for text in (*problems, *(f"not known: {reason}" for reason in unknown)):
        print(f"pgguard: {batch}: {text}", file=sys.stderr)
    if problems or unknown:
        raise typer.Exit(2 if problems else 3)


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        msg = f"{file}: cannot be read: {reason}"
        raise UsageError(msg) from None


@hba.command()
@reads_snapshot
def reach(
    source: Source,
    outside: Annotated[
        bool,
        typer.Option("--outside", help="Only from outside the policy's internal networks."),
    ] = False,
    database: Annotated[
        list[str] | None,
        typer.Option("--database", metavar="NAME", help="Only into this database (repeat for more)."),
    ] = None,
    policy: PolicyFile = None,
    format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    output: Output = None,
) -> None:
    """Tell who gets in from where, and what is asked of them, the least protected first.

    Exit code 0: answered. 3: something could not be known, and the answer says what.
    """
    from pgguard.analysis import admission
    from pgguard.analysis.hba.ask import into, unknowns
    from pgguard.report import hba as report
    from pgguard.store.policy_file import find, load

    declared = load(find(policy, Path.cwd(), os.environ)).policy if outside else None
    if declared is not None and not declared.networks.internal:
        msg = "--outside needs [networks] internal = [...] in the policy file"
        raise UsageError(msg)
    snapshot = dataclasses.replace(source, database=[]).snapshot()
    found = admission.admissions(snapshot) if declared is None else admission.outside(snapshot, declared)
    if database:
        found = into(snapshot, found, database)
    unknown = unknowns(snapshot)
    if format is Form.JSON:
        write(report.reach_json(found, unknown), output)
    else:
        write(report.reach_terminal(found, unknown, width=width(output)), output)
    if unknown:
        raise typer.Exit(3)
