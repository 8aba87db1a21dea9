"""What a breach file is made of: gathered from every source there is, put together for those it is for."""

from __future__ import annotations

import contextlib
import datetime
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.access import may_connect
from pgguard.analysis.incident import Facts, compose
from pgguard.analysis.incident_bound import Counts, Piles
from pgguard.analysis.incident_controllers import NOBODY, Division
from pgguard.analysis.incident_reach import Doubt, Reach, cells, is_everywhere
from pgguard.analysis.incident_scope import require_known, tables_asked, wanted
from pgguard.analysis.incident_tables import with_reads
from pgguard.checks import check
from pgguard.errors import ConnectError, InputError, PgguardError, Unread
from pgguard.model.finding import Severity
from pgguard.model.incident import Proposal
from pgguard.model.quote import ident
from pgguard.nightly.beside import observed
from pgguard.observe.incident import look
from pgguard.report.judge import judge
from pgguard.report.text import statement
from pgguard.server.incident import audited, count
from pgguard.store.documents import read_documents
from pgguard.store.history import open_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pgguard.analysis.incident_reach import Cell, Reached
    from pgguard.analysis.incident_scope import Wanted
    from pgguard.model.evidence import Anchor
    from pgguard.model.incident import Asked, AuditSeen, Counted, Incident, Seen
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.server.connect import Target
    from pgguard.store.policy_file import LoadedPolicy


class Sources(NamedTuple):
    """Where evidence is: None and the reason for what is not there.

    `target` is None for a saved snapshot; `history` is the place of the nightly runs, empty for none, and
    `name` what the server is called in it. With `estimate` no rows are counted.
    """

    loaded: LoadedPolicy
    snapshot: Snapshot | None
    no_snapshot: str
    target: Target | None
    store: Path | None
    history: str
    name: str
    anchors: Sequence[Anchor] = ()
    estimate: bool = False


def gather(
    asked: Asked, sources: Sources, *, now: str, progress: Callable[[str], None] = lambda text: None
) -> Facts:
    """Everything that the sources tell of an incident.

    Raises `UsageError` for names and addresses that nobody knows, and when there is no source at all;
    `InputError` for an observation store that cannot be used.
    """
    policy, snapshot = sources.loaded.policy, sources.snapshot
    which = wanted(asked, snapshot, policy)
    progress("reading the observation store")
    seen = look(sources.store, asked, which) if sources.store is not None else None
    if seen is None and snapshot is None:
        msg = f"there is no evidence: no observation store is given, and {sources.no_snapshot}"
        raise ConnectError(msg)
    met = seen.met if seen is not None else frozenset()
    require_known(asked, snapshot, policy, met)
    tables = tables_asked(asked, snapshot, met)
    every, reached, doubts, blind = _reached(which, sources, seen, tables)
    piles = counts = None
    audits: tuple[AuditSeen, ...] = ()
    if snapshot is not None:
        inspected = {one.name for one in snapshot.inspected}
        databases = {name for _, name in _pairs(seen) if name in inspected} or {
            one.name for one in snapshot.inspected
        }
        audits = tuple(_audits(asked, sources, sorted(databases), progress))
        reads = [one for one in (seen.reads if seen else ()) if not tables or one.relation in tables]
        chosen = [one.cell for one in with_reads(reached, reads, every)]
        piles = Piles(snapshot, policy, chosen)
        counts = Counts(snapshot, _counted(sources, piles, progress), audits)
    progress("judging what concerns it")
    alert, no_alert = _alert(asked, sources, {login for login, _ in _pairs(seen)})
    return Facts(
        asked=asked,
        made_at=now,
        policy=policy,
        policy_digest=sources.loaded.register_sha256 or sources.loaded.sha256,
        snapshot=snapshot,
        no_snapshot=sources.no_snapshot,
        seen=seen,
        no_store="none is given: --observations, or [observation] store of the policy",
        tables=tables,
        which=which,
        cells=every,
        reached=reached,
        doubts=doubts,
        blind=blind,
        piles=piles,
        counts=counts,
        audits=audits,
        proposals=tuple(_proposals(sources)),
        alert=alert,
        no_alert=no_alert,
    )


def files(facts: Facts, controller: str) -> Incident:
    """The file for one controller, or the whole one for an empty name."""
    return compose(facts, _division(facts, controller))


def each(facts: Facts) -> Iterator[tuple[str, Incident]]:
    """A file for every controller of whose data something could be reached, and one for what is nobody's."""
    for controller in facts.policy.controller:
        made = compose(facts, _division(facts, controller.name))
        # what is not known is no reason to have no file
        if made.tables or made.unnamed_reads or made.bound is None or made.bound.records != 0:
            yield controller.name, made
    nobodys = compose(facts, _division(facts, NOBODY))
    if nobodys.tables:
        yield NOBODY, nobodys


def _division(facts: Facts, controller: str) -> Division:
    # whose data are concerned is a question about what was reached
    reads = facts.seen.reads if facts.seen is not None else ()
    told = with_reads(facts.reached, reads, facts.cells)
    reached = {(one.cell.database, one.cell.table, one.cell.column): one.cell for one in told}
    return Division(facts.snapshot, facts.policy, reached.values(), controller)


def _pairs(seen: Seen | None) -> set[tuple[str, str]]:
    if seen is None:
        return set()
    found = {(one.login, one.database) for one in seen.sessions}
    return {pair for pair in found | {(one.login, one.database) for one in seen.reads} if all(pair)}


def _reached(
    which: Wanted, sources: Sources, seen: Seen | None, tables: frozenset[str]
) -> tuple[dict[tuple[str, str], list[Cell]], tuple[Reached, ...], tuple[Doubt, ...], frozenset[str]]:
    snapshot, policy = sources.snapshot, sources.loaded.policy
    every: dict[tuple[str, str], list[Cell]] = {}
    if snapshot is None:
        return every, (), (), frozenset()
    reach = Reach(snapshot, policy)
    pairs = _pairs(seen) | set(_elsewhere(snapshot, seen))
    if seen is None or not seen.logins.whole:
        pairs |= set(_possible(snapshot, which))
    found: list[Reached] = []
    for database in snapshot.inspected:
        for one in _cells(snapshot, database, policy):
            every.setdefault((one.database, one.table), []).append(one)
        for login, name in sorted(pairs):
            if name == database.name:
                found += reach.of(login, database)
    known = {one.name for one in snapshot.inspected}
    unseen = [
        Doubt(name, "", f"what {ident(login)} could reach in {ident(name)}: it was not looked at", "")
        for login, name in sorted(pairs)
        if name not in known
    ]
    blind = reach.blind | {one.database for one in unseen}
    asked = tuple(one for one in found if not tables or one.cell.table in tables)
    return every, asked, (*reach.doubts, *unseen), frozenset(blind)


def _elsewhere(snapshot: Snapshot, seen: Seen | None) -> Iterator[tuple[str, str]]:
    """The databases of logins that reach all of them, and of sessions of which the log does not tell it."""
    logins = {one.login for one in seen.sessions} if seen is not None else set()
    lost = {one.login for one in seen.sessions if not one.database} if seen is not None else set()
    for login in logins:
        try:
            is_all = login in lost or is_everywhere(snapshot, login)
        except Unread:
            is_all = True
        if login and is_all:
            yield from ((login, one.name) for one in snapshot.inspected)


def _cells(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> tuple[Cell, ...]:
    try:
        return cells(snapshot, database, policy)
    except Unread:
        # told where somebody could have reached something in it
        return ()


def _possible(snapshot: Snapshot, which: Wanted) -> Iterator[tuple[str, str]]:
    """Where the logins that are asked for by name may have been without being seen."""
    named = (which.logins or frozenset()) | (which.person or frozenset())
    if {"roles", "memberships", "databases", "cluster_acls"} & set(snapshot.missing()):
        return
    for login in named:
        row = snapshot.role(login)
        for database in snapshot.inspected:
            if row is not None and row.login and may_connect(snapshot, row, database.name):
                yield login, database.name


def _audits(
    asked: Asked, sources: Sources, databases: Sequence[str], progress: Callable[[str], None]
) -> Iterator[AuditSeen]:
    if sources.target is None:
        return
    since, until = (datetime.datetime.fromisoformat(one) for one in (asked.since, asked.until))
    services = frozenset(one.role for one in sources.loaded.policy.service)
    for name in databases:
        progress(f"verifying the audit of {name}")
        # anchors are of one store: those of another database are refused
        yield audited(sources.target, name, since, until, services, sources.anchors, progress=progress)


def _counted(sources: Sources, piles: Piles, progress: Callable[[str], None]) -> tuple[Counted, ...]:
    if sources.target is None or sources.estimate:
        return ()
    return tuple(count(sources.target, piles.asked(), progress=progress))


def _proposals(sources: Sources) -> Iterator[Proposal]:
    """Findings of high severity and above about roles, tables and columns."""
    if sources.snapshot is None:
        return
    loaded = sources.loaded
    snapshot = sources.snapshot.documented(read_documents(loaded.policy))
    # a store that may only be read is evidence all the same, and has been looked at
    with contextlib.suppress(InputError):
        snapshot = observed(snapshot, loaded.policy, sources.store)
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    for outcome in judge(snapshot, loaded.policy, today=today).outcomes:
        described = check(outcome.check)
        for judged in outcome.findings:
            subject = judged.finding.subject
            if judged.severity < Severity.HIGH or subject.kind not in ("role", "relation", "column"):
                continue
            fix = statement(judged.finding.fix[0], judged.finding) if judged.finding.fix else judged.advice
            yield Proposal(
                outcome.check,
                described.title if described is not None else "",
                judged.severity.label,
                subject.kind,
                subject.name,
                subject.database or "",
                judged.finding.evidence,
                fix,
            )


def _alert(asked: Asked, sources: Sources, logins: set[str]) -> tuple[tuple[str, str] | None, str]:
    """The first finding of the nightly runs about what happened that fits, or why there is none."""
    if not sources.history:
        return None, "to be stated: there is no history of nightly runs"
    try:
        with open_history(sources.history) as history:
            known = [one for gone in (False, True) for one in history.findings(sources.name, gone=gone)]
    except PgguardError as error:
        return None, f"to be stated: {error}"
    since = asked.since
    fitting = [
        one
        for one in known
        if one.check.startswith(("act-", "audit-chain", "audit-disabled"))
        and one.open_since >= since
        and (one.kind != "role" or one.name in logins)
    ]
    if not fitting:
        return None, "to be stated: no alert of the nightly runs fits"
    first = min(fitting, key=lambda one: one.open_since)
    at = datetime.datetime.fromisoformat(first.open_since).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (at, f"{first.check}, {first.kind} {first.name}"), ""
