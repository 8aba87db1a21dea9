"""The steps of a run: how the tables were before, what became of each, and the person's audit entries."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

from pgguard.analysis.erasure import cascaded
from pgguard.analysis.erasure_shape import Shape
from pgguard.model.erasure import Done, Files
from pgguard.server import erase_after as after
from pgguard.server.audit_keep import erase
from pgguard.server.audit_session import NoStore
from pgguard.server.erase_read import count, files, moment, rows, total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.model.erasure import Erasure, Held, Work
    from pgguard.server.connect import Target
    from pgguard.server.erase_run import Took
    from pgguard.store.erasure_folder import Journal

    Say = Callable[[str], None]


def begin(connection: Any, erasure: Erasure, journal: Journal) -> dict[str, tuple[int, Files]]:
    """How every table was before the first run of the plan."""
    first = journal.first("begin")
    if first is None:
        tables = {}
        with moment(connection):
            shape = Shape(erasure.catalog)
            for work in (*erasure.works, *cascaded(shape, erasure)):
                tables[work.name] = [total(connection, shape, work), *files(connection, work)]
        ((lsn, at),) = rows(connection, "position")
        journal.add("begin", at=at, lsn=lsn, digest=erasure.digest, tables=tables)
        first = journal.lines[-1]
    else:
        journal.add("again", at=now(), digest=erasure.digest)
    return {
        name: (int(one[0]), Files(tuple(one[1]), *(int(number) for number in one[2:])))
        for name, one in first["tables"].items()
    }


def finished(
    connection: Any,
    erasure: Erasure,
    work: Work,
    took: Took,
    before: tuple[int, Files],
    xid: str,
    rewrite: bool,
    person: str,
    held: Callable[[], tuple[Held, ...]],
    say: Say,
) -> Done:
    say(f"{work.name}: VACUUM and ANALYZE")
    kept = after.clean(connection, erasure, work, xid, rewrite=rewrite)
    current = dataclasses.replace(erasure, holds=held())
    with moment(connection):
        counted, _ = count(connection, Shape(erasure.catalog), current, work, person)
        now = files(connection, work)
    return Done(
        work.name,
        work.method,
        before[0],
        counted.rows,
        took.changed,
        counted.held,
        counted.blocked,
        max(0, counted.going - took.refused),
        min(counted.going, took.refused),
        counted.ageless,
        before[1],
        now,
        kept.vacuumed,
        kept.rewritten,
        kept.clear,
        kept.statistics,
        (*took.said, *kept.said),
    )


def gone_along(
    connection: Any, erasure: Erasure, work: Work, before: tuple[int, Files], xid: str, rewrite: bool
) -> Done:
    """A table of which rows went by CASCADE."""
    kept = after.clean(connection, erasure, work, xid, rewrite=rewrite)
    with moment(connection):
        left = total(connection, Shape(erasure.catalog), work)
        now = files(connection, work)
    gone = max(0, before[0] - left)
    return Done(
        work.name, "delete", before[0], left, gone, 0, 0, 0, 0, 0, before[1], now,
        kept.vacuumed, kept.rewritten, kept.clear, kept.statistics, ("by ON DELETE CASCADE", *kept.said),
    )  # fmt: skip


def erase_entries(target: Target, names: Sequence[str], say: Say) -> tuple[int, int] | None:
    """Erase the person's entries of the audit store: erased and not sealed yet; None where there is none."""
    if not names:
        return None
    say("the audit store")
    try:
        found = erase(target, names, None, "erasure of a person (art. 17 GDPR)")
    except NoStore:
        return None
    return found.erased, found.unsealed


def not_erased(done: Sequence[Done], person: str) -> list[str]:
    found = []
    for one in done:
        if one.held:
            found.append(f"{one.table}: {one.held} rows are under a hold")
        if one.blocked:
            found.append(f"{one.table}: {one.blocked} rows stay, because rows that stay reference them")
        if one.ageless and not person:
            found.append(f"{one.table}: {one.ageless} rows have no age")
        if one.locked:
            found.append(
                f"{one.table}: {one.locked} rows were locked by others, or a trigger kept them: run it again"
            )
        if one.refused:
            found.append(f"{one.table}: {one.refused} rows were refused by the server: {'; '.join(one.said)}")
    return found


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
