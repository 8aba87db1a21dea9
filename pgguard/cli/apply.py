"""`pgguard apply`, `status`, `verify` and `rollback`: a folder of migrations and a server."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.plan.folder import Entry, Folder
    from pgguard.plan.standing import Choice, Standing
    from pgguard.server.apply import Done
    from pgguard.server.connect import Target
    from pgguard.server.holding import Held

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="What `pgguard plan -o` wrote.")]
Phase = Annotated[str, typer.Option("--phase", metavar="NAME", help="Only the files of this phase.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NUMBER", help="Only this file, out of order (repeat for more)."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for somebody else who applies migrations.")]
_STOPPED, _UNKNOWN = 4, 3


@connects
def apply(
    source: Source,
    folder: FolderArgument,
    phase: Phase = "",
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="Up to this file.")] = "",
    only: Only = None,
    everything: Annotated[bool, typer.Option("--all", help="All phases, one after the other.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Run what can be rolled back, and roll it back.")
    ] = False,
    wait: Wait = False,
) -> None:
    """Apply the files of a plan that are not applied yet, in order, and keep a ledger of it.

    Of a plan with phases, the first that has files left. Each file is one transaction with its row in
    the ledger; whatever breaks off is finished by running it again. Exit code 4: it stopped.
    """
    choice = _choice(phase, to, only, everything=everything)
    if dry_run:
        _rehearse(source.target, folder, choice, wait=wait)
    else:
        _apply(source.target, folder, choice, wait=wait)


@connects
def status(
    source: Source,
    folder: FolderArgument,
    verifying: Annotated[
        bool, typer.Option("--verify", help="Look whether what is applied still holds.")
    ] = False,
) -> None:
    """Tell how each file of a plan stands: pending, applied, failed, broken off, rolled back, edited.

    With --verify, exit code 1: something that is applied no longer holds; 3: that could not be seen.
    """
    _status(source.target, folder, verifying=verifying)


@connects
def verify(
    source: Source,
    folder: FolderArgument,
    phase: Phase = "",
    only: Only = None,
    everything: Annotated[bool, typer.Option("--all", help="Also of files that are not applied.")] = False,
) -> None:
    """Look whether the applied files of a plan still hold, without changing anything.

    What was applied without pgguard is in no ledger: --all looks at every file. Exit code 1: something
    does not hold; 3: that could not be seen.
    """
    _verify(source.target, folder, _choice(phase, "", only, everything=everything))


@connects
def rollback(
    source: Source,
    folder: FolderArgument,
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="Keep this file and those before.")] = "",
    phase: Phase = "",
    everything: Annotated[bool, typer.Option("--all", help="Take back every file.")] = False,
    accept_loss: Annotated[
        list[str] | None,
        typer.Option("--accept-loss", metavar="NUMBER", help="Although this file cannot wholly be undone."),
    ] = None,
    wait: Wait = False,
) -> None:
    """Take back the last file that was applied, or more of them, last ones first.

    Exit code 4: it stopped; running it again goes on.
    """
    from pgguard.plan.folder import read
    from pgguard.server.apply import rollback as server

    choice = _choice(phase, to, None, everything=everything)
    server(source.target, read(folder), choice, accept_loss or (), wait=wait, say=_say, tell=_tell)


def _apply(target: Target, path: Path, choice: Choice, *, wait: bool) -> None:
    from pgguard.plan.folder import read
    from pgguard.report.migrations import next_phase
    from pgguard.server import apply as server

    left = server.apply(target, read(path), choice, wait=wait, say=_say, tell=_tell)
    _say(next_phase(left))


def _rehearse(target: Target, path: Path, choice: Choice, *, wait: bool) -> None:
    from pgguard.plan.folder import read
    from pgguard.report.migrations import tried_line
    from pgguard.server.rehearsal import rehearse

    tried = list(rehearse(target, read(path), choice, wait=wait, say=_say))
    for one in tried:
        _out(tried_line(one))
    results = {one.result for one in tried}
    raise typer.Exit(_STOPPED if "fails" in results else _UNKNOWN if "not tried" in results else 0)


def _status(target: Target, path: Path, *, verifying: bool) -> None:
    from pgguard.plan.folder import look
    from pgguard.report.migrations import status_lines
    from pgguard.server import holding

    folder, wrong = look(path)
    found = holding.standings(target, folder)
    applied = [one.entry for one in found if one.state == "applied"]
    held = list(holding.verify(target, folder, applied)) if verifying else []
    for line in status_lines(found, wrong, {one.entry.name: one for one in held}):
        _out(line)
    raise typer.Exit(_code(held))


def _verify(target: Target, path: Path, choice: Choice) -> None:
    from pgguard.plan.folder import read
    from pgguard.report.migrations import held_line
    from pgguard.server import holding

    folder = read(path)
    held = []
    for one in holding.verify(target, folder, _to_verify(target, folder, choice)):
        held.append(one)
        _out(held_line(one))
    raise typer.Exit(_code(held))


def _to_verify(target: Target, folder: Folder, choice: Choice) -> Sequence[Entry]:
    from pgguard.errors import UsageError
    from pgguard.plan.standing import chosen
    from pgguard.server.holding import standings

    wanted: list[Standing] = chosen(standings(target, folder), choice)
    found = [one.entry for one in wanted if choice.all or one.state == "applied"]
    if not found:
        msg = "nothing of it is applied, as the ledger says: --all looks at files that psql applied as well"
        raise UsageError(msg)
    return found


def _code(held: Sequence[Held]) -> int:
    results = {one.result for one in held}
    return 1 if "does not hold" in results else _UNKNOWN if "unknown" in results else 0


def _choice(phase: str, to: str, only: list[str] | None, *, everything: bool) -> Choice:
    from pgguard.errors import UsageError
    from pgguard.plan.standing import Choice

    if sum(map(bool, (phase, to, only))) > 1:
        msg = "give one of --phase, --to and --only"
        raise UsageError(msg)
    return Choice(phase, to, tuple(only or ()), everything)


def _tell(done: Done) -> None:
    from pgguard.report.migrations import done_line

    _out(done_line(done))


def _out(text: str) -> None:
    _line(sys.stdout.fileno(), text)


def _say(text: str) -> None:
    from pgguard.report.text import visible

    _line(sys.stderr.fileno(), visible(text))


def _line(where: int, text: str) -> None:
    # a reader that went away does not end a run halfway
    with contextlib.suppress(BrokenPipeError):
        os.write(where, f"{text}\n".encode())
