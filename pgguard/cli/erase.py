"""`pgguard erase`: what is kept for too long, or is one person's, goes (GDPR art. 5(1)(e), 17)."""

from __future__ import annotations

import enum
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.model.erasure_record import ErasurePlan, ErasureReport
    from pgguard.model.policy import Policy

erase = typer.Typer(
    name="erase",
    help="Rows that are kept for too long, or that are one person's: counted, erased, and told what is left.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_PERSON = "-"


class Format(enum.Enum):
    """How a plan or a report is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


Person = Annotated[
    str,
    typer.Option(
        "--person",
        metavar="-",
        help="Erase one person (art. 17); only - : the key is read from standard input, never from here.",
    ),
]
Tables = Annotated[
    list[str] | None,
    typer.Option("--table", metavar="NAME", help="Only the rule for this table (repeat for more)."),
]
Checked = Annotated[
    list[str] | None,
    typer.Option(
        "--checked",
        metavar="NAME",
        help="With --person: a table that nothing leads to the person from, and that somebody looked at.",
    ),
]
Written = Annotated[Format, typer.Option("--format", help="How to write it.")]


@erase.callback()
def _erase() -> None:
    pass


@erase.command()
@connects
def plan(
    source: Source,
    policy: PolicyFile = None,
    table: Tables = None,
    person: Person = "",
    checked: Checked = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Keep the plan in a new folder.")
    ] = None,
    output_format: Written = Format.TERMINAL,
) -> None:
    """Count what would be erased, and say what stands in the way; nothing is changed."""
    from pgguard.store.erasure_folder import make

    made = _planned(source, policy, table, checked, _key(person))
    if folder is not None:
        make(folder, made)
    print(_shown(made, output_format), end="")


@erase.command()
@connects
def run(
    source: Source,
    folder: Annotated[
        Path | None, typer.Option("--plan", metavar="FOLDER", help="The folder that erase plan -o made.")
    ] = None,
    policy: PolicyFile = None,
    table: Tables = None,
    person: Person = "",
    checked: Checked = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Plan and erase at once; -o keeps the plan and the journal.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="With --yes: a new folder for both."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite",
            help="VACUUM FULL afterwards: while a table is written anew nobody reads it (ACCESS EXCLUSIVE).",
        ),
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Refresh materialized views that read the tables.")
    ] = False,
    stores: Annotated[
        bool,
        typer.Option(
            "--stores",
            help="Only what pgguard keeps itself, by the policy's periods: observations and history.",
        ),
    ] = False,
    output_format: Written = Format.TERMINAL,
) -> None:
    """Erase in batches of a few milliseconds; broken off at any point, running it again finishes.

    Exit code 0: all that was due is gone, or under a hold. 4: something due is still there, and is told.
    """
    from pgguard.errors import UsageError

    if stores:
        _stores(source, policy)
        return
    if (folder is None) == (not yes and not dry_run):
        msg = (
            "say what to erase: --plan FOLDER, made by `pgguard erase plan -o FOLDER`; or --yes for all "
            "that is due now"
        )
        raise UsageError(msg)
    if dry_run:
        print(_shown(_planned(source, policy, table, checked, _key(person)), output_format), end="")
        return
    done = _run(
        source, policy, folder, table, checked, _key(person), output, rewrite=rewrite, refresh=refresh
    )
    print(_rendered(done, output_format, None), end="")
    raise typer.Exit(done.record.exit_code)


@erase.command()
@connects
def report(
    source: Source,
    folder: Annotated[Path, typer.Option("--plan", metavar="FOLDER", help="The folder of the run.")],
    policy: PolicyFile = None,
    output_format: Written = Format.TERMINAL,
    output: Output = None,
) -> None:
    """Say, place by place, what is gone and what still holds it, as the server is now."""
    from pgguard.cli.output import write
    from pgguard.nightly import erasing
    from pgguard.store.erasure_folder import Journal, read_record

    record = read_record(folder)
    found = erasing.report(source.target, _loader(policy)(), record, Journal(folder).digest)
    write(_rendered(found, output_format, output), output)
    raise typer.Exit(record.exit_code)


def _run(
    source: Source,
    policy: Path | None,
    folder: Path | None,
    tables: list[str] | None,
    checked: list[str] | None,
    key: str,
    output: Path | None,
    *,
    rewrite: bool,
    refresh: bool,
) -> ErasureReport:
    from pgguard.cli.output import progress
    from pgguard.nightly import erasing
    from pgguard.store.erasure_folder import Journal, make, read_plan, write_record

    load = _loader(policy)
    if folder is not None:
        planned = read_plan(folder)
    else:
        planned = _planned(source, policy, tables, checked, key)
        folder = output
        if folder is not None:
            make(folder, planned)
    journal = Journal(folder)
    with progress() as say:
        record = erasing.run(
            source.target, load, planned, journal, person=key, rewrite=rewrite, refresh=refresh, say=say
        )
    if folder is not None:
        write_record(folder, record)
    return erasing.report(source.target, load(), record, journal.digest)


def _planned(
    source: Source, policy: Path | None, tables: list[str] | None, checked: list[str] | None, key: str
) -> ErasurePlan:
    from pgguard.cli.output import progress
    from pgguard.nightly import erasing
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    with progress() as say:
        return erasing.plan(
            source.target,
            loaded.policy,
            policy_sha256=loaded.sha256,
            tables=tables or (),
            checked=checked or (),
            person=key,
            say=say,
        )


def _loader(chosen: Path | None) -> Callable[[], Policy]:
    """Gives the policy as its file is now; it is read again when the file is another."""
    from pgguard.store.policy_file import find, load

    file = find(chosen, Path.cwd(), os.environ)
    known: list[tuple[object, Policy]] = []

    def current() -> Policy:
        seen = os.stat(file) if file is not None else None
        stamp = (seen.st_mtime_ns, seen.st_size, seen.st_ino) if seen is not None else None
        if not known or known[0][0] != stamp:
            known[:] = [(stamp, load(file).policy)]
        return known[0][1]

    return current


def _key(person: str) -> str:
    """The person's key, from standard input or a prompt; empty where none is asked for."""
    from pgguard.errors import UsageError

    if not person:
        return ""
    if person != _PERSON:
        msg = (
            "a person's key does not belong on the command line, where every user of the machine sees it: "
            "--person -"
        )
        raise UsageError(msg)
    if sys.stdin.isatty():
        import getpass

        found = getpass.getpass("key of the person: ")
    else:
        found = sys.stdin.read()
    lines = [line for line in found.splitlines() if line.strip()]
    if len(lines) != 1 or "\0" in lines[0]:
        msg = "give the key of one person, on one line of standard input"
        raise UsageError(msg)
    return lines[0].strip()


def _shown(made: ErasurePlan, output_format: Format) -> str:
    from pgguard.cli.output import width
    from pgguard.report import erasure as rendering

    if output_format is Format.JSON:
        return rendering.plan_as_json(made) + "\n"
    if output_format is Format.MARKDOWN:
        return rendering.plan_as_markdown(made)
    return rendering.plan_as_text(made, width(None))


def _rendered(found: ErasureReport, output_format: Format, output: Path | None) -> str:
    from pgguard.cli.output import width
    from pgguard.report import erasure as rendering

    if output_format is Format.JSON:
        return rendering.report_as_json(found) + "\n"
    if output_format is Format.MARKDOWN:
        return rendering.report_as_markdown(found)
    return rendering.report_as_text(found, width(output))


def _stores(source: Source, policy: Path | None) -> None:
    import datetime

    from pgguard.nightly.erasing_stores import prune
    from pgguard.store.history import default_place

    loaded = _loader(policy)()
    place = loaded.history.store or default_place(os.environ)
    for line in prune(source.target, loaded, place, datetime.datetime.now(datetime.UTC)):
        print(line)
