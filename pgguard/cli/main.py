"""The program `pgguard`: its commands, and what becomes of an error."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli import (
    alert,
    apply,
    audit,
    auditor,
    catalogue,
    check,
    demo,
    diff,
    discover,
    erase,
    escalations,
    hba,
    incident,
    inspect,
    keys,
    keys_subject,
    learn,
    mandate,
    observe,
    passwords,
    person,
    plan,
    policy,
    register,
    roster,
    schedule,
    snapshot,
    who_can,
)
from pgguard.errors import PgguardError

app = typer.Typer(
    name="pgguard",
    help="Inspects PostgreSQL databases that hold health data: who gets in, what they reach, what to do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_INTERNAL_ERROR = 3
_INTERRUPTED = 130


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"pgguard {version('pgguard')}")
        raise typer.Exit


@app.callback()
def _program(
    _shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for command in (
    inspect.inspect,
    check.check,
    check.history,
    discover.discover,
    observe.observe,
    learn.learn,
    plan.plan,
    apply.apply,
    apply.status,
    apply.verify,
    apply.rollback,
    snapshot.snapshot,
    catalogue.checks,
    catalogue.explain,
    auditor.auditor_role,
    demo.demo,
    who_can.who_can,
    escalations.escalations,
    incident.incident,
    alert.ack,
    diff.diff,
):
    app.command()(command)
# what follows -- are the options of another command
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(schedule.schedule)
app.add_typer(hba.hba)
app.add_typer(person.person)
app.add_typer(passwords.passwords)
app.add_typer(roster.roster)
app.add_typer(policy.policy)
app.add_typer(register.register)
app.add_typer(mandate.mandate)
app.add_typer(erase.erase)
keys.keys.command()(keys_subject.destroy_subject)
keys.keys.command()(keys_subject.new_epoch)
app.add_typer(keys.keys)
app.add_typer(audit.audit)
app.add_typer(alert.alert)


def main() -> None:
    """Run the command line; errors become one message on stderr and the exit code of the design."""
    # a process of seconds that holds a million rows: looking for cycles among them is most of its work
    gc.disable()
    try:
        app()
    except PgguardError as error:
        print(f"pgguard: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("pgguard: interrupted; nothing was changed but what is told above", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # the reader of our output went away; what is left in the buffer has no one to go to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        # the message and the values around it may hold what must not be shown: only the place is said
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        print(
            f"pgguard: internal error ({type(error).__name__} at {place}): please report this line; "
            "nothing was changed, and nothing is known to be in order",
            file=sys.stderr,
        )
        sys.exit(_INTERNAL_ERROR)


if __name__ == "__main__":
    main()
