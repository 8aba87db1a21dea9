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


PatchFolder = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write the patch; made if need be.")
]
AllowLoss = Annotated[
    list[str] | None,
    typer.Option("--allow-loss", metavar="ROLE", help="This login may lose its way in (repeat for more)."),
]


@hba.command()
@reads_snapshot
def patch(
    source: Source,
    output: PatchFolder,
    hba_file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A copy of pg_hba.conf, where the server shows none."),
    ] = None,
    policy: PolicyFile = None,
) -> None:
    """Write the pg_hba.conf that closes what was found: a diff, the new file, and who loses or gains what.

    What only you can decide is left as a comment above its line. Nothing is changed on the server: see
    `pgguard hba apply`. The new file holds what the old one does, passwords for directories too: mode 0600.
    """
    from pgguard.cli.hba_files import made, wrote

    found = made(dataclasses.replace(source, database=[]), hba_file, policy)
    print(wrote(found, output, width(None)), end="")
    if found.unknown:
        raise typer.Exit(3)


@hba.command()
@reads_snapshot
def apply(
    source: Source,
    new: Annotated[Path, typer.Argument(metavar="NEWFILE", help="The new pg_hba.conf (pg_hba.conf.new).")],
    policy: PolicyFile = None,
    allow_loss: AllowLoss = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge it, and change nothing.")] = False,
) -> None:
    """Put a new pg_hba.conf in force, on the server's own machine; what does not serve is taken back.

    Refused (exit code 2) when it would lock out you, a declared administrator, a declared service or
    somebody who is connected now. Exit code 4: it did not serve, and the old file is back.
    """
    from pgguard.cli.hba_files import judged
    from pgguard.server.hba_apply import exchange

    prepared, told, refused = judged(source, new, policy, allow_loss or [], width(None))
    print(told, end="")
    if refused:
        raise refused
    if not dry_run:
        exchange(source.target, prepared, say=lambda text: print(text, flush=True))


@hba.command()
@reads_snapshot
def restore(
    source: Source,
    backup: Annotated[
        Path | None, typer.Option("--backup", metavar="FILE", help="Which backup; default: the newest.")
    ] = None,
    hba_file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="pg_hba.conf, where nobody is let in.")
    ] = None,
) -> None:
    """Put back the pg_hba.conf that `pgguard hba apply` kept, on the server's own machine.

    The file that is replaced is kept too. Exit code 4: it is back, and the server could not be told.
    """
    from pgguard.server.hba_apply import restore as put_back

    put_back(source.target, backup, hba_file, say=lambda text: print(text, flush=True))
