"""The cheapest cut against trying every set of changes, on small graphs; the hitting set by itself too."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from pgguard.analysis.escalation.cut import _cost, cut_of
from pgguard.analysis.escalation.graph import (
    COPY,
    EVERYBODY,
    SUPERUSER,
    Edge,
    EdgeKind,
    Graph,
    Node,
    login,
    made_of,
    rights,
)
from pgguard.analysis.escalation.hitting import cheapest_hitting_set
from pgguard.analysis.escalation.paths import path_from, reach
from pgguard.model.finding import Change

LOGINS = ("ann", "bob")
INNER = tuple(rights(name) for name in "pqrst")
CUTS = tuple((Change(f"REVOKE {name};", "", "none"),) for name in "abcdef")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs where one change may take several edges away, as one REVOKE does."""
    starts: list[Node] = [*map(login, LOGINS), EVERYBODY, *INNER]
    edges = [Edge("implied", login(name), EVERYBODY) for name in LOGINS]
    step = st.tuples(
        st.sampled_from(starts), st.sampled_from([*INNER, SUPERUSER, COPY]), st.sampled_from(CUTS)
    )
    for source, target, cut in draw(st.lists(step, max_size=12)):
        if source != target:
            # the first two are dearer
            kind: EdgeKind = "trigger" if cut in CUTS[:2] else "membership"
            edges.append(Edge(kind, source, target, "may", "", cut))
    return made_of(edges, {})


@given(graphs())
@settings(max_examples=400, deadline=None)
def test_no_cheaper_set_of_changes_closes_all_paths(whole: Graph) -> None:
    costs = {edge.cut: _cost(edge) for edges in whole.out.values() for edge in edges if edge.cut}
    chosen = frozenset(cutting.changes for cutting in cut_of(whole, LOGINS, ["ann"]))
    assert closes(whole, chosen)
    paid = sum(costs[cut] for cut in chosen)
    for size in range(len(costs) + 1):
        for other in combinations(costs, size):
            if sum(costs[cut] for cut in other) < paid:
                assert not closes(whole, frozenset(other))


def closes(whole: Graph, cuts: frozenset[tuple[Change, ...]]) -> bool:
    for name, following in reach(whole, LOGINS, cuts):
        path = path_from(login(name), name, following)
        if path is not None and (path.takes_over or name == "ann"):
            return False
    return True


@given(
    st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=9),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
)
@settings(max_examples=400, deadline=None)
def test_the_hitting_set_is_the_cheapest(rows: list[frozenset[str]], prices: list[int]) -> None:
    costs = dict(zip("abcdefgh", prices, strict=True))
    found = cheapest_hitting_set(rows, costs, "abcdefgh")
    assert all(found & row for row in rows)
    paid = sum(costs[one] for one in found)
    for size in range(9):
        for other in combinations("abcdefgh", size):
            if sum(costs[one] for one in other) < paid:
                assert not all(row.intersection(other) for row in rows)
