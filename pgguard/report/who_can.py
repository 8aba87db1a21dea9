"""Who can do something with an object: the answer for a terminal, for programs and as a picture."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from pgguard.model.quote import ident
from pgguard.report.picture import Edge, Graph, Node, dot, svg
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.who_can import Answer, Reach

_NAMES_IN_A_BOX = 8
_NAME_COLUMN = 24


def render_json(answer: Answer) -> str:
    """The answer as JSON; `unknown` is there when something could not be known."""
    document: dict[str, object] = {
        "privilege": answer.privilege.lower(),
        "object": answer.target.thing.name,
        "logins": [_entry(reach) for reach in answer.logins],
        "by_set_role": [_entry(reach) for reach in answer.by_set_role],
        "by_view_or_function": [_entry(reach) for reach in answer.by_view_or_function],
    }
    if answer.unknown:
        document["unknown"] = list(answer.unknown)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_terminal(answer: Answer, *, width: int | None = None) -> str:
    """The answer for people: a line or two for each login."""
    lines = [_title(answer), ""]
    lines += _section(
        f"{plural(len(answer.logins), 'login')} to whom the server says yes", answer.logins, width
    )
    if answer.by_set_role:
        count = plural(len(answer.by_set_role), "more login")
        lines += _section(f"{count} after SET ROLE", answer.by_set_role, width)
    if answer.by_view_or_function:
        count = plural(len(answer.by_view_or_function), "login")
        lines += _section(
            f"{count} through views, functions or other tables", answer.by_view_or_function, width
        )
    if answer.unknown:
        lines.append("Not known")
        for text in answer.unknown:
            lines += _wrapped(visible(text), width, "    ", "    ")
    return "\n".join(lines).rstrip() + "\n"


def render_dot(answer: Answer) -> str:
    """The paths in the language of Graphviz."""
    return dot(graph(answer))


def render_svg(answer: Answer) -> str:
    """The paths as a picture."""
    return svg(graph(answer))


def graph(answer: Answer) -> Graph:
    """The paths as a graph. Logins that go the same way stand in one box."""
    thing = answer.target.thing
    nodes: dict[str, Node] = {}
    edges: dict[Edge, None] = {}
    groups: dict[object, list[Reach]] = {}
    for reach in (*answer.logins, *answer.by_set_role, *answer.by_view_or_function):
        first = reach.path[0]
        own = first.source == ident(reach.role)
        way = (first.verb, first.target, reach.path[1:]) if own else reach.path
        groups.setdefault((reach.rows_limited, bool(reach.obstacles), way), []).append(reach)
    for group in groups.values():
        box = _box(group)
        nodes[box.name] = box
        path = group[0].path
        if path[0].source == ident(group[0].role):
            edges[Edge(box.name, path[0].target, path[0].verb)] = None
            path = path[1:]
        else:
            edges[Edge(box.name, path[0].source, "as everybody")] = None
        for step in path:
            edges[Edge(step.source, step.target, step.verb)] = None
    ends = {edge.target for edge in edges}
    if thing.name != thing.whole and thing.whole in ends:
        edges[Edge(thing.whole, thing.name, "includes")] = None
    roles = {ident(name) for name in answer.roles} | {"PUBLIC"}
    for edge in edges:
        for name in (edge.source, edge.target):
            kind = "role" if name in roles else "target" if name in (thing.name, thing.whole) else "object"
            nodes.setdefault(name, Node(name, (name,), kind))
    return Graph(_title(answer), nodes, list(edges))


def _box(group: list[Reach]) -> Node:
    names = [ident(reach.role) for reach in group]
    lines = names[:_NAMES_IN_A_BOX]
    if len(names) > _NAMES_IN_A_BOX:
        lines.append(f"and {len(names) - _NAMES_IN_A_BOX} more")
    if group[0].rows_limited:
        lines.append("(some rows)")
    if group[0].obstacles:
        lines.append("(no USAGE or CONNECT)")
    # a login may stand in several boxes, and a role of its name in one more
    return Node(f"login {names[0]} {group[0].path[0].target} {len(names)}", tuple(lines), "login")


def _title(answer: Answer) -> str:
    where = f" (database {ident(answer.target.database.name)})" if answer.target.database else ""
    return visible(f"Who has {answer.privilege} on {answer.target.thing.name}{where}")


def _entry(reach: Reach) -> dict[str, object]:
    return {"role": reach.role, "rows_limited": reach.rows_limited, "path": list(_path(reach))}


def _path(reach: Reach) -> Iterator[str]:
    yield from map(str, reach.path)
    yield from reach.obstacles


def _section(heading: str, reached: Iterable[Reach], width: int | None) -> list[str]:
    lines = [heading]
    for reach in reached:
        name = visible(ident(reach.role))
        rows = "some rows: " if reach.rows_limited else ""
        start = f"    {name:<{_NAME_COLUMN}}  "
        lines += _wrapped(visible(rows + "; ".join(_path(reach))), width, start, " " * (_NAME_COLUMN + 6))
    return [*lines, ""]


def _wrapped(text: str, width: int | None, first: str, then: str) -> list[str]:
    if width is None:
        return [first + text]
    return textwrap.wrap(
        text, max(width, _NAME_COLUMN + 30), initial_indent=first, subsequent_indent=then
    ) or [first]
