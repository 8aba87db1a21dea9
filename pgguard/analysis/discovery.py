"""What a new classification changes in the policy's `[[column]]` entries.

The detector keeps its own entries in step; what a person decided is never touched.
"""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.policy import ColumnEntry
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.model.classification import Classified
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

DETECTOR = "detector"
# kinds of relations that hold rows of their own: the columns of a view follow those it reads
_STORED = frozenset("rpmf")
_DIGITS = 2


class Changed(NamedTuple):
    """A column whose entry in the policy is no longer what the detector says; `before` its old category."""

    column: Classified
    before: str
    position: int


class Difference(NamedTuple):
    """What to add, change and remove in the policy, and what a person should look at.

    `gone` and `unknown` are positions of entries whose column is not there: the detector's, to be
    removed, and a person's, with the nearest name that exists (empty without one). `rescored` are the
    detector's entries of which only the score moved. `disagreements` are columns where a person decided
    otherwise than the detector would: what it would say comes second.
    """

    new: tuple[Classified, ...]
    changed: tuple[Changed, ...]
    rescored: tuple[Changed, ...]
    gone: tuple[tuple[int, ColumnEntry], ...]
    unknown: tuple[tuple[int, ColumnEntry, str], ...]
    disagreements: tuple[tuple[Classified, Classified], ...]

    @property
    def is_empty(self) -> bool:
        """Whether the policy already says all this."""
        return not (self.new or self.changed or self.rescored or self.gone)


def column_name(one: Classified) -> str:
    """schema.table.column, quoted where SQL needs it, as the policy has it."""
    return qualified(one.relation.schema, one.relation.name, one.column.name)


def entry(one: Classified, shared: frozenset[str]) -> ColumnEntry:
    """The policy's entry for a column; with its database when its name is one of the `shared` ones."""
    return ColumnEntry(
        name=column_name(one),
        category=one.category,
        decided_by=DETECTOR,
        database=one.database if column_name(one) in shared else "",
        score=round(one.score, _DIGITS),
    )


def people_only(policy: Policy) -> tuple[ColumnEntry, ...]:
    """The entries that a person decided: the detector's own are judged anew."""
    return tuple(one for one in policy.column if one.decided_by != DETECTOR)


def compare(
    snapshot: Snapshot, detected: Sequence[Classified], decided: Sequence[Classified], policy: Policy
) -> Difference:
    """What the policy lacks of a classification.

    `detected` is what the detector says of every column without looking at the policy; `decided` the
    same columns in the same order with people's decisions.
    """
    entries = _by_name(policy)
    new: list[Classified] = []
    changed: list[Changed] = []
    rescored: list[Changed] = []
    disagreements: list[tuple[Classified, Classified]] = []
    seen: set[int] = set()
    for said, now in zip(detected, decided, strict=True):
        found = _entry_of(entries, now)
        if found is not None:
            seen.add(found[0])
        if now.decided_by != DETECTOR:
            if now.category != said.category:
                disagreements.append((now, said))
        elif now.relation.kind in _STORED:
            if found is None:
                if now.category != "none":
                    new.append(now)
            elif found[1].category != now.category:
                changed.append(Changed(now, found[1].category, found[0]))
            elif found[1].score != round(now.score, _DIGITS):
                rescored.append(Changed(now, found[1].category, found[0]))
    gone, unknown = _absent(snapshot, policy, seen)
    return Difference(
        tuple(new), tuple(changed), tuple(rescored), tuple(gone), tuple(unknown), tuple(disagreements)
    )


def shared_names(columns: Iterable[Classified]) -> frozenset[str]:
    """The names that more than one database has a column of."""
    counted = Counter(column_name(one) for one in columns)
    return frozenset(name for name, count in counted.items() if count > 1)


def _by_name(policy: Policy) -> Mapping[tuple[str, str], tuple[int, ColumnEntry]]:
    return {(one.database, one.name): (number, one) for number, one in enumerate(policy.column)}


def _entry_of(
    entries: Mapping[tuple[str, str], tuple[int, ColumnEntry]], one: Classified
) -> tuple[int, ColumnEntry] | None:
    name = column_name(one)
    return entries.get((one.database, name)) or entries.get(("", name))


def _absent(
    snapshot: Snapshot, policy: Policy, seen: set[int]
) -> tuple[list[tuple[int, ColumnEntry]], list[tuple[int, ColumnEntry, str]]]:
    """The entries whose column is nowhere, where all that could hold it was read."""
    read = {one.name: _names(one) for one in snapshot.inspected if _is_read(one)}
    all_read = all(
        row.name in read for row in snapshot.databases if row.allow_connections and not row.is_template
    )
    gone: list[tuple[int, ColumnEntry]] = []
    unknown: list[tuple[int, ColumnEntry, str]] = []
    for number, one in enumerate(policy.column):
        if number in seen:
            continue
        where = [read[one.database]] if one.database in read else []
        if not one.database and all_read:
            where = list(read.values())
        if not where or any(one.name in names for names in where):
            continue
        if one.decided_by == DETECTOR:
            gone.append((number, one))
        else:
            known = sorted(set().union(*where))
            near = difflib.get_close_matches(one.name, known, 1, 0.8)
            unknown.append((number, one, near[0] if near else ""))
    return gone, unknown


def _is_read(database: DatabaseSnapshot) -> bool:
    return not {"relations", "columns"} & set(database.missing())


def _names(database: DatabaseSnapshot) -> frozenset[str]:
    return frozenset(_column_names(database))


def _column_names(database: DatabaseSnapshot) -> Iterator[str]:
    tables = {one.oid: f"{ident(one.schema)}.{ident(one.name)}" for one in database.relations}
    for column in database.columns:
        if column.relation in tables:
            yield f"{tables[column.relation]}.{ident(column.name)}"
