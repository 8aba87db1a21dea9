"""Two snapshots of one cluster, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.model.section import Missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pgguard.model.section import Sections
    from pgguard.model.snapshot import Snapshot

# what may differ between two looks at a cluster that nobody changed: the time, and who looks
MOMENT = frozenset({"server_rows", "sessions"})


def differences(
    one: Snapshot, other: Snapshot, ignore: Collection[str] = MOMENT
) -> dict[tuple[str, str], tuple[Any, Any]]:
    """The sections that are not equal, by database and name, each with the rows that only one has."""
    assert [database.name for database in one.inspected] == [database.name for database in other.inspected]
    pairs = [(one, other), *zip(one.inspected, other.inspected, strict=True)]
    return {
        (left.database, name): _only(left_rows, right_rows)
        for left, right in pairs
        for name, left_rows, right_rows in _sections(left, right)
        if name not in ignore and left_rows != right_rows
    }


def unread(snapshot: Snapshot, database: str | None = None) -> dict[str, str]:
    """The sections that could not be read, of the cluster or of one database, with the reason."""
    return {name: reason for where, name, reason in snapshot.all_missing() if where == database}


def _sections(left: Sections, right: Sections) -> Iterator[tuple[str, Any, Any]]:
    for name in left.section_types():
        yield name, _content(left, name), _content(right, name)


def _content(sections: Sections, name: str) -> Any:
    reason = sections.missing().get(name)
    return sections.rows(name) if reason is None else Missing(reason)


def _only(left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(left, Missing) or isinstance(right, Missing):
        return left, right
    return [row for row in left if row not in right][:3], [row for row in right if row not in left][:3]
