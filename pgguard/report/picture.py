"""Pictures of paths: a graph in layers, as DOT for other programs or as SVG of our own.

Nodes stand in columns, each left of what it leads to; the order inside a column follows the
neighbours, so that few edges cross. The same graph always gives the same picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LETTER = 6.7
_LINE = 16
_PADDING = 10
_GAP = 18
_MARGIN = 24
_ROUNDS = 4
_COLORS = {"login": "#dbeafe", "role": "#fef9c3", "object": "#dcfce7", "target": "#fecaca"}


class Node(NamedTuple):
    """A box: its lines of text, and its kind (login, role, object, target), which is its colour."""

    name: str
    lines: tuple[str, ...]
    kind: str


class Edge(NamedTuple):
    """An arrow between two nodes, by their names."""

    source: str
    target: str
    label: str


class Graph(NamedTuple):
    """What is drawn, in the order in which it was found."""

    title: str
    nodes: Mapping[str, Node]
    edges: Sequence[Edge]


class _Box(NamedTuple):
    node: Node
    x: float
    y: float
    width: float
    height: float


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines = ["digraph pgguard {", "  rankdir=LR;", f"  label={_dot(graph.title)};"]
    lines.append('  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];')
    lines.append('  edge [fontname="sans-serif", fontsize=9];')
    for node in graph.nodes.values():
        label = _dot("\n".join(node.lines))
        lines.append(f"  {_dot(node.name)} [label={label}, fillcolor={_dot(_COLORS[node.kind])}];")
    for edge in graph.edges:
        lines.append(f"  {_dot(edge.source)} -> {_dot(edge.target)} [label={_dot(edge.label)}];")
    return "\n".join([*lines, "}"]) + "\n"


def svg(graph: Graph) -> str:
    """The graph as a picture that a browser shows."""
    boxes, width, height = _layout(graph)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">',
        f"<title>{_xml(graph.title)}</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#475569"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
        f'<text x="{_MARGIN}" y="{_MARGIN}" font-weight="bold">{_xml(graph.title)}</text>',
    ]
    for edge in graph.edges:
        lines += _arrow(boxes[edge.source], boxes[edge.target], edge.label)
    for box in boxes.values():
        lines += _drawn(box)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(source: _Box, target: _Box, label: str) -> list[str]:
    x1, y1 = source.x + source.width, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    bend = max((x2 - x1) / 2, 20)
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 4
    return [
        f'<path d="{path}" fill="none" stroke="#475569" marker-end="url(#arrow)"/>',
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="10" fill="#334155" '
        f'stroke="white" stroke-width="3" paint-order="stroke">{_xml(label)}</text>',
    ]


def _drawn(box: _Box) -> list[str]:
    lines = [
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5" '
        f'fill="{_COLORS[box.node.kind]}" stroke="#475569"/>'
    ]
    for number, text in enumerate(box.node.lines, 1):
        y = box.y + _PADDING + number * _LINE - 4
        lines.append(f'<text x="{box.x + _PADDING:.1f}" y="{y:.1f}">{_xml(text)}</text>')
    return lines


def _layout(graph: Graph) -> tuple[dict[str, _Box], float, float]:
    layers = _ordered(graph, _layers(graph))
    labels = _label_widths(graph, layers)
    boxes: dict[str, _Box] = {}
    heights = [sum(_height(graph.nodes[name]) + _GAP for name in layer) - _GAP for layer in layers]
    tallest = max(heights, default=0)
    x = float(_MARGIN)
    for number, layer in enumerate(layers):
        width = max(_width(graph.nodes[name]) for name in layer)
        y = 2 * _MARGIN + (tallest - heights[number]) / 2
        for name in layer:
            node = graph.nodes[name]
            boxes[name] = _Box(node, x, y, width, _height(node))
            y += _height(node) + _GAP
        x += width + labels[number]
    title = _MARGIN * 2 + len(graph.title) * _LETTER * 1.1
    return boxes, max(x - labels[-1] + _MARGIN if layers else 0, title), tallest + 3 * _MARGIN


def _layers(graph: Graph) -> list[list[str]]:
    """The nodes in columns: those that lead nowhere come last, every other left of all that it leads to."""
    following: dict[str, list[str]] = {}
    for edge in graph.edges:
        following.setdefault(edge.source, []).append(edge.target)
    distance: dict[str, int] = {}
    for start in graph.nodes:
        stack, entered = [start], set()
        while stack:
            name = stack[-1]
            entered.add(name)
            ahead = following.get(name, [])
            # an edge back to where we come from makes a circle, which no order of columns can show
            waiting = [one for one in ahead if one not in distance and one not in entered]
            if name not in distance and waiting:
                stack += waiting
                continue
            stack.pop()
            if name not in distance:
                distance[name] = 1 + max((distance[one] for one in ahead if one in distance), default=-1)
    found: list[list[str]] = [[] for _ in range(max(distance.values(), default=-1) + 1)]
    for name in graph.nodes:
        found[-1 - distance[name]].append(name)
    return found


def _ordered(graph: Graph, layers: list[list[str]]) -> list[list[str]]:
    near: dict[str, list[str]] = {}
    for edge in graph.edges:
        near.setdefault(edge.source, []).append(edge.target)
        near.setdefault(edge.target, []).append(edge.source)
    for _ in range(_ROUNDS):
        for layer in [*layers, *reversed(layers)]:
            place = {name: number for one in layers for number, name in enumerate(one)}
            places = {
                name: sum(place[other] for other in near[name]) / len(near[name]) if name in near else 0
                for name in layer
            }
            layer.sort(key=lambda name: (places[name], name))
    return layers


def _label_widths(graph: Graph, layers: list[list[str]]) -> list[float]:
    """How much room the labels between a column and the next ones need."""
    column = {name: number for number, layer in enumerate(layers) for name in layer}
    widths = [60.0] * len(layers)
    for edge in graph.edges:
        between = max(column[edge.target] - column[edge.source], 1)
        room = (len(edge.label) * _LETTER * 0.85 + 30) / between
        widths[column[edge.source]] = max(widths[column[edge.source]], room)
    return widths


def _width(node: Node) -> float:
    return max((len(visible(line)) for line in node.lines), default=0) * _LETTER + 2 * _PADDING


def _height(node: Node) -> float:
    return len(node.lines) * _LINE + 2 * _PADDING


def _dot(text: str) -> str:
    lines = (visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'


def _xml(text: str) -> str:
    return escape(visible(text))
