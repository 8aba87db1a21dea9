"""Which columns a name in a query means, as PostgreSQL's parser finds it (manual, 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.rows import Relation

# attributes that every table has without a row in the snapshot (manual, 5.6 System Columns)
SYSTEM_COLUMNS = frozenset({"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax", "oid"})

Origin = tuple["Relation", str]


class Column(NamedTuple):
    """A column that a query can name, and the columns of relations whose SELECT that takes."""

    name: str
    origins: tuple[Origin, ...] = ()


@dataclass(slots=True)
class Entry:
    """Something that FROM brings in: a relation, an inner query, an aliased join.

    `is_open`: its columns are not known (temporary tables, the system's, functions). `only_qualified`: its
    columns are found by alias.column alone (old, new, excluded).
    """

    alias: str
    columns: list[Column]
    relation: Relation | None = None
    schema: str = ""
    is_open: bool = False
    only_qualified: bool = False

    def named(self, name: str) -> Column | None:
        """The column of that name, a system column too."""
        for one in self.columns:
            if one.name == name:
                return one
        if self.relation is not None and name in SYSTEM_COLUMNS:
            return Column(name, ((self.relation, name),))
        return Column(name) if self.is_open else None


@dataclass(slots=True)
class Frame:
    """What one query can name; `parts` in the order in which a star lists them."""

    entries: list[Entry] = field(default_factory=list)
    parts: list[list[Column]] = field(default_factory=list)

    def add(self, entry: Entry) -> list[Column]:
        """One more entry; its columns."""
        self.entries.append(entry)
        return entry.columns

    def named(self, alias: str, schema: str = "") -> Entry | None:
        """The entry of that alias; with a schema, of that relation without an alias."""
        for one in self.entries:
            if one.alias == alias and (not schema or one.schema == schema):
                return one
        return None

    def column(self, name: str) -> list[Column]:
        """The columns of that name, several only where a join merges them."""
        known = [one for one in self.entries if not one.only_qualified]
        found = [column for one in known for column in one.columns if column.name == name]
        if found:
            return found
        if name in SYSTEM_COLUMNS:
            return [column for one in known if one.relation and (column := one.named(name))]
        return []

    @property
    def is_open(self) -> bool:
        """Whether it has columns that are not known."""
        return any(one.is_open for one in self.entries)


Frames = list[Frame]


def lookup(frames: Frames, names: tuple[str, ...]) -> list[Column] | None:
    """The columns whose values a dotted name gives; None where it is no column and no row.

    A last name that is empty stands for a star.
    """
    if names[-1] == "":
        return list(_starred(frames, names[:-1]))
    if len(names) == 1:
        for frame in frames:
            found = frame.column(names[0])
            if found:
                return found
        # what is known anywhere goes before what something unknown may have
        row = _row(frames, names[0])
        return [] if row is None and any(frame.is_open for frame in frames) else row
    # schema.table.column, with a database before it perhaps
    alias, schema = names[-2], names[-3] if len(names) > 2 else ""
    entry = _entry(frames, alias, schema)
    if entry is None:
        return None
    column = entry.named(names[-1])
    # f(t) may be written as t.f: it takes the whole row
    return [column] if column is not None else list(entry.columns)


def _entry(frames: Frames, alias: str, schema: str = "") -> Entry | None:
    return next((found for frame in frames if (found := frame.named(alias, schema))), None)


def _row(frames: Frames, alias: str) -> list[Column] | None:
    entry = _entry(frames, alias)
    return None if entry is None else list(entry.columns)


def _starred(frames: Frames, qualifier: tuple[str, ...]) -> Iterator[Column]:
    if not qualifier:
        for part in frames[0].parts:
            yield from part
        return
    entry = _entry(frames, qualifier[-1], qualifier[-2] if len(qualifier) > 1 else "")
    if entry is not None:
        yield from entry.columns
