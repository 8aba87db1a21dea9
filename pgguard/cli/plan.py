"""`pgguard plan`: from findings to migrations that a DBA reads, applies and can take back."""

from __future__ import annotations

import datetime
import enum
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import Level, ObservationsFile, PolicyFile
from pgguard.cli.source import Source, reads_snapshot

if TYPE_CHECKING:
    from pgguard.model.plan import Plan, Step
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot


class Layout(enum.Enum):
    """The migration tool that the files are for."""

    PSQL = "psql"
    FLYWAY = "flyway"
    LIQUIBASE = "liquibase"
    ALEMBIC = "alembic"
    SQITCH = "sqitch"
    DBMATE = "dbmate"


@reads_snapshot
def plan(
    source: Source,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write the migrations there."),
    ] = None,
    personal_roles: Annotated[
        Path | None,
        typer.Option(
            "--personal-roles", metavar="ROSTER", help="Replace shared logins by the people of this roster."
        ),
    ] = None,
    terminate: Annotated[
        bool, typer.Option("--terminate", help="With --personal-roles: end sessions at the cutover.")
    ] = False,
    encrypt: Annotated[
        bool,
        typer.Option("--encrypt", help="Encrypt sensitive columns: those of the policy, else those found."),
    ] = False,
    index_keys: Annotated[
        bool,
        typer.Option("--index-keys", help="Move blind indexes to the key that `keys rotate --index` made."),
    ] = False,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once", help="With --index-keys: do not wait for sessions that do not have the new key."
        ),
    ] = False,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Record who changes and reads the sensitive tables."),
    ] = False,
    register: Annotated[
        bool,
        typer.Option("--register", help="Record in the databases which register of processing is in force."),
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="TABLE",
            help="With --encrypt, --index-keys or --audit: only this table (repeat).",
        ),
    ] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(
            "--log", metavar="FILE", help="With --encrypt: a server log with statements (repeat for more)."
        ),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="TEXT", help="log_line_prefix of those logs.")
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="CHECK", help="Only findings of this check (repeat for more)."),
    ] = None,
    severity: Annotated[
        Level, typer.Option("--severity", help="Only findings of this severity and above.")
    ] = Level.LOW,
    safe_only: Annotated[
        bool, typer.Option("--safe-only", help="Leave out what needs a person's judgement.")
    ] = False,
    layout: Annotated[
        Layout, typer.Option("--layout", help="For the migration tool that the site uses.")
    ] = Layout.PSQL,
    policy: PolicyFile = None,
    observations: ObservationsFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another plan in the folder.")] = False,
) -> None:
    """Plan SQL that closes findings, gives people logins, encrypts or audits tables; nothing is changed.

    Without -o the plan is printed for people. Each file asserts the state it was planned on, can be run
    twice, and has an undo and a verification beside it.
    """
    if personal_roles:
        made = _personal(source, personal_roles, policy, terminate)
    elif encrypt:
        made = _encrypting(source, policy, table or [], log or [], prefix)
    elif index_keys:
        made = _reindexing(source, table or [], at_once=at_once)
    elif audit:
        made = _auditing(source, policy, table or [])
    elif register:
        made = _recording(source, policy)
    else:
        made = _closing(source, policy, observations, check, severity, safe_only)
    _deliver(made, output, layout, force=force)


def _closing(
    source: Source,
    policy: Path | None,
    observations: Path | None,
    checks: list[str] | None,
    floor: Level,
    safe_only: bool,
) -> Plan:
    from pgguard.checks import named
    from pgguard.model.finding import Severity
    from pgguard.nightly.beside import observed
    from pgguard.plan.findings import steps_of
    from pgguard.report.judge import judge
    from pgguard.store.documents import read_documents

    declared = _policy(policy)
    chosen = [named(one) for one in checks] if checks else None
    snapshot = observed(source.snapshot(), declared, observations).documented(read_documents(declared))
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    report = judge(snapshot, declared, today=today, checks=chosen)
    steps, by_hand = steps_of(report, snapshot, floor=Severity[floor.name], safe_only=safe_only)
    return _plan(source, snapshot, steps, by_hand)


def _personal(source: Source, roster: Path, policy: Path | None, terminate: bool) -> Plan:
    from pgguard.cli.roster import read
    from pgguard.plan.personal import plan_personal

    declared = _policy(policy)
    snapshot = source.snapshot()
    steps, by_hand = plan_personal(snapshot, read(roster, snapshot), declared, terminate=terminate)
    return _plan(source, snapshot, steps, by_hand)


def _encrypting(
    source: Source, policy: Path | None, tables: list[str], logs: list[Path], prefix: str | None
) -> Plan:
    from pgguard.errors import UsageError
    from pgguard.model.quote import qualified
    from pgguard.plan.encryption import plan_encryption, sections, shaped, wanted
    from pgguard.server.shapes import read_shapes

    if source.file is not None:
        msg = (
            "--encrypt looks at tables as they are now, down to their checks: give a server instead of --from"
        )
        raise UsageError(msg)
    declared = _policy(policy)
    snapshot = source.snapshot()
    major = snapshot.server.version_num // 10000
    chosen = wanted(snapshot, declared, tables)
    shapes = {
        (name, qualified(one.schema, one.name)): one
        for name in dict.fromkeys(each.database for each in chosen)
        for one in read_shapes(source.target, name, [each.name for each in chosen if each.database == name])
    }
    found, left_out = shaped(chosen, shapes, declared, major=major)
    seen = _statements(source, tuple(dict.fromkeys(one.database for one in found)), logs, prefix)
    told = sections(snapshot, found, seen, major=major)
    steps, by_hand = plan_encryption(found, major=major)
    return replace(_plan(source, snapshot, steps, (*by_hand, *left_out)), sections=told)


def _reindexing(source: Source, tables: list[str], *, at_once: bool) -> Plan:
    from pgguard.errors import UsageError
    from pgguard.plan.encryption import plan_reindexing
    from pgguard.server.blind_indexes import read_outdated

    if source.file is not None:
        msg = "--index-keys looks at the keys and tables of a server: give one instead of --from"
        raise UsageError(msg)
    snapshot = source.snapshot()
    found = read_outdated(source.target, [one.name for one in snapshot.inspected], tables)
    steps, by_hand = plan_reindexing(found, at_once=at_once)
    return _plan(source, snapshot, steps, by_hand)


def _auditing(source: Source, policy: Path | None, tables: list[str]) -> Plan:
    from pgguard.errors import Unread, UsageError
    from pgguard.plan.audit import chosen, plan_audit, read_steps
    from pgguard.server.audit_state import read_state

    if source.file is not None:
        msg = "--audit looks at what is audited now: give a server instead of --from"
        raise UsageError(msg)
    declared = _policy(policy)
    snapshot = source.snapshot()
    found = chosen(snapshot, declared, tables)
    seen = {name: read_state(source.target, name) for name in dict.fromkeys(one.database for one in found)}
    major = snapshot.server.version_num // 10000
    steps, by_hand, told = plan_audit(found, seen, declared, major=major)
    try:
        sensitive = [one for one in found if one.columns]
        whole = declared.audit.whole_rows
        reading, reads_by_hand = read_steps(snapshot, declared, sensitive, whole=whole)
    except Unread as error:
        reading, reads_by_hand = (), (f"nothing was planned for reads: {error}; plan it as a superuser",)
    made = _plan(source, snapshot, (*steps, *reading), (*by_hand, *reads_by_hand))
    return replace(made, sections=told)


def _recording(source: Source, policy: Path | None) -> Plan:
    from pgguard.errors import UsageError
    from pgguard.plan.register import plan_register
    from pgguard.report.register import files
    from pgguard.store.policy_file import find, load

    loaded = load(find(policy, Path.cwd(), os.environ))
    stands = files(loaded)
    if not stands:
        msg = "there is no policy, and so no register: name one by --policy"
        raise UsageError(msg)
    ((file, sha256),) = stands
    snapshot = source.snapshot()
    return _plan(source, snapshot, plan_register(snapshot, loaded.policy, Path(file).name, sha256), ())


def _statements(
    source: Source, databases: tuple[str, ...], logs: list[Path], prefix: str | None
) -> dict[str, list[str]]:
    """What programs sent to these databases, once each: from pg_stat_statements and from logs."""
    from pgguard.observe.sent import sent
    from pgguard.server.statements_read import statements, tracking

    found: dict[str, dict[str, None]] = {name: {} for name in databases}
    # the statements of all databases are seen from any that has the view
    for name in databases:
        if tracking(source.target, name) is not None:
            for one in statements(source.target, name):
                if one.database in found:
                    found[one.database][one.text] = None
            break
    for database, text in sent(logs, prefix=prefix) if logs else ():
        for name in [database] if database else databases:
            if name in found:
                found[name][text] = None
    return {name: list(texts) for name, texts in found.items()}


def _plan(source: Source, snapshot: Snapshot, steps: tuple[Step, ...], by_hand: tuple[str, ...]) -> Plan:
    from pgguard.model.plan import Plan

    server = snapshot.server
    made = Plan(snapshot.target, server.version, server.now, server.inspected_as, steps, by_hand)
    if source.file is not None:
        return made
    from pgguard.server.applying import cluster_identity

    return replace(made, cluster=cluster_identity(source.target))


def _deliver(made: Plan, output: Path | None, layout: Layout, *, force: bool) -> None:
    from pgguard.plan import folder
    from pgguard.plan.document import document
    from pgguard.plan.migration import migrations
    from pgguard.report.text import plural

    files = migrations(made)
    if output is None:
        print(document(made, files), end="")
        return
    folder.write(output, made, files, layout=layout.value, force=force)
    hands = plural(len(made.by_hand), "step")
    print(f"{plural(len(files), 'migration')} in {output}, {hands} by hand: read plan.md")


def _policy(chosen: Path | None) -> Policy:
    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy
