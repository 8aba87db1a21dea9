"""Pictures of paths: layers, quoting, and the same picture every time."""

from __future__ import annotations

from xml.etree import ElementTree

from pgguard.report.picture import Edge, Graph, Node, dot, svg

_SVG = "{http://www.w3.org/2000/svg}"


def _graph(*edges: tuple[str, str]) -> Graph:
    names = dict.fromkeys(name for edge in edges for name in edge)
    nodes = {name: Node(name, (name,), "role") for name in names}
    return Graph("Who", nodes, [Edge(source, target, "leads to") for source, target in edges])


def _columns(graph: Graph) -> dict[str, float]:
    """The left edge of each box, by its text."""
    root = ElementTree.fromstring(svg(graph))  # noqa: S314 - our own picture
    texts = [one for one in root.iter(f"{_SVG}text") if one.text in graph.nodes]
    return {str(one.text): float(one.attrib["x"]) for one in texts}


def test_every_box_stands_left_of_what_it_leads_to() -> None:
    edges = (("a", "b"), ("b", "c"), ("a", "c"), ("d", "c"), ("e", "a"))
    columns = _columns(_graph(*edges))
    assert all(columns[source] < columns[target] for source, target in edges)


def test_a_circle_and_a_long_chain_are_drawn() -> None:
    assert set(_columns(_graph(("a", "b"), ("b", "a")))) == {"a", "b"}
    chain = [(f"n{number}", f"n{number + 1}") for number in range(1500)]
    assert len(_columns(_graph(*chain))) == 1501


def test_names_cannot_break_out() -> None:
    name = 'x"; </text><script>\n\\ & \u202e'
    graph = _graph((name, "target"))
    ElementTree.fromstring(svg(graph))  # noqa: S314 - our own picture
    assert "<script>" not in svg(graph)
    lines = dot(graph).splitlines()
    assert all(line.count('"') - line.count('\\"') in (0, 2, 4, 6) for line in lines)
    assert "\u202e" not in svg(graph) + dot(graph)


def test_the_same_graph_gives_the_same_picture() -> None:
    edges = [("a", "z"), ("b", "z"), ("c", "y"), ("y", "z"), ("b", "y")]
    assert svg(_graph(*edges)) == svg(_graph(*edges))
