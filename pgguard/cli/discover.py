"""`pgguard discover`: which columns hold personal or health data, written into the policy."""

from __future__ import annotations

import dataclasses
import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, write
from pgguard.cli.source import Sample, SampleOnly, Source, reads_snapshot, with_values

if TYPE_CHECKING:
    from pgguard.analysis.discovery import Difference
    from pgguard.model.classification import Classified
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot


class Format(enum.Enum):
    """How a classification is written."""

    TERMINAL = "terminal"
    JSON = "json"
    CSV = "csv"


@reads_snapshot
def discover(
    source: Source,
    policy: PolicyFile = None,
    sample: Sample = 0,
    sample_only: SampleOnly = None,
    output_format: Annotated[
        Format, typer.Option("--format", help="How to print the classification.")
    ] = Format.TERMINAL,
    output: Output = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print only; leave the policy file as it is.")
    ] = False,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0 even when something could not be read.")
    ] = False,
) -> None:
    """Say for every column whether it holds personal or health data, and write that into the policy.

    The [[column]] entries of the policy file (pgguard.toml here, unless there is one) are brought up to
    date; what a person decided (decided_by other than "detector") stays as it is. The terminal shows what
    changed; JSON and CSV hold every column. No value of a column is read, unless --sample is given, and
    then only counted on the server.
    """
    found = _look(source, policy, sample, sample_only)
    file = "" if dry_run else _written(found, policy or found.file or Path("pgguard.toml"))
    write(_rendered(found, output_format, file), output)
    raise typer.Exit(0 if allow_unknown or not _is_incomplete(found.snapshot) else 3)


@dataclasses.dataclass(frozen=True)
class _Found:
    """A classification, the policy it was compared with, and the file of that, None without one."""

    snapshot: Snapshot
    policy: Policy
    file: Path | None
    columns: tuple[Classified, ...]
    difference: Difference


def _look(source: Source, chosen: Path | None, sample: int, only: list[str] | None) -> _Found:
    from pgguard.analysis.discovery import compare, people_only
    from pgguard.analysis.personal import classify, said_once
    from pgguard.store.policy_file import find, load

    # the file that is to be written need not be there yet
    place = chosen if chosen is not None and not chosen.exists() else find(chosen, Path.cwd(), os.environ)
    loaded = load(place if place is not None and place.exists() else None)
    snapshot = with_values(source, sample, only, loaded.policy)
    people = dataclasses.replace(loaded.policy, column=people_only(loaded.policy))
    nobody = dataclasses.replace(loaded.policy, column=())
    readable = [one for one in snapshot.inspected if not {"relations", "columns"} & set(one.missing())]
    decided = [one for database in readable for one in said_once(classify(database, people))]
    detected = [one for database in readable for one in said_once(classify(database, nobody))]
    difference = compare(snapshot, detected, decided, loaded.policy)
    return _Found(snapshot, loaded.policy, place, tuple(decided), difference)


def _written(found: _Found, file: Path) -> str:
    """The name of the policy file after it was brought up to date, empty when it already was."""
    from pgguard.analysis.discovery import entry, shared_names
    from pgguard.store.policy_columns import edited, save
    from pgguard.store.policy_file import parse

    difference = found.difference
    if difference.is_empty:
        return ""
    shared = shared_names(found.columns)
    before = file.read_bytes().decode("utf-8") if file.exists() else ""
    text = edited(
        before,
        add=[entry(one, shared) for one in difference.new],
        replace={
            one.position: dataclasses.replace(
                entry(one.column, shared), database=found.policy.column[one.position].database
            )
            for one in (*difference.changed, *difference.rescored)
            if one.column.category != "none"
        },
        remove=[
            *(number for number, _ in difference.gone),
            *(one.position for one in difference.changed if one.column.category == "none"),
        ],
    )
    parse(text, str(file))
    save(file, text)
    return str(file)


def _rendered(found: _Found, output_format: Format, written: str) -> str:
    from pgguard.report import discover as report

    if output_format is Format.JSON:
        return report.render_json(found.columns, found.difference, found.snapshot, written=written)
    if output_format is Format.CSV:
        return report.render_csv(found.columns)
    return report.render_terminal(found.columns, found.difference, found.snapshot, written=written)


def _is_incomplete(snapshot: Snapshot) -> bool:
    from pgguard.report.discover import unread

    return next(unread(snapshot), None) is not None
