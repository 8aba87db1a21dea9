"""`pgguard person`: closing the login of somebody who leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.server.person import Removal

person = typer.Typer(
    name="person",
    help="The login of one person: closed when the person leaves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@person.callback()
def _person() -> None:
    pass


@person.command()
@reads_snapshot
def remove(
    source: Source,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="The person's login.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what stands in the way.")
    ] = False,
) -> None:
    """Close a login for good: NOLOGIN, sessions ended, privileges revoked in every database, role dropped.

    What it owns is listed and kept: then the login is closed and the role stays (exit code 4). Running it
    again finishes what was broken off.
    """
    from pgguard.server import person as server

    if dry_run:
        found = server.look(source.target, role)
        print(_told(found), end="")
        raise typer.Exit(0 if found.exists and found.can_be_dropped else 4 if found.exists else 2)
    server.remove(source.target, role, say=print)


def _told(found: Removal) -> str:
    from pgguard.report.person import render

    return render(found)
