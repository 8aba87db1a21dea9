"""`pgguard schedule`: the nightly run for cron or systemd."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.output import Output, write

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")


def schedule(
    context: typer.Context,
    cron: Annotated[bool, typer.Option("--cron", help="Lines for crontab.")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A service and a timer.")] = False,
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="When it begins.")] = "02:15",
    delay: Annotated[
        int,
        typer.Option("--delay", min=0, max=7200, help="Seconds of random delay: not all begin at once."),
    ] = 600,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Run as this user.")] = "",
    state: Annotated[
        Path, typer.Option("--state", metavar="FOLDER", help="Where the lock is kept (systemd makes it).")
    ] = Path("/var/lib/pgguard"),
    output: Output = None,
) -> None:
    """Print the entry that runs `pgguard check` every night; what follows -- are its own options.

    pgguard schedule --systemd --user pgguard -- -h db.example.org -U pgguard_auditor
    """
    from pgguard.errors import UsageError
    from pgguard.report import schedule as made

    if cron == systemd:
        msg = "give --cron or --systemd"
        raise UsageError(msg)
    run = made.Nightly(_command(context.args), *_hour(at), delay, str(state), user)
    write(made.cron(run) if cron else made.systemd(run), output)


def _hour(text: str) -> tuple[int, int]:
    from pgguard.errors import UsageError

    found = _TIME.match(text)
    if found is None:
        msg = f"--at: {text} is no time of day: HH:MM"
        raise UsageError(msg)
    return int(found[1]), int(found[2])


def _command(options: list[str]) -> tuple[str, ...]:
    """The command's words; its options are read once, so that a mistake is said now and not at night.

    Raises `UsageError` for a password among them, or a character that no entry can hold.
    """
    from pgguard.errors import UsageError
    from pgguard.report.schedule import words_of
    from pgguard.server.connect import holds_password

    for one in options:
        if "\n" in one or "\0" in one:
            msg = "an option with a line break cannot stand in the entry"
            raise UsageError(msg)
    if any(holds_password(one.partition("=")[2] if one.startswith("--") else one) for one in options):
        msg = "a password does not belong into an entry that others read: ~/.pgpass or a service file"
        raise UsageError(msg)
    program = shutil.which(sys.argv[0]) or shutil.which("pgguard") or sys.argv[0]
    return words_of(str(Path(program).resolve()), options)
