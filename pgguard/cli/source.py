"""Where a command's snapshot comes from: a server, with psql's options, or a file."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot
    from pgguard.server.connect import Target


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """The options by which a command finds its snapshot."""

    dsn: Annotated[
        str,
        typer.Argument(metavar="DSN", help="Database name, connection string or URI, without password."),
    ] = ""
    host: Annotated[
        str, typer.Option("--host", "-h", metavar="HOST", help="Server host or socket directory.")
    ] = ""
    port: Annotated[str, typer.Option("--port", "-p", metavar="PORT", help="Server port.")] = ""
    username: Annotated[str, typer.Option("--username", "-U", metavar="ROLE", help="Role to connect as.")] = (
        ""
    )
    dbname: Annotated[
        str, typer.Option("--dbname", "-d", metavar="NAME", help="Database to connect to first.")
    ] = ""
    database: Annotated[
        list[str] | None,
        typer.Option(
            "--database", metavar="NAME", help="Look only at this database (repeat for more). Default: all."
        ),
    ] = None
    file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="A file made by `pgguard snapshot` instead of a server (- for stdin).",
        ),
    ] = None

    @property
    def is_chosen(self) -> bool:
        """Whether the options name a server or a file, and do not leave it to the PG* variables."""
        return bool(self.dsn or self.host or self.port or self.username or self.dbname or self.file)

    @property
    def target(self) -> Target:
        """The server that the options name.

        Raises `UsageError` for options that libpq cannot read and for a password among them.
        """
        from pgguard.server.connect import Target

        return Target.from_options(
            self.dsn, host=self.host, port=self.port, user=self.username, dbname=self.dbname
        )

    def snapshot(self) -> Snapshot:
        """The snapshot of the file or of the server, with progress on stderr.

        Raises `InputError` for the file, `UsageError` for the options, `ConnectError` for the server.
        """
        from pgguard.cli.output import progress
        from pgguard.errors import UsageError

        if self.file is None:
            from pgguard.server.read import read_snapshot

            with progress() as say:
                return read_snapshot(self.target, self.database, progress=say)
        if dataclasses.replace(self, file=None).is_chosen:
            msg = "give a server or --from FILE, not both"
            raise UsageError(msg)
        from pgguard.store.snapshot_file import load

        loaded = load(self.file)
        if self.database is None:
            return loaded
        known = [one.name for one in loaded.inspected]
        absent = [name for name in self.database if name not in known]
        if absent:
            msg = f"{self.file}: there is no database {', '.join(absent)} in it; there are {', '.join(known)}"
            raise UsageError(msg)
        return loaded.only(*self.database)


Sample = Annotated[
    int,
    typer.Option(
        "--sample",
        metavar="ROWS",
        help="Look at values, so many rows of each table, by expressions on the server that count.",
    ),
]
SampleOnly = Annotated[
    list[str] | None,
    typer.Option(
        "--sample-only",
        metavar="TABLE",
        help="With --sample: only this table, view or foreign table (schema.name; repeat for more).",
    ),
]


def with_values(
    source: Source, rows: int, only: list[str] | None = None, policy: Policy | None = None
) -> Snapshot:
    """The source's snapshot with what counting in values tells: samples where asked for, statistics where the
    policy allows it.

    Raises what `Source.snapshot` does, and `UsageError` for a snapshot from a file, in which nothing can be
    counted, and for tables that are not there.
    """
    from pgguard.cli.output import progress
    from pgguard.errors import UsageError
    from pgguard.server.sample import read_samples, read_statistics, unknown_relations

    if rows < 0 or (rows and source.file is not None) or (only and not rows):
        msg = "--sample looks at a server: give one, and a number of rows"
        raise UsageError(msg)
    snapshot = source.snapshot()
    absent = unknown_relations(snapshot, only or ())
    if absent:
        msg = f"--sample-only: there is no table or view {', '.join(absent)}: give schema.table"
        raise UsageError(msg)
    with progress() as say:
        if rows:
            snapshot = read_samples(source.target, snapshot, rows, only=only or (), progress=say)
        if policy is not None and policy.discovery.use_statistics and source.file is None:
            snapshot = read_statistics(source.target, snapshot, progress=say)
    return snapshot


def reads_snapshot(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `source` becomes the options of `Source`, said once for all commands.

    A parameter of the command's own that is named like one of them takes its place.
    """
    return _with_options(command)


def connects(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that needs a server: without --database and --from."""
    return _with_options(command, without=("database", "file"))


def _with_options(command: Callable[..., None], without: tuple[str, ...] = ()) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    options = {
        name: one
        for name, one in inspect.signature(Source, eval_str=True).parameters.items()
        if name not in signature.parameters and name not in without
    }
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in signature.parameters.items()
        if name != "source"
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        command(source=Source(**chosen), **given)

    together = [*own, *options.values()]
    # typer reads the parameters from here, and nothing else of the command changes
    run.__signature__ = signature.replace(parameters=together)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in together}
    return run
