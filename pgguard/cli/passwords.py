"""`pgguard passwords`: first passwords for people, and what becomes of those that are not changed."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.model.policy import Policy

passwords = typer.Typer(
    name="passwords",
    help="First passwords of people: known to them alone, and to be changed at once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@passwords.command()
@reads_snapshot
def issue(
    source: Source,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="Whose password (repeat for more)."),
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Everybody of the policy's [[person]] entries.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="One file a person there, for nobody else to read."),
    ] = None,
    policy: PolicyFile = None,
) -> None:
    """Make a random first password for each login, and send the server only its SCRAM verifier.

    Without --to each is shown on the terminal, one at a time. `pgguard passwords pending` tells later who
    has not changed it.
    """
    chosen = list(role or []) + ([one.role for one in _policy(policy).person] if people else [])
    _issue(source, chosen, _keeper(to))


@passwords.command()
@reads_snapshot
def pending(
    source: Source,
    close: Annotated[
        bool, typer.Option("--close", help="NOLOGIN for those that were not changed in time.")
    ] = False,
    policy: PolicyFile = None,
) -> None:
    """Tell which first passwords were not changed yet; with --close, close the logins that are overdue.

    The days are [passwords] first_change_days of the policy. Exit code 1: some are overdue. 3: the server
    does not show whether they were changed.
    """
    days = _policy(policy).passwords.first_change_days
    if close:
        _close(source, days)
    else:
        _pending(source, days)


def _issue(source: Source, roles: list[str], keep: Callable[[str, str], None]) -> None:
    from pgguard.errors import UsageError
    from pgguard.server import passwords as server

    if not roles:
        msg = "say whose password: --role ROLE, or --people for the policy's roster"
        raise UsageError(msg)
    cluster = server.cluster_name(source.target)
    for one in server.issue(source.target, roles, keep, now=_now(), say=_say):
        server.remember(_list_file(), cluster, [one])
        _say(f"{one.role}: a first password is set")


def _pending(source: Source, days: int) -> None:
    from pgguard.report.passwords import render
    from pgguard.server import passwords as server

    _, waiting = server.pending(source.target, _list_file(), now=_now(), days=days)
    print(render(waiting), end="")
    unknown = any(one.changed is None for one in waiting)
    raise typer.Exit(3 if unknown else 1 if any(one.overdue for one in waiting) else 0)


def _close(source: Source, days: int) -> None:
    from pgguard.server import passwords as server

    closed = server.close_overdue(source.target, _list_file(), now=_now(), days=days)
    for role in closed:
        print(f"{role}: the first password was not changed in {days} days, the login is closed")


def _keeper(folder: Path | None) -> Callable[[str, str], None]:
    from pgguard.errors import UsageError
    from pgguard.server.passwords import file_keeper

    if folder is not None:
        return file_keeper(folder)
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        msg = "passwords are shown on a terminal only: give --to FOLDER"
        raise UsageError(msg)
    return _show


def _show(role: str, password: str) -> None:
    from pgguard.report.text import visible

    print(f"{visible(role)}: {password}")
    input("note it, then press Enter ")
    # the line above it is not left for whoever comes next
    print("\x1b[2A\x1b[0J", end="")


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy


def _list_file() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or str(Path(os.environ.get("HOME", "/")) / ".local/state")
    return Path(home) / "pgguard" / "first-passwords.json"


def _say(text: str) -> None:
    from pgguard.report.text import visible

    print(visible(text), file=sys.stderr)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
