"""`pgguard keys`: the keys of encrypted columns, from the first to the last."""

from __future__ import annotations

import contextlib
import datetime
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.store.kek_provider import Kek

keys = typer.Typer(
    name="keys",
    help="The keys of encrypted columns: the key-encryption key never lies in the database.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Provider = Annotated[
    str,
    typer.Option(
        "--provider",
        metavar="PROVIDER",
        help="Where the key-encryption key comes from: file:PATH, env:NAME, command:PROGRAM ARGUMENTS or "
        "prompt. Default: [keys] provider of the policy, else prompt.",
    ),
]
Generate = Annotated[
    Path | None,
    typer.Option(
        "--generate", metavar="FILE", help="Make the new key, and write it to this new file (mode 0600)."
    ),
]
Group = Annotated[str, typer.Option("--group", metavar="NAME", help="Key group.")]


@keys.callback()
def _keys() -> None:
    # a core file would hold the key
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@keys.command()
@connects
def init(
    source: Source,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", metavar="NAME", help="Key group (repeat for more: genetic, special). Default: main."
        ),
    ] = None,
    subjects: Annotated[
        bool,
        typer.Option(
            "--subjects", help="Also what keys for each person rest on ([[encrypt_table]] subject)."
        ),
    ] = False,
    generate: Generate = None,
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Install what encryption needs in a database, and make its keys.

    A lost key-encryption key is lost data: `pgguard keys status` says what is to be done until there is an
    escrow copy, and until a drill has opened the keys with it. Run again it adds groups.
    """
    from pgguard.report.keys import made
    from pgguard.server import keys as server

    groups = group or ["main"]
    there = server.check_init(source.target, groups, say=say)
    with _new_kek(generate, provider_of(provider, policy), new=not there) as kek:
        new = server.init(source.target, kek, groups, subjects=subjects, say=_quiet)
    print(made(new, str(generate or "")), end="")


@keys.command()
@connects
def status(
    source: Source,
    no_count: Annotated[
        bool,
        typer.Option("--no-count", help="Do not count the values under each key, which reads all of them."),
    ] = False,
) -> None:
    """Tell which keys there are, how many values are under each, and what is still to be done.

    Exit code 1: something is to be done. 3: a column could not be counted.
    """
    from pgguard.cli.output import progress
    from pgguard.report.keys import exit_code
    from pgguard.report.keys import status as render
    from pgguard.server import keys as server

    with progress() as say:
        found = server.status(source.target, count=not no_count, say=say)
    print(render(found), end="")
    raise typer.Exit(exit_code(found, counted=not no_count))


@keys.command()
@connects
def rotate(
    source: Source,
    group: Group = "main",
    index: Annotated[
        bool, typer.Option("--index", help="The key of the blind indexes, not of the values.")
    ] = False,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Use the new key although sessions are open that do not have it."),
    ] = False,
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Make a new key for a group; the one before goes on opening what it sealed.

    While sessions are open that do not have the new key it only opens: run this again when they have ended.
    Exit code 1: the new key is not used yet.
    """
    from pgguard.report.keys import rotated
    from pgguard.server import keys as server

    purpose = "index" if index else "data"
    kek = asked(provider_of(provider, policy))
    found = server.rotate(source.target, kek, group, purpose, at_once=at_once, say=say)
    print(rotated(found), end="")
    raise typer.Exit(0 if found.used else 1)


@keys.command()
@connects
def reseal(
    source: Source,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=64, help="Sessions.")] = 1,
    max_rate: Annotated[
        float, typer.Option("--max-rate", metavar="ROWS", min=0, help="Rows a second (0: any number).")
    ] = 0.0,
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Seal again what older keys sealed, while work goes on; afterwards they can be destroyed.

    It can be broken off, and goes on where it stopped.
    """
    from pgguard.server.backfill import Throttle
    from pgguard.server.resealing import reseal as server

    kek = asked(provider_of(provider, policy))()
    done = server(source.target, kek, Throttle(jobs=jobs, rate=max_rate), say=say)
    for relation, rows in done.items():
        print(f"{relation}: {rows:,} rows sealed again")


@keys.command()
@connects
def rotate_kek(
    source: Source,
    to: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="Where the new one comes from.")] = "",
    generate: Generate = None,
    host_file: Annotated[
        str,
        typer.Option(
            "--host-file", metavar="PATH", help="The new host key file on the server, where there is one."
        ),
    ] = "",
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Replace the key-encryption key: every key is wrapped anew, and no value is touched.

    Programs that unlock need the new one from that moment on.
    """
    from pgguard.report.keys import rotated_kek
    from pgguard.server import keys as server

    old = asked(provider_of(provider, policy))()
    with _new_kek(generate, to) as new:
        done = server.rotate_kek(source.target, old, new, host_file=host_file, say=say)
    print(rotated_kek(*done), end="")


@keys.command()
@connects
def escrow(
    source: Source,
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="PEM", help="The holder's RSA public key or certificate, 3072 bits or more."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The copy: a new file.")],
    provider: Provider = "",
    policy: PolicyFile = None,
) -> None:
    """Write a copy of the key-encryption key that only its holder can open.

    The holder needs OpenSSL and the private key, and no pgguard.
    """
    from pgguard.server import keys as server
    from pgguard.store.kek_escrow import recipient, write_copy

    holder = recipient(to)
    kek = asked(provider_of(provider, policy))()
    origin = server.origin(source.target, kek, say=say)
    write_copy(output, kek, holder, origin, f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}")
    server.escrowed(source.target, origin.epoch)
    print(
        f"{output}: a copy of epoch {origin.epoch} for the holder of {holder.fingerprint}; how to open it "
        "stands in it"
    )
    print("keep it apart from the database and its backups, then: pgguard keys restore-drill")


@keys.command()
@connects
def restore_drill(
    source: Source,
    copy: Annotated[
        str,
        typer.Option("--copy", metavar="PROVIDER", help="Where the key from the escrow copy comes from."),
    ] = "prompt",
    policy: PolicyFile = None,
) -> None:
    """Open every key, and values of every column, with the key-encryption key from its escrow copy.

    The holder opens the copy and gives what is in it. No value leaves the server.
    """
    from pgguard.errors import UsageError
    from pgguard.report.keys import drilled
    from pgguard.server import keys as server
    from pgguard.store.kek_provider import read_kek

    if copy != "prompt" and copy == provider_of("", policy):
        msg = "this is where the key comes from every day: the drill is about the escrow copy"
        raise UsageError(msg)
    server.status(source.target, count=False)
    print(
        drilled(server.drill(source.target, read_kek(copy, what="key of the escrow copy"), say=say)), end=""
    )


@keys.command()
@connects
def destroy(
    source: Source,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="ID", help="Key (repeat for more), as status shows it."),
    ] = None,
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="All keys of a group.")] = "",
    yes_erase_values: Annotated[
        int | None,
        typer.Option(
            "--yes-erase-values", metavar="N", help="So many values are to be lost, and not one more."
        ),
    ] = None,
) -> None:
    """Destroy keys, and with them for good what is under them.

    Without --yes-erase-values only keys that nothing needs. Writers of the tables wait while the values are
    counted.
    """
    from pgguard.errors import UsageError
    from pgguard.report.keys import destroyed
    from pgguard.server import keys_destroy as server

    if bool(key) == bool(group):
        msg = "say which keys: --key ID, or --group NAME for all of a group"
        raise UsageError(msg)
    print(destroyed(server.destroy(source.target, key or [], group, erase=yes_erase_values, say=say)), end="")


@keys.command()
@connects
def host_file(
    source: Source,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="File on the server: 64 hexadecimal digits.")
    ] = "",
    off: Annotated[bool, typer.Option("--off", help="Take it back: sessions have to unlock.")] = False,
) -> None:
    """Let sessions that do not unlock take the key-encryption key from a file of the server.

    That is for programs that cannot be changed. Whoever reads that file and the database reads everything.
    It has to be outside the data directory.
    """
    from pgguard.errors import UsageError
    from pgguard.server import keys_host as server

    if off == bool(path):
        msg = "give the PATH of a file on the server, or --off; the database with -d"
        raise UsageError(msg)
    if off:
        server.no_host_file(source.target)
        print("sessions have to unlock from now on; those that are open keep what they hold until they end")
    else:
        server.host_file(source.target, path, say=say)
        print(f"sessions that do not unlock take the key from {path} on the server")


def provider_of(given: str, policy: Path | None) -> str:
    """Where the key comes from: as given, else as the policy says, else prompt."""
    from pgguard.store.kek_provider import require_own
    from pgguard.store.policy_file import find, load

    if given:
        return given
    file = find(policy, Path.cwd(), os.environ)
    chosen = load(file).policy.keys.provider
    if chosen and file is not None:
        require_own(file)
    return chosen or "prompt"


def asked(provider: str) -> Callable[[], Kek]:
    """Asks for the key in use, when it is called."""
    from pgguard.store.kek_provider import read_kek

    return lambda: read_kek(provider, what="key-encryption key in use")


@contextlib.contextmanager
def _new_kek(generate: Path | None, provider: str, *, new: bool = True) -> Iterator[Kek]:
    from pgguard.errors import ApplyStopped, PgguardError, UsageError
    from pgguard.store import kek_provider

    if generate is None:
        if not provider:
            msg = f"say where the new key comes from: --generate FILE, or {kek_provider.KINDS}"
            raise UsageError(msg)
        yield kek_provider.read_kek(
            provider, what="new key-encryption key" if new else "key-encryption key", new=new
        )
        return
    if not new:
        msg = "there is a key-encryption key already: --generate makes the first"
        raise UsageError(msg)
    kek = kek_provider.generate(generate)
    try:
        yield kek
    except ApplyStopped:
        # it may be in use: a connection that is lost does not tell whether it was committed
        say(f"{generate} holds the new key: keep it until pgguard keys status tells that it is not in use")
        raise
    except PgguardError:
        generate.unlink(missing_ok=True)
        raise


def say(text: str) -> None:
    """A line on stderr."""
    from pgguard.report.text import visible

    print(visible(text), file=sys.stderr)


def _quiet(text: str) -> None:
    pass
