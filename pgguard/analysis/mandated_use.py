"""What the role of a mandate was seen to read, held against the mandate."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.mandated import own_view, staging, tables
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_tables, sensitive_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.model.mandate import Mandate
    from pgguard.model.policy import Policy
    from pgguard.model.reads import ReadsOfDay
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot


class Place(NamedTuple):
    """A relation by its database and SQL name."""

    database: str
    relation: str


def seen(snapshot: Snapshot, mandate: Mandate) -> tuple[ReadsOfDay, ...]:
    """What the role read, as far as the observations know; none where there are no observations."""
    reads = snapshot.observations.reads if snapshot.observations is not None else ()
    return tuple(one for one in reads if one.login == mandate.role and one.relation)


def sources(database: DatabaseSnapshot, policy: Policy, mandate: Mandate) -> Mapping[Place, str]:
    """The relations through which a mandate reads its tables, each with the table's name in the policy."""
    found: dict[Place, str] = {}
    for taken in tables(database, policy, mandate):
        found[Place(database.name, relation_name(taken.relation))] = taken.entry.table
        for one in database.relations:
            if own_view(mandate, taken, one):
                found[Place(database.name, relation_name(one))] = taken.entry.table
    return found


def personal(database: DatabaseSnapshot, policy: Policy, mandate: Mandate) -> frozenset[Place]:
    """The sensitive tables of a database and the views of them, those made for the mandate left out."""
    oids = (sensitive_tables(database, policy).keys() | sensitive_views(database, policy)) - staging(
        database, mandate
    )
    return frozenset(
        Place(database.name, relation_name(one)) for one in database.relations if one.oid in oids
    )


def beyond(snapshot: Snapshot, policy: Policy, mandate: Mandate) -> Iterator[str]:
    """In sentences, what the role read that is not in the mandate, out of its time, or more than its ceiling.

    Days are those of UTC. Raises `Unread` when relations or columns could not be read.
    """
    reads = seen(snapshot, mandate)
    if not reads:
        return
    own: dict[Place, str] = {}
    others: set[Place] = set()
    for database in snapshot.inspected:
        own |= sources(database, policy, mandate)
        others |= personal(database, policy, mandate)
    strange = [one for one in reads if (place := _place(one)) in others and place not in own]
    yield from _told(strange, "which it has nothing of")
    inside = [one for one in reads if _place(one) in own]
    start, until = mandate.start.isoformat(), mandate.until.isoformat()
    yield from _told([one for one in inside if one.day < start], f"before its start, {start}")
    yield from _told([one for one in inside if one.day > until], f"after its end, {until}")
    window = [one for one in inside if start <= one.day <= until]
    yield from _ceilings(policy, mandate, window, own)


def _ceilings(
    policy: Policy, mandate: Mandate, reads: Iterable[ReadsOfDay], own: Mapping[Place, str]
) -> Iterator[str]:
    by_place: dict[Place, int] = defaultdict(int)
    for one in reads:
        # `mandate extract` counts once before each COPY, which gives one row; any other statement is a read
        by_place[_place(one)] += one.rows - min(one.statements - one.copies, one.copies)
    rows: dict[str, int] = defaultdict(int)
    for place, count in by_place.items():
        # what is read through the view is logged of the view and of the table
        rows[own[place]] = max(rows[own[place]], count)
    limits = {one.table: one.ceiling for one in policy.mandate_table if one.mandate == mandate.name}
    for table, count in sorted(rows.items()):
        limit = limits.get(table)
        if limit is not None and count > limit:
            yield f"read {count} rows of {table}, of {limit} allowed"
    total = sum(rows.values())
    if total > mandate.ceiling:
        yield f"read {total} rows in all, of {mandate.ceiling} allowed"


def _told(reads: list[ReadsOfDay], why: str) -> Iterator[str]:
    by_place: dict[str, list[ReadsOfDay]] = defaultdict(list)
    for one in reads:
        by_place[one.relation].append(one)
    for relation, some in sorted(by_place.items()):
        days = sorted({one.day for one in some})
        when = days[0] if len(days) == 1 else f"{len(days)} days, last {days[-1]}"
        copied = ", by COPY" if any(one.copies for one in some) else ""
        yield f"read {relation} on {when}{copied}, {why}"


def _place(one: ReadsOfDay) -> Place:
    return Place(one.database, one.relation)
