"""`pgguard snapshot`: what an inspection reads, saved for later or for another machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.source import Sample, SampleOnly, Source, reads_snapshot, with_values


@reads_snapshot
def snapshot(
    source: Source,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The file to write (- for stdout).")
    ] = None,
    print_sql: Annotated[
        bool,
        typer.Option(
            "--print-sql", help="Print a script for psql -XAt -f that makes the same file by itself."
        ),
    ] = False,
    sample: Sample = 0,
    sample_only: SampleOnly = None,
) -> None:
    """Save what an inspection reads: no row of a table, no password, no verifier; with --sample also counts.

    `pgguard inspect --from FILE` judges it, offline and on another machine. The file names roles, rules
    and definitions: keep it as you keep a dump of the schema.
    """
    from pgguard.errors import UsageError
    from pgguard.store.script import script
    from pgguard.store.snapshot_file import save

    if print_sql:
        sys.stdout.write(script())
        return
    if output is None:
        msg = "say where to save the snapshot: -o FILE (or -o - for stdout)"
        raise UsageError(msg)
    save(with_values(source, sample, sample_only), output)
