"""When one finding speaks for many objects: above a handful, objects with one cause are told together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pgguard.analysis.names import database_subject, schema_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from pgguard.model.finding import Subject
    from pgguard.model.snapshot import DatabaseSnapshot

Item = TypeVar("Item")
MOST = 5
# so many findings of one cause in one database are read; more are one finding on the database
MOST_IN_DATABASE = 20


def together(
    items: Iterable[Item], cause: Callable[[Item], Hashable], most: int = MOST
) -> Iterator[list[Item]]:
    """The items, those of one cause in one list where there are more than `most`, the others one by one."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(cause(item), []).append(item)
    for group in groups.values():
        if len(group) > most:
            yield group
        else:
            for item in group:
                yield [item]


def gathered(
    groups: Iterable[list[Item]], cause: Callable[[Item], Hashable], most: int = MOST_IN_DATABASE
) -> Iterator[list[Item]]:
    """Groups of one database, as `together` made them, those of one cause in one where they are too many."""
    known: dict[Hashable, list[list[Item]]] = {}
    for group in groups:
        known.setdefault(cause(group[0]), []).append(group)
    for some in known.values():
        if len(some) > most:
            yield [item for group in some for item in group]
        else:
            yield from some


def place(database: DatabaseSnapshot, schemas: Iterable[str]) -> Subject:
    """What a finding on several objects is about: their schema, or the database where they have several."""
    names = set(schemas)
    return schema_subject(database, names.pop()) if len(names) == 1 else database_subject(database.name)
