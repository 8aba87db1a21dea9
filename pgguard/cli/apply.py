"""`pgguard apply`, `status`, `verify` and `rollback`: a folder of migrations and a server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pgguard.cli import residue as residue_options
from pgguard.cli.inspect import Format, PolicyFile
from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.plan.folder import Entry, Folder
    from pgguard.plan.standing import Choice, Standing
    from pgguard.server.apply import Done, Work
    from pgguard.server.backfill import Standing as Standing_
    from pgguard.server.connect import Target
    from pgguard.server.holding import Held

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="What `pgguard plan -o` wrote.")]
OptionalFolder = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="What `pgguard plan -o` wrote.", show_default=False)
]
Phase = Annotated[str, typer.Option("--phase", metavar="NAME", help="Only the files of this phase.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NUMBER", help="Only this file, out of order (repeat for more)."),
]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="PROVIDER",
        help="Where the key-encryption key comes from: file:PATH, env:NAME, command:LINE or prompt.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Sessions of a backfill.")]
Rate = Annotated[
    float,
    typer.Option("--max-rate", metavar="ROWS", min=0, help="Rows a second of a backfill (0: any number)."),
]
Lag = Annotated[
    float,
    typer.Option(
        "--max-lag", metavar="SECONDS", min=0, help="A backfill waits while a standby is further behind."
    ),
]
Active = Annotated[
    int,
    typer.Option(
        "--max-active", metavar="N", min=0, help="A backfill waits while more sessions are at work."
    ),
]
Batch = Annotated[int, typer.Option("--batch", metavar="ROWS", min=1, help="Rows of a batch at most.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for somebody else who applies migrations.")]
ResidueOptions = tuple[Path | None, int, str, Path | None, Format, Path | None]
_STOPPED, _UNKNOWN = 4, 3
# the phases that open or seal values, or index them
_WITH_KEY = frozenset({"backfill", "verify", "soak", "index-backfill", "index-verify", "index-soak"})


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
    key: Key = "",
    jobs: Jobs = 1,
    batch: Batch = 1000,
    max_rate: Rate = 0.0,
    max_lag: Lag = 0.0,
    max_active: Active = 0,
    policy: PolicyFile = None,
) -> None:
    """Apply the files of a plan that are not applied yet, in order, and keep a ledger of it.

    Of a plan with phases, the first that has files left. Each file is one transaction with its row in
    the ledger; whatever breaks off is finished by running it again. Exit code 4: it stopped.
    """
    choice = _choice(phase, to, only, everything=everything)
    if dry_run:
        _rehearse(source.target, folder, choice, wait=wait)
    else:
        work = _work(key, policy, folder, (jobs, batch, max_rate, max_lag, max_active))
        _apply(source.target, folder, choice, work, wait=wait)


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
    folder: OptionalFolder = None,
    phase: Phase = "",
    only: Only = None,
    everything: Annotated[bool, typer.Option("--all", help="Also of files that are not applied.")] = False,
    residue: residue_options.Residue = False,
    canaries: residue_options.Canaries = None,
    sample: residue_options.Sample = 200,
    key: Key = "",
    policy: PolicyFile = None,
    output_format: residue_options.ReportFormat = Format.TERMINAL,
    output: Output = None,
) -> None:
    """Look whether the applied files of a plan still hold, without changing anything; with --residue, whether
    clear values of encrypted columns are left anywhere on the server.

    What was applied without pgguard is in no ledger: --all looks at every file. Exit code 1: something
    does not hold, or was found; 3: that could not be seen, or not everything could be searched.
    """
    choice = _choice(phase, "", only, everything=everything)
    if residue:
        _residue(source, folder, choice, (canaries, sample, key, policy, output_format, output))
    else:
        _verify(source.target, _given(folder), choice)


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
    key: Key = "",
    jobs: Jobs = 1,
    max_rate: Rate = 0.0,
    policy: PolicyFile = None,
) -> None:
    """Take back the last file that was applied, or more of them, last ones first.

    Exit code 4: it stopped; running it again goes on.
    """
    choice = _choice(phase, to, None, everything=everything)
    work = _work(key, policy, folder, (jobs, 1000, max_rate, 0.0, 0))
    _rollback(source.target, folder, choice, accept_loss or (), work, wait=wait)


def _rollback(
    target: Target, path: Path, choice: Choice, accepted: Sequence[str], work: Pace, *, wait: bool
) -> None:
    from pgguard.plan.folder import read
    from pgguard.server.apply import rollback as server

    with _shown(work) as shown:
        server(target, read(path), choice, accepted, wait=wait, say=_say, tell=_tell, work=shown)


class Pace(NamedTuple):
    """How long work is done: the provider of the key (or none), sessions, rows, rate, lag, other sessions."""

    provider: str
    numbers: tuple[int, int, float, float, int]


def _work(key: str, policy: Path | None, path: Path, numbers: tuple[int, int, float, float, int]) -> Pace:
    from pgguard.plan.folder import read
    from pgguard.store.policy_file import find, load

    if not key and any(one.phase in _WITH_KEY for one in read(path).manifest.migrations):
        key = load(find(policy, Path.cwd(), os.environ)).policy.keys.provider
    return Pace(key, numbers)


@contextlib.contextmanager
def _shown(pace: Pace) -> Iterator[Work]:
    """How the server does it, with a bar on stderr where that is a terminal."""
    from pgguard.server.apply import Work
    from pgguard.server.backfill import Throttle
    from pgguard.store.kek_provider import read_kek

    kek = read_kek(pace.provider) if pace.provider else None
    throttle = Throttle(*pace.numbers)
    if not sys.stderr.isatty():
        yield Work(kek, throttle)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", visible=False)

        def tell(one: Standing_) -> None:
            text = f"{one.task.relation}: {one.rows:,} rows" + (
                f", waits: {one.paused}" if one.paused else ""
            )
            bar.update(task, description=text, completed=one.done, total=one.blocks, visible=True)

        yield Work(kek, throttle, tell)


def _apply(target: Target, path: Path, choice: Choice, pace: Pace, *, wait: bool) -> None:
    from pgguard.plan.folder import read
    from pgguard.report.migrations import next_phase
    from pgguard.server import apply as server

    with _shown(pace) as work:
        left = server.apply(target, read(path), choice, wait=wait, say=_say, tell=_tell, work=work)
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


def _given(folder: Path | None) -> Path:
    from pgguard.errors import UsageError

    if folder is None:
        msg = "give the FOLDER of a plan, or --residue"
        raise UsageError(msg)
    return folder


def _residue(source: Source, folder: Path | None, choice: Choice, options: ResidueOptions) -> None:
    from pgguard.errors import UsageError

    if choice != _choice("", "", None, everything=False) or (folder and (folder.is_dir() or source.dsn)):
        msg = "--residue looks at a server, not at a plan: leave FOLDER, --phase, --only and --all out"
        raise UsageError(msg)
    # the first argument is the connection's, as in other commands
    chosen = dataclasses.replace(source, dsn=str(folder)) if folder else source
    residue_options.search(chosen.target, *options)


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
