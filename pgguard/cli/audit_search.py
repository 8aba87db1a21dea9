"""`pgguard audit search`, `export`, `report` and `index`: answers from the audit store."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    import datetime

    from pgguard.model.audit_entry import Wanted
    from pgguard.server.audit_subject import SubjectHistory


class EntryFormat(enum.StrEnum):
    """How entries are written: for people, as CSV, or as JSON lines with the names of ECS."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


class FileFormat(enum.StrEnum):
    """How a file of entries is written."""

    CSV = "csv"
    JSON = "json"


Subject = Annotated[
    str | None, typer.Option("--subject", metavar="KEY", help="The patient's key, as the tables have it.")
]
Key = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="VALUE", help="The row's key (repeat for each column of it, in order)."),
]
Person = Annotated[
    str | None,
    typer.Option(
        "--person", metavar="NAME", help="A login, a role, a claimed end user, or who was authenticated."
    ),
]
Table = Annotated[str | None, typer.Option("--table", metavar="TABLE", help="Table (schema.name).")]
First = Annotated[
    str,
    typer.Option(
        "--from", metavar="TIME", help="From this time on: 2026-03-01, 2026-03-01T12:00Z, 36h or 7d ago."
    ),
]
Last = Annotated[str, typer.Option("--to", metavar="TIME", help="Before this time.")]
Verb = Annotated[
    list[str] | None,
    typer.Option("--verb", metavar="VERB", help="INSERT, UPDATE, DELETE, GRANT ... (repeat for more)."),
]
Column = Annotated[str | None, typer.Option("--column", metavar="NAME", help="What wrote this column.")]


@connects
def search(
    source: Source,
    subject: Subject = None,
    key: Key = None,
    person: Person = None,
    table: Table = None,
    first: First = "",
    last: Last = "",
    verb: Verb = None,
    column: Column = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="At most so many, the newest.")
    ] = 100,
    output_format: Annotated[EntryFormat, typer.Option("--format", help="How to write them.")] = (
        EntryFormat.TEXT
    ),
) -> None:
    """Find entries of the audit: what somebody did, what happened to a patient's data, a table, a column.

    The newest come first. Sealed and marked columns show no value.
    """
    wanted = _wanted(subject, key, person, table, first, last, verb, column)
    found = _print(source, wanted, limit, output_format)
    if found >= limit:
        _say(f"these are the newest {limit}: there may be more, see --limit")
    elif not found:
        _say("nothing was found")


@connects
def export(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A new file, mode 0600.")],
    subject: Subject = None,
    key: Key = None,
    person: Person = None,
    table: Table = None,
    first: First = "",
    last: Last = "",
    verb: Verb = None,
    column: Column = None,
    output_format: Annotated[FileFormat, typer.Option("--format", help="How to write them.")] = (
        FileFormat.JSON
    ),
    with_sealed: Annotated[
        bool,
        typer.Option("--with-sealed", help="JSON: sealed values with their keys, for pgguard audit unseal."),
    ] = False,
) -> None:
    """Write entries of the audit to a file: all of a window, or of a patient, a person, a table.

    JSON lines have the field names of ECS. The file is there whole or not at all; its count and SHA-256 are
    said.
    """
    from pgguard.errors import UsageError

    if with_sealed and output_format is not FileFormat.JSON:
        msg = "--with-sealed goes with --format json"
        raise UsageError(msg)
    wanted = _wanted(subject, key, person, table, first, last, verb, column, with_sealed=with_sealed)
    print(_export(source, wanted, output, output_format))


@connects
def report(
    source: Source,
    subject: Annotated[
        str, typer.Option("--subject", metavar="KEY", help="The patient's key, as the tables have it.")
    ],
    first: First = "",
    last: Last = "",
    reads: Annotated[
        Path | None,
        typer.Option("--reads", metavar="FILE", help="The store of reads that pgguard audit ingest made."),
    ] = None,
    output: Output = None,
) -> None:
    """Tell who changed what of one patient's data, and when, for a data-protection officer.

    With --reads who read it too. What the report cannot show is said in it.
    """
    from pgguard.cli.output import write
    from pgguard.report.audit_subject import render
    from pgguard.server.audit_subject import look

    wanted = _wanted(subject, None, None, None, first, last, None, None)
    found = look(source.target, wanted)
    write(render(found, _reads(reads, found)), output)


@connects
def index(source: Source) -> None:
    """Make the indexes by which persons, tables and keys are found, on partitions whose time is past.

    Writers pay nothing for them. Seals wait while one is made: run it at night, once a period.
    """
    from pgguard.server.audit_index import index_past

    made = []
    for name in index_past(source.target):
        made.append(name)
        _say(f"made {name}")
    print(f"{len(made)} indexes made; none is missing")


def _print(source: Source, wanted: Wanted, limit: int, output_format: EntryFormat) -> int:
    import dataclasses

    from pgguard.report import audit_ecs, audit_entries
    from pgguard.server.audit_search import entries, session

    wanted = dataclasses.replace(wanted, limit=limit, newest_first=True)
    with session(source.target, private=bool(wanted.subject or wanted.key)) as (connection, place):
        found = list(entries(connection, wanted))
    if output_format is EntryFormat.TEXT:
        sys.stdout.writelines(audit_entries.lines(found))
        return len(found)
    write = audit_ecs.csv_lines if output_format is EntryFormat.CSV else audit_ecs.json_lines
    sys.stdout.buffer.writelines(write(found, place.database, place.encoding))
    return len(found)


def _export(source: Source, wanted: Wanted, output: Path, output_format: FileFormat) -> str:
    from pgguard.report import audit_ecs
    from pgguard.server.audit_search import entries, session
    from pgguard.store.new_file import new_file

    write = audit_ecs.csv_lines if output_format is FileFormat.CSV else audit_ecs.json_lines
    with (
        new_file(output) as file,
        session(source.target, private=bool(wanted.subject or wanted.key)) as (connection, place),
    ):
        for line in write(entries(connection, wanted), place.database, place.encoding):
            file.write(line)
        count = file.lines - (output_format is FileFormat.CSV)
    return f"{output}: {count} entries, sha256 {file.digest}"


def _wanted(
    subject: str | None,
    key: list[str] | None,
    person: str | None,
    table: str | None,
    first: str,
    last: str,
    verb: list[str] | None,
    column: str | None,
    *,
    with_sealed: bool = False,
) -> Wanted:
    from pgguard.errors import UsageError
    from pgguard.model.audit_entry import Wanted

    given = [one for one in (subject, person, table, column, *(verb or ())) if one is not None]
    if not all(given):
        msg = "what is looked for is empty: everything would be found; leave the option out for that"
        raise UsageError(msg)
    if any("\0" in one for one in (*given, *(key or ()))):
        msg = "what is looked for cannot hold a NUL character"
        raise UsageError(msg)
    return Wanted(
        subject=subject or "",
        key=tuple(key or ()),
        person=person or "",
        table=table or "",
        first=moment(first),
        last=moment(last),
        verbs=tuple(one.upper() for one in verb or ()),
        column=column or "",
        with_sealed=with_sealed,
    )


def moment(text: str) -> datetime.datetime | None:
    """A time as options give it: a date or time (UTC unless it says otherwise), or `36h`, `7d` ago.

    Raises `UsageError` for anything else.
    """
    import datetime

    from pgguard.errors import UsageError

    if not text:
        return None
    unit = {"h": "hours", "d": "days", "m": "minutes"}.get(text[-1])
    try:
        if unit and text[:-1].isdigit():
            return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**{unit: int(text[:-1])})
        found = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        msg = f"{text!r} is no time: give 2026-03-01, 2026-03-01T12:00Z, 36h or 7d"
        raise UsageError(msg) from None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def _reads(path: Path | None, found: SubjectHistory) -> list[str] | None:
    import itertools

    from pgguard.errors import InputError
    from pgguard.observe.reads_store import Which
    from pgguard.observe.store import ObservationStore
    from pgguard.report.reads import render_reads

    if path is None:
        return None
    if not path.exists():
        msg = f"{path}: there is no such file: pgguard audit ingest makes it"
        raise InputError(msg)
    first, last = (
        f"{one:%Y-%m-%dT%H:%M:%SZ}" if one else "" for one in (found.wanted.first, found.wanted.last)
    )
    with ObservationStore(path) as store:
        own = (
            store.kept_reads.reads(
                Which(relation=one.relation, since=first, until=last, database=found.database)
            )
            for one in found.tables
            if one.subject
        )
        return render_reads(itertools.chain.from_iterable(own)).splitlines()


def _say(text: str) -> None:
    from pgguard.report.text import visible

    print(visible(text), file=sys.stderr)
