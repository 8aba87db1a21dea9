"""`pgguard keys destroy-subject` and `new-epoch`: one person erased, and what was copied before closed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.keys import Provider, asked, provider_of, say
from pgguard.cli.source import Source, connects


@connects
def destroy_subject(
    source: Source,
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="A table of the person, as schema.table.")
    ],
    yes_erase_values: Annotated[
        int | None,
        typer.Option(
            "--yes-erase-values", metavar="N", help="So many values are to be lost, and not one more."
        ),
    ] = None,
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Erase one person's encrypted values by destroying the person's key (GDPR, art. 17).

    The person's key, as the table has it, is read from standard input, or asked for on a terminal; it is
    never printed. All tables that share the key are erased. What still opens copies from before is said.
    """
    from pgguard.report.keys_subject import erased
    from pgguard.server import keys_subject as server

    kek = asked(provider_of(provider, policy))()
    print(
        erased(server.destroy_subject(source.target, kek, table, _person(), erase=yes_erase_values, say=say)),
        end="",
    )


@connects
def new_epoch(
    source: Source,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Use the new key although sessions are open that do not have it."),
    ] = False,
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Seal the keys of all persons with a new subject key and destroy the one before.

    Then `rotate-kek`, and destroy the old key-encryption key: backups from before do not open the values of
    those who were erased. While sessions are open that do not have the new key it only opens: run this again
    when they have ended. It can be broken off. Exit code 1: the new key is not used yet.
    """
    from pgguard.report.keys_subject import new_epoch as render
    from pgguard.server import keys_subject as server

    kek = asked(provider_of(provider, policy))()
    found = server.new_epoch(source.target, kek, at_once=at_once, say=say)
    print(render(found), end="")
    raise typer.Exit(0 if found.used else 1)


def _person() -> str:
    import getpass

    from pgguard.errors import UsageError

    if sys.stdin.isatty():
        return getpass.getpass("key of the person (not shown): ")
    lines = sys.stdin.read().splitlines()
    if len(lines) != 1 or not lines[0]:
        msg = f"standard input has {len(lines)} lines: give the key of one person on one line"
        raise UsageError(msg)
    return lines[0]
