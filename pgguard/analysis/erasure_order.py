"""The order of an erasure: rows go before what they reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.analysis.erasure_shape import Shape
    from pgguard.model.erasure import Catalog, Edge, Work


class Circular(Exception):  # noqa: N818 - an answer about a schema, not a fault
    """Foreign keys that go round in a circle; the message names them."""


def ordered(catalog: Catalog, works: Sequence[Work], shape: Shape) -> list[Work]:
    """The works, children first. A circle is broken where a foreign key is SET NULL and can be.

    Raises `Circular` for one that has no such place. A deferrable foreign key is none: its rows would have
    to go with what they reference in one transaction, however many they are.
    """
    owner = {oid: work.table for work in works for oid in shape.whole(work.table)}
    by_table = {work.table: work for work in works}
    edges = [
        (owner[one.child], owner[one.parent], one)
        for one in catalog.edges
        if one.child in owner and one.parent in owner and owner[one.child] != owner[one.parent]
    ]
    found: list[Work] = []
    left = sorted(by_table, key=lambda oid: by_table[oid].name)
    while left:
        pending = [edge for edge in edges if edge[0] in left and edge[1] in left]
        free = next((one for one in left if all(parent != one for _, parent, _ in pending)), None)
        if free is None:
            hard = [edge for edge in pending if not breaks(edge[2])]
            free = next((one for one in left if all(parent != one for _, parent, _ in hard)), None)
        if free is None:
            circle = _circle([(child, parent, edge) for child, parent, edge in hard])
            names = " -> ".join(by_table[child].name for child, _, _ in circle)
            said = ", ".join(edge.name for _, _, edge in circle)
            msg = (
                f"the foreign keys {said} go round in a circle ({names} -> {by_table[circle[0][0]].name}): "
                "none of "
                "them is ON DELETE SET NULL with columns that may be NULL"
            )
            if any(edge.deferrable for _, _, edge in circle):
                msg += "; one that is deferrable would need all of its rows in one transaction"
            raise Circular(msg)
        left.remove(free)
        found.append(by_table[free])
    return found


def breaks(edge: Edge) -> bool:
    """Whether what is referenced may go first: the reference is set to NULL then."""
    return edge.on_delete == "n" and edge.emptied


def _circle(edges: Iterable[tuple[int, int, Edge]]) -> list[tuple[int, int, Edge]]:
    """One circle among edges of which every table has one that comes in."""
    into = {parent: (child, parent, edge) for child, parent, edge in edges}
    walked: list[tuple[int, int, Edge]] = []
    at = next(iter(into))
    seen: list[int] = []
    while at not in seen:
        seen.append(at)
        walked.append(into[at])
        at = into[at][0]
    return list(reversed(walked[seen.index(at) :]))
