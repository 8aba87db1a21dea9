"""The cheapest cut: the fewest changes that leave no login a path.

Exact by the implicit hitting set: take the cheapest path of every login, find the cheapest set of
changes that breaks all paths seen so far, look for paths that are left, until there is none. The set
is then the cheapest for all paths, since no cheaper one breaks even those that were seen. Where the
search for the set gets too long it ends with the best found: small, if not proved the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.escalation.graph import EVERYBODY, login
from pgguard.analysis.escalation.hitting import cheapest_hitting_set
from pgguard.analysis.escalation.paths import graph, path_from, reach

if TYPE_CHECKING:
    from collections.abc import Collection

    from pgguard.analysis.escalation.graph import Cut, Edge, EdgeKind, Graph, Node
    from pgguard.analysis.escalation.paths import Next, Path
    from pgguard.model.snapshot import Snapshot

# an owner who loses an object feels it more than a grantee who loses a grant
_HEAVY: frozenset[EdgeKind] = frozenset(
    {"ownership", "trigger", "expression", "event-trigger", "definer-call"}
)
_ROUNDS = 50


class Cutting(NamedTuple):
    """Changes that go together, the step that they take away, and the logins that they cut off.

    `own` are the logins of which they cut more than what everybody may do; `everybody`: they cut that.
    """

    changes: Cut
    step: Edge
    logins: tuple[str, ...]
    own: tuple[str, ...]
    everybody: bool


def cheapest_cut(
    snapshot: Snapshot, takers: Collection[str], readers: Collection[str]
) -> tuple[Cutting, ...]:
    """The cheapest changes after which none of `takers` can become superuser, nor `readers` see everything.

    Raises `Unread` as `paths.graph` does.
    """
    return cut_of(graph(snapshot), takers, readers)


def cut_of(whole: Graph, takers: Collection[str], readers: Collection[str]) -> tuple[Cutting, ...]:
    """The cheapest cut of a graph."""
    names = frozenset(takers) | frozenset(readers)
    steps: dict[Cut, Edge] = {}
    rows: dict[frozenset[Cut], None] = {}
    nearness: dict[Cut, int] = {}
    chosen: frozenset[Cut] = frozenset()
    for _ in range(_ROUNDS):
        found = _open_paths(whole, names, frozenset(readers), chosen)
        before = len(rows)
        for path in found:
            cuttable = [step for step in path.steps if step.cut]
            for distance, step in enumerate(reversed(cuttable)):
                steps.setdefault(step.cut, step)
                nearness[step.cut] = min(distance, nearness.get(step.cut, distance))
            if cuttable:
                rows.setdefault(frozenset(step.cut for step in cuttable))
        if len(rows) == before:
            break
        costs = {cut: _cost(step) for cut, step in steps.items()}
        order = sorted(steps, key=lambda cut: (nearness[cut], [change.sql for change in cut]))
        chosen = cheapest_hitting_set(list(rows), costs, order)
    else:
        # paths are still found: break each of them, wherever it is cheapest
        while found := [
            path for path in _open_paths(whole, names, frozenset(readers), chosen) if _cuts(path)
        ]:
            for path in found:
                step = _cuts(path)[-1]
                steps.setdefault(step.cut, step)
                chosen |= {step.cut}
    own: dict[Cut, set[str]] = {cut: set() for cut in chosen}
    public: dict[Cut, set[str]] = {cut: set() for cut in chosen}
    for name, following in reach(whole, names):
        for cut in _met(whole, name, login(name), following, chosen):
            own[cut].add(name)
        for cut in _met(whole, name, EVERYBODY, following, chosen):
            public[cut].add(name)
    return tuple(
        Cutting(cut, steps[cut], tuple(sorted(logins)), tuple(sorted(own[cut])), bool(public[cut]))
        for cut, logins in sorted(
            ((cut, own[cut] | public[cut]) for cut in chosen),
            key=lambda one: (-len(one[1]), [change.sql for change in one[0]]),
        )
    )


def _open_paths(
    whole: Graph, names: frozenset[str], readers: frozenset[str], chosen: frozenset[Cut]
) -> list[Path]:
    found = []
    for name, following in reach(whole, names, chosen):
        path = path_from(login(name), name, following)
        if path is not None and (path.takes_over or name in readers):
            found.append(path)
    return found


def _cuts(path: Path) -> list[Edge]:
    return [step for step in path.steps if step.cut]


def _cost(step: Edge) -> int:
    if step.kind in ("definer-injection", "definer-roles"):
        # a body to be written anew by hand
        return 5
    return len(step.cut) * (2 if step.kind in _HEAVY else 1)


def _met(whole: Graph, name: str, start: Node, following: Next, chosen: frozenset[Cut]) -> set[Cut]:
    """The chosen cuts that a login meets first on its ways from a node to the end, PUBLIC's ways aside."""
    found: set[Cut] = set()
    seen = {start}
    stack = [start]
    while stack:
        for edge in whole.out.get(stack.pop(), ()):
            if edge.target == EVERYBODY or (edge.target not in following and edge.target.state != "power"):
                continue
            if edge.gate is not None and name not in whole.gates[edge.gate]:
                continue
            if edge.cut in chosen:
                found.add(edge.cut)
            elif edge.target not in seen:
                seen.add(edge.target)
                stack.append(edge.target)
    return found
