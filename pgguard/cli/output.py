"""Where output goes: results to stdout or a file, progress to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
]
_NARROW = 60


def write(text: str, to: Path | None) -> None:
    """Print a result, or write it to a file that only its owner may read.

    Raises `UsageError` when the file cannot be written.
    """
    from pgguard.errors import UsageError

    if to is None:
        print(text, end="" if text.endswith("\n") else "\n")
        return
    try:
        # a report names the ways into the database: it is not for everybody on the machine
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
    except OSError as error:
        msg = f"{to}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def width(to: Path | None) -> int | None:
    """The columns of the terminal that the result goes to, None where it goes elsewhere."""
    if to is not None or not sys.stdout.isatty():
        return None
    return max(os.get_terminal_size(sys.stdout.fileno()).columns, _NARROW)


def color(to: Path | None) -> bool:
    """Whether to use colour: on a terminal, unless NO_COLOR is set or TERM is dumb."""
    return width(to) is not None and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Says on stderr what is being done, where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("connecting") as status:
        yield lambda text: status.update(_plain(text))


def _plain(text: str) -> str:
    from rich.markup import escape

    from pgguard.report.text import visible

    return escape(visible(text))
