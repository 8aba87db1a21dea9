"""`pgguard demo`: a throwaway laboratory, badly run or hardened, and its inspection."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from pgguard.cli.inspect import Format, rendered
from pgguard.cli.output import progress, write


def demo(
    hardened: Annotated[
        bool, typer.Option("--hardened", help="The same laboratory, run as it should be.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the server running until Ctrl-C.")] = False,
    output_format: Annotated[
        Format, typer.Option("--format", help="How to write the report.")
    ] = Format.TERMINAL,
) -> None:
    """Inspect a throwaway laboratory database, badly run or hardened; your own servers are not touched."""
    from pgguard.demo.lab import Laboratory

    with progress() as say:
        laboratory = Laboratory.open(hardened=hardened, progress=say)
    with laboratory:
        write(rendered(laboratory.inspect(), output_format, None), None)
        sys.stdout.flush()
        if keep:
            print(f"\n{laboratory.how_to_look()}\nCtrl-C stops the server and removes it.", file=sys.stderr)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        elif output_format is Format.TERMINAL:
            again = "pgguard demo --keep" if not hardened else "pgguard demo --hardened --keep"
            print(f"\nThe server is removed again. {again} keeps it running for a look with psql.")
