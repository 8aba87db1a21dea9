"""An erasure from its plan to its report: the database, the policy, the audit store and the folder
together.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pgguard.analysis import erasure_dependents
from pgguard.analysis.erasure import by_rules, cascaded, day_of, holds_of
from pgguard.analysis.erasure_claims import catalog_claim, claims
from pgguard.analysis.erasure_person import of_person
from pgguard.analysis.erasure_shape import Shape
from pgguard.errors import ApplyStopped, InputError, PgguardError, Unread
from pgguard.model.erasure_record import FORMAT, ErasurePlan, ErasureRecord, ErasureReport, mark_of
from pgguard.nightly.erasing_steps import begin, erase_entries, finished, gone_along, not_erased, now
from pgguard.server import erase_after as after
from pgguard.server import erase_audit as audit
from pgguard.server.connect import describe
from pgguard.server.erase_look import beside
from pgguard.server.erase_read import (
    count,
    cutoff,
    dry_run,
    moment,
    read_catalog,
    rows,
    session,
)
from pgguard.server.erase_run import Eraser
from pgguard.server.read import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.model.erasure import Dependent, Erasure, Held
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot
    from pgguard.server.connect import Target
    from pgguard.store.erasure_folder import Journal

    Say = Callable[[str], None]
    Load = Callable[[], Policy]


def plan(
    target: Target,
    policy: Policy,
    *,
    policy_sha256: str = "",
    tables: Sequence[str] = (),
    checked: Sequence[str] = (),
    person: str = "",
    say: Say = lambda _: None,
) -> ErasurePlan:
    """Work out an erasure and count what it would take, at one moment; nothing is changed.

    `person` is the key of one person (GDPR art. 17), empty for the retention rules. Raises `InputError` with
    every reason why it cannot be done, `ConnectError`.
    """
    with session(target) as connection:
        with moment(connection):
            catalog = read_catalog(connection)
        database = _snapshot(target, catalog.database, say)
        with moment(connection):
            catalog = read_catalog(connection)
            times: dict[str, str] = {}
            ago = cutoff(connection)

            def remembered(months: int) -> str:
                return times.setdefault(str(months), ago(months))

            erasure = (
                of_person(
                    catalog, policy, sensitive=_sensitive(database, policy), checked=checked, tables=tables
                )
                if person
                else by_rules(catalog, policy, remembered, tables=tables)
            )
            dry = dry_run(connection, erasure, person=person, say=say)
        if person:
            _refuse_held(dry.counts, erasure)
        return ErasurePlan(
            FORMAT,
            describe(connection),
            catalog.database,
            catalog.now,
            catalog.zone,
            policy_sha256,
            erasure.digest,
            bool(person),
            tuple(tables),
            tuple(checked),
            times,
            tuple((Shape(catalog).tables[one.table].sql, one.reason, one.until) for one in erasure.holds),
            dry,
            _dependents(database, policy, erasure),
            erasure.notes,
            mark_of(person, secrets.token_hex(4)) if person else "",
        )


def run(
    target: Target,
    load: Load,
    planned: ErasurePlan,
    journal: Journal,
    *,
    person: str = "",
    rewrite: bool = False,
    refresh: bool = False,
    say: Say = lambda _: None,
) -> ErasureRecord:
    """Erase what the plan says, and all that is left of it when it was broken off.

    `load` gives the policy as it is now: it is asked before every batch, so that a hold counts at once.
    Raises `InputError` when the catalog or the rules are not those of the plan any more, `ConnectError`,
    `ApplyStopped`.
    """
    if planned.person != bool(person):
        msg = (
            "the plan is for one person: give --person"
            if planned.person
            else "the plan is not for one person"
        )
        raise InputError(msg)
    if person and mark_of(person, planned.mark.partition(":")[0]) != planned.mark:
        msg = "this is not the key of the person that the plan was made for: nothing was erased"
        raise InputError(msg)
    with session(target) as connection, session(target) as batches:
        if connection.info.dbname != planned.database:
            msg = f"the plan is for the database {planned.database}, and this is {connection.info.dbname}"
            raise InputError(msg)
        after.alone(connection)
        rows(batches, "points")
        erasure = _same(connection, target, load(), planned, person, say)
        shape = Shape(erasure.catalog)
        began = begin(connection, erasure, journal)
        names = audit.subjects(connection, erasure, person) if person else ()
        held = _asker(load, shape, erasure)
        eraser = Eraser(target, batches, erasure, held, person, say)
        erased = erase_entries(target, names, say)
        took = {}
        for work in erasure.works:
            journal.add("table", table=work.name, method=work.method, at=now())
            try:
                took[work.name] = eraser.table(work)
            except PgguardError as error:
                journal.add("stopped", table=work.name, at=now())
                msg = f"{error}; what was erased is erased, and running it again goes on with {work.name}"
                raise ApplyStopped(msg) from None
            one = took[work.name]
            journal.add("erased", table=work.name, rows=one.changed, batches=one.batches, at=now())
        xid = after.settled(connection)
        after.keepers(connection, xid)
        done = [
            finished(
                connection, erasure, work, took[work.name], began[work.name], xid, rewrite, person, held, say
            )
            for work in erasure.works
        ]
        done += [
            gone_along(connection, erasure, work, began[work.name], xid, rewrite)
            for work in cascaded(shape, erasure)
            if work.name in began
        ]
        clear = rewrite and erasure.catalog.superuser
        statistics_rewritten, said = after.rewrite_statistics(connection, xid) if clear else (False, ())
        database = _snapshot(target, planned.database, say)
        tables = _names(erasure)
        views = erasure_dependents.materialized(database, tables) if refresh else ()
        refreshed, refused = after.refresh(connection, views)
        # what the deletion itself wrote into the store
        again = erase_entries(target, names, say)
        checkpointed = after.checkpoint(connection)
        ((lsn, ended),) = rows(connection, "position")
        record = ErasureRecord(
            FORMAT,
            planned.target,
            planned.database,
            str(journal.lines[0]["at"]),
            ended,
            bool(person),
            lsn,
            xid,
            tuple(done),
            planned.dry.along,
            len(planned.dry.whole),
            tuple(after.keepers(connection, xid, wait=0)),
            checkpointed,
            statistics_rewritten,
            refreshed,
            None if again is None else again[0] + (erased[0] if erased else 0),
            None if again is None else again[1],
            round(max((one.longest for one in took.values()), default=0.0) * 1000, 1),
            _dependents(database, load(), erasure, refreshed),
            (*erasure.notes, *said, *refused, *not_erased(done, person)),
        )
        journal.add("ended", at=ended, lsn=lsn, tables=[[one.table, one.before, one.after] for one in done])
        lines = [f"{one.table}: {one.method}, {one.changed} of {one.before} rows" for one in done]
        audit.note(connection, f"ERASURE {journal.digest[:16]}", lines)
        return record


def report(target: Target, policy: Policy, record: ErasureRecord, digest: str = "") -> ErasureReport:
    """The record, and what every place may still hold as the server is now. Raises `ConnectError`."""
    with session(target, record.database) as connection:
        ((_, looked_at),) = rows(connection, "position")
        told = [one for done in record.done for one in claims(done)]
        told.append(catalog_claim(rewritten=record.statistics_rewritten))
        return ErasureReport(
            record, looked_at, tuple(told), tuple(beside(connection, record, policy.backup.evidence)), digest
        )


def _same(
    connection: Any, target: Target, policy: Policy, planned: ErasurePlan, person: str, say: Say
) -> Erasure:
    """The erasure of the plan, worked out again."""
    with moment(connection):
        catalog = read_catalog(connection)
    if person:
        database = _snapshot(target, catalog.database, say)
        found = of_person(
            catalog,
            policy,
            sensitive=_sensitive(database, policy),
            checked=planned.checked,
            tables=planned.tables,
        )
    else:
        times = planned.cutoffs
        found = by_rules(catalog, policy, lambda months: times.get(str(months), ""), tables=planned.tables)
    if found.digest != planned.digest:
        msg = (
            "the rules, or tables, columns, foreign keys or triggers that they depend on, have changed "
            "since the plan "
            "was made: nothing was erased; make another plan"
        )
        raise InputError(msg)
    if person:
        with moment(connection):
            _refuse_held(
                [count(connection, Shape(catalog), found, one, person)[0] for one in found.works], found
            )
    return found


def _refuse_held(counts: Sequence[Any], erasure: Erasure) -> None:
    held = [f"{one.table}: {one.held} rows" for one in counts if one.held]
    if held:
        reasons = "; ".join(dict.fromkeys(f"{one.reason} ({one.owner})" for one in erasure.holds))
        msg = f"a hold keeps rows of this person, and nothing was erased ({', '.join(held)}): {reasons}"
        raise InputError(msg)


def _asker(load: Load, shape: Shape, erasure: Erasure) -> Callable[[], tuple[Held, ...]]:
    """The holds of the policy as it is now. Raises `InputError` for one that cannot be read."""
    known: list[Any] = [None, erasure.holds]
    day = day_of(erasure.catalog)

    def asked() -> tuple[Held, ...]:
        policy = load()
        if policy is not known[0]:
            wrong: list[str] = []
            holds = holds_of(shape, policy, day, wrong)
            if wrong:
                raise InputError(
                    "\n".join(["the holds cannot be read any more, and nothing goes on:", *wrong])
                )
            known[:] = [policy, holds]
        found: tuple[Held, ...] = known[1]
        return found

    return asked


def _dependents(
    database: DatabaseSnapshot, policy: Policy, erasure: Erasure, refreshed: Sequence[str] = ()
) -> tuple[Dependent, ...]:
    found = erasure_dependents.dependents(database, policy, _names(erasure), day_of(erasure.catalog))
    return tuple(one for one in found if one.name not in refreshed)


def _names(erasure: Erasure) -> set[str]:
    shape = Shape(erasure.catalog)
    return {shape.tables[oid].sql for work in erasure.works for oid in shape.whole(work.table)}


def _sensitive(database: DatabaseSnapshot, policy: Policy) -> tuple[str, ...]:
    try:
        return erasure_dependents.sensitive_names(database, policy)
    except Unread as error:
        msg = f"it is not known which tables hold personal data: {error}"
        raise InputError(msg) from None


def _snapshot(target: Target, name: str, say: Say) -> DatabaseSnapshot:
    (found,) = read_snapshot(target, [name], progress=say).inspected
    return found
