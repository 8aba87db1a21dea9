"""A relation with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgguard.errors import Unread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from pgguard.analysis.personal.lexicon import Read
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

KINDS = frozenset("rpmfv")
# names of keys that are nothing but that
KEY_NAMES = frozenset({"id", "uid", "pk", "oid", "uuid", "guid", "key", "rowid"})


@dataclass(slots=True)
class Table:
    """A relation with what is known of it.

    `role`: person, detail (a part of a person's data), record, staff, organisation, reference, technical, or
    empty. `distance` counts the references to a table of persons: 0 is one itself, -1 is none known.
    """

    relation: Relation
    columns: Sequence[Column]
    read: Read
    kinds: dict[str, float]
    role: str = ""
    distance: int = -1
    via: str = ""
    topics: frozenset[str] = frozenset()
    primary: tuple[int, ...] = ()
    references: dict[int, int] = field(default_factory=dict)
    referenced_by: int = 0
    dense: bool = False
    measured: bool = False
    prefix: int = 0
    declared: set[int] = field(default_factory=set)
    person_keys: set[int] = field(default_factory=set)

    @property
    def linked(self) -> bool:
        """Whether its rows belong to persons."""
        return self.distance >= 0

    @property
    def named(self) -> str:
        """The name for people."""
        return self.relation.name


def optional(database: DatabaseSnapshot, section: str) -> tuple[Any, ...]:
    """The rows of a section that only adds evidence: none where it could not be read."""
    try:
        return database.rows(section)
    except Unread:
        return ()


def root(found: Mapping[int, Table], table: Table) -> Table:
    """The partitioned or inherited table that a table follows; itself without one."""
    seen = 0
    while table.relation.parent in found and seen < 100:
        table = found[table.relation.parent]
        seen += 1
    return table
