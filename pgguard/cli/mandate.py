"""`pgguard mandate`: what a documented instruction opens in a database, proved, and closed again."""

from __future__ import annotations

import datetime
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pgguard.cli import mandate_files
from pgguard.cli.inspect import PolicyFile
from pgguard.cli.source import Source, connects, reads_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.model.mandate import Mandate
    from pgguard.model.mandate_scope import Count, Scope
    from pgguard.model.plan import Migration, Plan
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

mandate = typer.Typer(
    name="mandate",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Extractions on instruction (GDPR art. 29): planned, opened for one role, proved, closed.",
)
Name = Annotated[str, typer.Argument(metavar="MANDATE", help="Its name in the policy.")]
Timeout = Annotated[
    int, typer.Option("--timeout", metavar="SECONDS", help="How long one count may take; 0: no limit.")
]


class _Prepared(NamedTuple):
    """A mandate held against a server: its scope with every reason, and its rows."""

    mandate: Mandate
    snapshot: Snapshot
    scope: Scope
    counts: tuple[Count, ...]


@mandate.callback()
def _group() -> None:
    pass


@mandate.command()
@reads_snapshot
def plan(
    source: Source,
    name: Name,
    policy: PolicyFile = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write its SQL there, as migrations."),
    ] = None,
    timeout: Timeout = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace another plan in the folder.")] = False,
) -> None:
    """Say what a mandate would open: tables and how they are read, rows, columns that may hold more than was
    instructed, side doors, and every reason not to open it (exit code 1). Nothing is changed.

    With -o the SQL is written for psql or `pgguard apply`, unless there is a reason not to.
    """
    from pgguard.plan.mandate import sections
    from pgguard.report.mandate import render

    found = _prepared(source, _policy(policy), name, timeout)
    print(render(sections(found.scope, found.counts)), end="")
    if found.scope.refusals:
        raise typer.Exit(1)
    if output is not None:
        _write(source, found, output, force=force)


@mandate.command(name="open")
@connects
def open_(
    source: Source,
    name: Name,
    policy: PolicyFile = None,
    password: Annotated[
        Path | None,
        typer.Option(
            "--password",
            metavar="FOLDER",
            help="Give the role a password, written to a file there that only you may read.",
        ),
    ] = None,
    timeout: Timeout = 0,
) -> None:
    """Make the role of a mandate and what it reads, prove it on the server, and let it log in.

    Refused as long as there is any reason not to, all of them said at once. What was broken off is finished
    by running it again.
    """
    from pgguard.server.mandate_open import open_mandate

    found = _prepared(source, _policy(policy), name, timeout)
    _refuse(found)
    opening, entering = (_statements(one) for one in _migrations(source, found))
    keep = _keeper(password)
    proof = open_mandate(source.target, found.scope, opening, entering, timeout_seconds=timeout, say=print)
    if keep is not None:
        _issue(source, found.mandate.role, keep)
    rows = sum(one.rows for one in proof.counts)
    _journal(found.mandate, "opened", {"database": found.scope.database, "rows": str(rows)})


@mandate.command()
@connects
def close(
    source: Source,
    name: Name,
    policy: PolicyFile = None,
    if_over: Annotated[
        bool, typer.Option("--if-over", help="Do nothing before the window has ended: for cron.")
    ] = False,
) -> None:
    """Take everything back that was opened for a mandate, whatever is there of it; nothing is left.

    NOLOGIN first, then rights, sessions, views and policies, and the role. It can be run again at any time.
    """
    from pgguard.server.mandate_close import close_mandate

    chosen = _mandate(_policy(policy), name)
    if if_over and chosen.until >= datetime.datetime.now(datetime.UTC).date():
        print(f"mandate {name}: its window ends on {chosen.until}, nothing was done")
        return
    if close_mandate(source.target, chosen, say=print):
        _journal(chosen, "closed", {})
        print(f"mandate {name} is closed: nothing of it is left in any database")
    else:
        print(f"mandate {name}: nothing of it is there")


for command in (mandate_files.extract, mandate_files.verify, mandate_files.erase, mandate_files.report):
    mandate.command()(command)


def _prepared(source: Source, policy: Policy, name: str, timeout: int) -> _Prepared:
    from pgguard.analysis.mandate_scope import mandate_database, scope_of
    from pgguard.model.mandate_scope import Standing, beyond
    from pgguard.server.mandate_state import count_rows, read_standing
    from pgguard.store.documents import read_documents
    from pgguard.store.export_folder import check_folder
    from pgguard.store.recipients import check_recipients

    chosen = _mandate(policy, name)
    snapshot = source.snapshot().documented(read_documents(policy))
    database, _ = mandate_database(snapshot, policy, chosen)
    live = source.file is None and database != ""
    read = [one.name for one in snapshot.inspected]
    standing = read_standing(source.target, database, chosen, read) if live else Standing()
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    scope = scope_of(snapshot, policy, chosen, standing, now.date())
    reasons = [*scope.reasons, *check_recipients(chosen, now), *check_folder(chosen)]
    counts: tuple[Count, ...] = ()
    if live and not scope.reasons:
        counts = count_rows(source.target, scope, timeout_seconds=timeout)
        reasons += beyond(chosen, counts)
    return _Prepared(chosen, snapshot, scope._replace(reasons=tuple(reasons)), counts)


def _refuse(found: _Prepared) -> None:
    from pgguard.errors import InputError

    reasons = list(found.scope.refusals)
    if found.snapshot.server.now[:10] < found.mandate.start.isoformat():
        reasons.append(f"its window begins on {found.mandate.start}")
    if reasons:
        msg = f"mandate {found.mandate.name} is not opened, and nothing was changed:"
        raise InputError("\n  ".join([msg, *reasons]))


def _plan(source: Source, found: _Prepared) -> Plan:
    from pgguard.model.plan import Plan
    from pgguard.plan.mandate import sections, steps_of
    from pgguard.server.applying import cluster_identity

    server = found.snapshot.server
    made = Plan(found.snapshot.target, server.version, server.now, server.inspected_as, steps_of(found.scope))
    cluster = cluster_identity(source.target) if source.file is None else ""
    return replace(made, cluster=cluster, sections=sections(found.scope, found.counts))


def _migrations(source: Source, found: _Prepared) -> tuple[Migration, ...]:
    from pgguard.plan.migration import migrations

    return migrations(_plan(source, found))


def _statements(migration: Migration) -> tuple[str, ...]:
    from pgguard.plan.script import script

    # what it did is seen to hold before it is committed
    up = script(migration.up, migration.name, transactional=True)
    return up + script(migration.verify, migration.name, transactional=False)


def _write(source: Source, found: _Prepared, output: Path, *, force: bool) -> None:
    from pgguard.plan import folder
    from pgguard.plan.migration import migrations

    made = _plan(source, found)
    files = migrations(made)
    folder.write(output, made, files, force=force)
    print(f"\n{len(files)} migrations in {output}: read plan.md")


def _keeper(folder: Path | None) -> Callable[[str, str], None] | None:
    from pgguard.server.passwords import file_keeper

    return None if folder is None else file_keeper(folder)


def _issue(source: Source, role: str, keep: Callable[[str, str], None]) -> None:
    from pgguard.server.passwords import issue

    now = datetime.datetime.now(datetime.UTC)
    for one in issue(source.target, [role], keep, now=now, say=print):
        print(f"the password of {one.role} is in the folder, in a file that only you may read")


def _journal(chosen: Mandate, event: str, details: dict[str, str]) -> None:
    from pgguard.errors import PgguardError
    from pgguard.store.mandate_journal import append

    try:
        append(chosen, event, details)
    except PgguardError as error:
        # what is done is done: that it could not be written down is no reason to leave it open
        print(f"the journal of the mandate could not be written: {error}")


def _mandate(policy: Policy, name: str) -> Mandate:
    from pgguard.errors import UsageError

    found = next((one for one in policy.mandate if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in policy.mandate) or "none"
        msg = f"the policy has no mandate {name}: there are {known}"
        raise UsageError(msg)
    return found


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy
