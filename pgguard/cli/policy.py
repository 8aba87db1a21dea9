"""`pgguard policy`: a first policy, every mistake in one, and what it comes to."""

from __future__ import annotations

import enum
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import ObservationsFile, PolicyFile
from pgguard.cli.output import Output, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.model.policy import ColumnEntry
    from pgguard.model.snapshot import Snapshot
    from pgguard.store.policy_file import LoadedPolicy

policy = typer.Typer(
    name="policy",
    help="pgguard.toml: draft it, check it, show what it comes to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Form(enum.Enum):
    """How a policy is written."""

    TOML = "toml"
    JSON = "json"


AllowUnknown = Annotated[
    bool, typer.Option("--allow-unknown", help="Exit 0 even when something could not be read.")
]


@policy.command()
@reads_snapshot
def init(
    source: Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The policy to write (- for stdout).")
    ] = Path("pgguard.toml"),
    columns: Annotated[
        bool, typer.Option("--columns", help="Also classify columns, by their names and tables.")
    ] = False,
    observations: ObservationsFile = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    allow_unknown: AllowUnknown = False,
) -> None:
    """Draft a policy from a server: networks, administrators, service accounts, people.

    What would make a finding silent is a comment that a person has to decide. Exit code 3: something could
    not be read, and is missing from the draft.
    """
    _refuse_existing(output, force=force)
    snapshot = _observed(source, observations)
    text, complete = _drafted(snapshot, columns=columns)
    _save(text, output, force=force)
    raise typer.Exit(0 if complete or allow_unknown else 3)


@policy.command()
@reads_snapshot
def check(
    source: Source,
    policy_file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The policy file (default: pgguard.toml, see docs/policy.md)."),
    ] = None,
    allow_unknown: AllowUnknown = False,
) -> None:
    """Name every mistake in a policy, with file, line and what was expected.

    With a server or --from also every role, database, table and column in it that is not there. Exit code 2:
    mistakes. 3: none, but something could not be looked up.
    """
    where = _file(policy_file)
    unread = _checked(where, source)
    print(f"{where}: no mistake" + (", as far as it could be looked up" if unread else ""))
    for reason in unread:
        print(f"not looked up: {reason}", file=sys.stderr)
    raise typer.Exit(3 if unread and not allow_unknown else 0)


@policy.command()
def show(
    file: PolicyFile = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="With every default, as the checks take it.")
    ] = False,
    output_format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TOML,
    output: Output = None,
) -> None:
    """Show the policy that counts here: what the file says, with --effective together with the defaults."""
    from pgguard.store.policy_file import find, load

    loaded = load(find(file, Path.cwd(), os.environ))
    write(_shown(loaded, output_format, effective=effective), output)


@policy.command()
def schema(output: Output = None) -> None:
    """Print the JSON Schema of the policy file, for editors that complete and check TOML by one."""
    from pgguard.store.policy_file import json_schema

    write(json.dumps(json_schema(), indent=2, ensure_ascii=False), output)


def _refuse_existing(file: Path, *, force: bool) -> None:
    from pgguard.errors import UsageError

    if str(file) != "-" and not force and (file.exists() or file.is_symlink()):
        msg = f"{file}: there is such a file already; --force writes over it, -o names another"
        raise UsageError(msg)


def _observed(source: Source, observations: Path | None) -> Snapshot:
    from pgguard.model.policy import Policy
    from pgguard.nightly.beside import observed

    return observed(source.snapshot(), Policy(), observations)


def _drafted(snapshot: Snapshot, *, columns: bool) -> tuple[str, bool]:
    """The draft, and whether all was read that it is made of."""
    from pgguard.analysis.declarable import declarable
    from pgguard.store.policy_draft import draft

    found = declarable(snapshot)
    classified, unread = _classified(snapshot) if columns else (None, [])
    found = found._replace(unread=(*found.unread, *unread))
    return draft(found, f"{snapshot.target} ({snapshot.server.version})", classified), not found.unread


def _classified(snapshot: Snapshot) -> tuple[list[ColumnEntry], list[tuple[str, str]]]:
    from pgguard.analysis.discovery import compare, entry, shared_names
    from pgguard.analysis.personal import classify, said_once
    from pgguard.model.policy import Policy

    found, unread = [], []
    for database in snapshot.inspected:
        reasons = [
            (f"{section} of database {database.name}", reason)
            for section, reason in sorted(database.missing().items())
            if section in ("relations", "columns")
        ]
        unread += reasons
        found += [] if reasons else said_once(classify(database, Policy()))
    shared = shared_names(found)
    return [entry(one, shared) for one in compare(snapshot, found, found, Policy()).new], unread


def _save(text: str, to: Path, *, force: bool) -> None:
    from pgguard.store.new_file import new_file
    from pgguard.store.policy_columns import save

    if str(to) == "-":
        print(text, end="")
    elif force:
        save(to, text)
    else:
        with new_file(to) as file:
            file.write(text.encode())


def _file(chosen: Path | None) -> Path:
    from pgguard.errors import UsageError
    from pgguard.store.policy_file import NAME, find

    found = find(chosen, Path.cwd(), os.environ)
    if found is None:
        msg = f"there is no {NAME} here: name one, or draft one by `pgguard policy init`"
        raise UsageError(msg)
    return found


def _checked(file: Path, source: Source) -> tuple[str, ...]:
    """What could not be looked up.

    Raises `PolicyError` with every mistake.
    """
    from pgguard.errors import PolicyError
    from pgguard.report.text import plural
    from pgguard.store.policy_file import read_written
    from pgguard.store.policy_names import Compared, compare

    written = read_written(file)
    compared = compare(written.data, source.snapshot()) if source.is_chosen else Compared((), ())
    if said := written.said(compared.mistakes):
        # each of the lines that follow begins with the file, as editors want it
        raise PolicyError("\n".join([f"{plural(len(said), 'mistake')} in the policy", *said]))
    return compared.unread


def _shown(loaded: LoadedPolicy, output_format: Form, *, effective: bool) -> str:
    from pgguard.store.policy_text import as_json, as_toml

    render = as_json if output_format is Form.JSON else as_toml
    return render(loaded, effective=effective)
