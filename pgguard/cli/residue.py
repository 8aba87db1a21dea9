"""`pgguard verify --residue`: whether clear values of encrypted columns are left anywhere."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import Format

if TYPE_CHECKING:
    from pgguard.server.connect import Target
    from pgguard.store.kek_provider import Kek

Residue = Annotated[
    bool,
    typer.Option(
        "--residue",
        help="Search the whole server for clear values of the database's encrypted columns; without FOLDER.",
    ),
]
Canaries = Annotated[
    Path | None,
    typer.Option(
        "--canaries",
        metavar="FILE",
        help="With --residue: look for the lines of this file too (- for stdin).",
    ),
]
Sample = Annotated[
    int,
    typer.Option("--sample", metavar="COUNT", min=1, help="With --residue: so many values of each column."),
]
ReportFormat = Annotated[Format, typer.Option("--format", help="With --residue: how to write the report.")]


def search(
    target: Target,
    canaries: Path | None,
    sample: int,
    provider: str,
    policy: Path | None,
    output_format: Format,
    output: Path | None,
) -> None:
    """Search, write the report, and end with its exit code.

    Raises `UsageError` for a file that cannot be read, and what reading the key and the search raise.
    """
    from pgguard.cli.output import progress, width, write
    from pgguard.report import residue as report
    from pgguard.server.residue import Wanted
    from pgguard.server.residue import search as server

    # a core file would hold values and the key
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    wanted = Wanted(sample, _lines(canaries), _key(provider, policy))
    with progress() as shown:
        found = server(target, wanted, say=_say, progress=shown)
    text = report.as_json(found) if output_format is Format.JSON else report.as_text(found, width(output))
    write(text, output)
    raise typer.Exit(found.exit_code)


def _lines(path: Path | None) -> tuple[str, ...]:
    from pgguard.errors import UsageError

    if path is None:
        return ()
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        # what is in the file is not repeated
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"{path}: cannot be read: {why}"
        raise UsageError(msg) from None
    return tuple(line for line in text.splitlines() if line.strip())


def _key(given: str, chosen: Path | None) -> Kek | None:
    from pgguard.store.kek_provider import read_kek, require_own
    from pgguard.store.policy_file import find, load

    if not given:
        file = find(chosen, Path.cwd(), os.environ)
        given = load(file).policy.keys.provider
        if given and file is not None:
            require_own(file)
    return read_kek(given) if given else None


def _say(text: str) -> None:
    from pgguard.report.text import visible

    print(visible(text), file=sys.stderr)
