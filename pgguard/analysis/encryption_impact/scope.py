"""Names in a query, as far as they matter: which may be an encrypted column, or the row that holds it.

Of tables that are not encrypted no column is known, so that a name without a table counts for every table
that may have it: too much is said rather than too little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.encryption_impact.facts import Target


@dataclass(eq=False, slots=True)
class Source:
    """Something in FROM, or the table that is written.

    `columns` are the known ones, each with the encrypted values that it gives. `is_open`: it may have others.
    `pinned`: the primary key is given, so that few rows are read. `excluded`: it is that of ON CONFLICT.
    """

    alias: str
    schema: str = ""
    targets: tuple[Target, ...] = ()
    columns: dict[str, frozenset[Origin]] = field(default_factory=dict)
    is_open: bool = True
    pinned: bool = False
    excluded: bool = False

    def everything(self) -> frozenset[Origin]:
        """What its whole row gives."""
        return frozenset[Origin]().union(*self.columns.values())


class Origin(NamedTuple):
    """An encrypted column, and through what in FROM it is read."""

    source: Source
    target: Target
    column: str


class Meant(NamedTuple):
    """What a name means: a column of something in FROM, or its row (`name` empty); `source` None: not
    known."""

    source: Source | None
    name: str
    origins: frozenset[Origin]


class Output(NamedTuple):
    """An output column; of a star over a table that is not known whole, one with the name *."""

    name: str
    origins: frozenset[Origin]


@dataclass(slots=True)
class Frame:
    """What one query can name, and the conditions of its joins."""

    sources: list[Source] = field(default_factory=list)
    conditions: list[object] = field(default_factory=list)


Frames = list[Frame]
ANY = "*"


def of_targets(alias: str, schema: str, targets: tuple[Target, ...], *, excluded: bool = False) -> Source:
    """A table as FROM names it."""
    source = Source(alias, schema, targets, excluded=excluded)
    for target in targets:
        for column in target.columns:
            known = source.columns.get(column, frozenset())
            source.columns[column] = known | {Origin(source, target, column)}
    return source


def of_outputs(alias: str, outputs: list[Output], names: list[str]) -> Source:
    """An inner query as FROM names it."""
    source = Source(alias, is_open=any(one.name == ANY for one in outputs))
    for number, one in enumerate(outputs):
        if one.name != ANY:
            name = names[number] if number < len(names) else one.name
            source.columns[name] = source.columns.get(name, frozenset()) | one.origins
    if names and source.is_open:
        # which column got which name is not known
        for name in names:
            source.columns[name] = frozenset[Origin]().union(*(one.origins for one in outputs))
    return source


def meant(names: tuple[str, ...], frames: Frames) -> list[Meant]:
    """What a dotted name may mean, the inner query's first; a last name that is empty stands for a star."""
    if not names:
        return []
    if names[-1] == "":
        if len(names) > 1:
            return [Meant(one, "", one.everything()) for one in _named(names[:-1], frames)]
        return [Meant(one, "", one.everything()) for one in frames[0].sources] if frames else []
    if len(names) == 1:
        return list(_bare(names[0], frames))
    return [
        Meant(one, names[-1], one.columns.get(names[-1], frozenset())) for one in _named(names[:-1], frames)
    ]


def star(sources: list[Source]) -> list[Output]:
    """The outputs of a star."""
    found = []
    for source in sources:
        found += [Output(name, origins) for name, origins in source.columns.items()]
        if source.is_open:
            found.append(Output(ANY, frozenset()))
    return found


def _bare(name: str, frames: Frames) -> Iterator[Meant]:
    for frame in frames:
        having = [one for one in frame.sources if name in one.columns and not one.excluded]
        if having:
            yield from (Meant(one, name, one.columns[name]) for one in having)
            # unless a table beside it, which is not known, has it: then it would have to be qualified
            return
        row = next((one for one in frame.sources if one.alias == name), None)
        if row is not None:
            yield Meant(row, "", row.everything())
            return
        able = [one for one in frame.sources if one.is_open and not one.excluded]
        if able:
            yield Meant(able[0] if len(able) == 1 else None, name, frozenset())


def _named(qualifier: tuple[str, ...], frames: Frames) -> list[Source]:
    alias, schema = qualifier[-1], qualifier[-2] if len(qualifier) > 1 else ""
    for frame in frames:
        for one in frame.sources:
            if one.alias == alias and (not schema or one.schema in ("", schema)):
                return [one]
    return []
