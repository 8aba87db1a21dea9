"""When one finding speaks for many objects: above a handful, objects with one cause are told together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

Item = TypeVar("Item")
MOST = 5


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
