"""The cheapest hitting set: the cheapest elements such that every row holds at least one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Element = TypeVar("Element")
# branches looked at for one group of rows that hang together; beyond, the best found stands
_TRIES = 20_000


def cheapest_hitting_set(
    rows: Sequence[frozenset[Element]], costs: Mapping[Element, int], order: Sequence[Element]
) -> frozenset[Element]:
    """The cheapest set of elements that meets every row; of equally cheap ones the first by `order`."""
    rank = {element: place for place, element in enumerate(order)}
    found: set[Element] = set()
    for group in _groups(_minimal(rows)):
        found |= _Search(group, costs, rank).best
    return frozenset(found)


def _minimal(rows: Iterable[frozenset[Element]]) -> list[frozenset[Element]]:
    """The rows without those that another one is part of: what meets the part meets them too."""
    kept: list[frozenset[Element]] = []
    by_element: dict[Element, list[frozenset[Element]]] = {}
    for row in sorted(set(rows), key=len):
        if not any(other <= row for element in row for other in by_element.get(element, ())):
            kept.append(row)
            for element in row:
                by_element.setdefault(element, []).append(row)
    return kept


def _groups(rows: Sequence[frozenset[Element]]) -> list[list[frozenset[Element]]]:
    """The rows in groups that share no element."""
    by_element: dict[Element, list[int]] = {}
    for place, row in enumerate(rows):
        for element in row:
            by_element.setdefault(element, []).append(place)
    groups = []
    seen: set[int] = set()
    for place in range(len(rows)):
        if place in seen:
            continue
        seen.add(place)
        stack, group = [place], []
        while stack:
            here = stack.pop()
            group.append(rows[here])
            for element in rows[here]:
                # each element's rows are walked once
                for other in by_element.pop(element, ()):
                    if other not in seen:
                        seen.add(other)
                        stack.append(other)
        groups.append(group)
    return groups


class _Search(Generic[Element]):
    """Branch and bound over one group of rows; `best` is the answer."""

    def __init__(
        self,
        rows: list[frozenset[Element]],
        costs: Mapping[Element, int],
        rank: Mapping[Element, int],
    ) -> None:
        self.costs = costs
        self.rank = rank
        self.tries = 0
        self.best = self._greedy(rows)
        self.best_cost = sum(costs[element] for element in self.best)
        self._branch(rows, frozenset(), 0)

    def _greedy(self, rows: list[frozenset[Element]]) -> frozenset[Element]:
        chosen: set[Element] = set()
        left = rows
        while left:
            counts: dict[Element, int] = {}
            for row in left:
                for element in row:
                    counts[element] = counts.get(element, 0) + 1
            best = min(counts, key=lambda one: (self.costs[one] / counts[one], self.rank[one]))
            chosen.add(best)
            left = [row for row in left if best not in row]
        return frozenset(chosen)

    def _branch(self, left: list[frozenset[Element]], chosen: frozenset[Element], cost: int) -> None:
        self.tries += 1
        if not left:
            if cost < self.best_cost:
                self.best, self.best_cost = chosen, cost
            return
        if self.tries > _TRIES or cost + self._bound(left) >= self.best_cost:
            return
        row = min(left, key=len)
        for element in sorted(row, key=lambda one: (self.costs[one], self.rank[one])):
            self._branch(
                [other for other in left if element not in other],
                chosen | {element},
                cost + self.costs[element],
            )

    def _bound(self, left: list[frozenset[Element]]) -> int:
        """At least so much more: rows that share nothing need an element each."""
        used: set[Element] = set()
        bound = 0
        for row in left:
            if used.isdisjoint(row):
                used |= row
                bound += min(self.costs[element] for element in row)
        return bound
