"""`pgguard roster`: the list of people who get logins of their own."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import ObservationsFile, PolicyFile
from pgguard.cli.output import Output, write
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.model.roster import RosterEntry
    from pgguard.model.snapshot import Snapshot

roster = typer.Typer(
    name="roster",
    help="roster.csv: which person gets which login, in place of which shared one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@roster.command()
@reads_snapshot
def draft(
    source: Source, observations: ObservationsFile = None, policy: PolicyFile = None, output: Output = None
) -> None:
    """Propose the shared logins to replace, with who was seen behind each, as a roster to complete.

    It names no person: replace what stands behind the question mark, and fill in login and function.
    """
    from pgguard.analysis.sharing.successors import to_replace
    from pgguard.nightly.beside import observed
    from pgguard.store.policy_file import find, load
    from pgguard.store.roster import draft as as_csv

    declared = load(find(policy, Path.cwd(), os.environ)).policy
    snapshot = observed(source.snapshot(), declared, observations)
    write(as_csv(to_replace(snapshot, declared)), output)


@roster.command()
@reads_snapshot
def check(
    source: Source, file: Annotated[Path, typer.Argument(metavar="ROSTER", help="The roster file.")]
) -> None:
    """Name every mistake in a roster, with its line, against the roles that the cluster has."""
    from pgguard.report.text import plural

    entries = read(file, source.snapshot())
    shared = {one.replaces for one in entries}
    print(f"{plural(len(entries), 'person')} in place of {plural(len(shared), 'shared login')}, no mistake")


def read(file: Path, snapshot: Snapshot) -> tuple[RosterEntry, ...]:
    """The people of a roster file against the roles of a snapshot.

    Raises `InputError` for every mistake at once.
    """
    from pgguard.store.roster import load

    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    members = [(one.role, one.member) for one in snapshot.memberships]
    return load(file, roles=[role.name for role in snapshot.roles], today=today, members=members)
