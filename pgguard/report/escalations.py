"""Who can become superuser: the paths step by step and the cheapest cut, for a terminal and for programs."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from pgguard.model.quote import grantee, ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.analysis.escalation.answer import Answer
    from pgguard.analysis.escalation.cut import Cutting
    from pgguard.analysis.escalation.graph import Edge, Node
    from pgguard.analysis.escalation.paths import Path

_NAMES = 8
_ROLES = frozenset({"login", "session", "code", "rights"})


def render_json(answer: Answer, *, everybody: bool = False) -> str:
    """The answer as JSON; with `everybody` the paths of declared accounts too."""
    shown = [*answer.undeclared, *(answer.declared if everybody else ())]
    declared = set(answer.declared)
    document: dict[str, object] = {
        "escalations": [_path(path, declared=path in declared) for path in sorted(shown)],
        "cut": [_cutting(cutting) for cutting in answer.cut],
    }
    if answer.unknown:
        document["unknown"] = list(answer.unknown)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_terminal(answer: Answer, *, everybody: bool = False, width: int | None = None) -> str:
    """The answer for people: a path is told once for all logins that share it."""
    taking = [path for path in answer.undeclared if path.takes_over]
    reading = [path for path in answer.undeclared if not path.takes_over]
    lines: list[str] = []
    if not answer.undeclared:
        lines += ["No login can make itself superuser, or see everything, but those that may.", ""]
    if taking:
        lines += _section(f"{plural(len(taking), 'login')} can become superuser", taking, width)
    if reading:
        heading = f"{plural(len(reading), 'login')} can see everything, past all grants"
        lines += _section(heading, reading, width)
    if everybody and answer.declared:
        heading = f"{plural(len(answer.declared), 'declared account')}, for which the policy answers"
        lines += _section(heading, answer.declared, width)
    if answer.cut:
        lines += _cut(answer.cut, width)
    if answer.unknown:
        lines.append("Not known")
        for text in answer.unknown:
            lines += _wrapped(visible(text), width, "    ", "    ")
    return "\n".join(lines).rstrip() + "\n"


def _section(heading: str, paths: Sequence[Path], width: int | None) -> list[str]:
    lines = [heading, ""]
    alike: dict[tuple[Edge, ...], list[str]] = {}
    for path in paths:
        alike.setdefault(path.steps, []).append(path.login)
    for steps, names in alike.items():
        lines.append(f"  {visible(_names(names))}")
        for number, step in enumerate(steps, 1):
            lines += _wrapped(visible(step.why), width, f"    {number}. ", "       ")
            if step.needs:
                lines += _wrapped(visible(f"it takes {step.needs}"), width, "       ", "       ")
        lines.append("")
    return lines


def _cut(cut: Sequence[Cutting], width: int | None) -> list[str]:
    changes = sum(len(cutting.changes) for cutting in cut)
    verb = "closes" if changes == 1 else "close"
    lines = [f"The cheapest cut: {plural(changes, 'change')} {verb} all of these paths", ""]
    for cutting in cut:
        for change in cutting.changes:
            # a statement is not wrapped: it is there to be copied
            where = f"  -- in database {ident(change.database)}" if change.database else ""
            lines.append(f"  {visible(change.sql + where)}")
        lines += _wrapped(visible(f"cuts off {_names(cutting.logins)}"), width, "      ", "      ")
    return [*lines, ""]


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(ident(name) for name in names[:_NAMES])
    return listed if len(names) <= _NAMES else f"{listed} and {len(names) - _NAMES} more"


def _wrapped(text: str, width: int | None, first: str, then: str) -> Iterable[str]:
    if width is None:
        return [first + text]
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=then)


def _path(path: Path, *, declared: bool) -> dict[str, object]:
    return {
        "login": path.login,
        "declared": declared,
        "superuser": path.takes_over,
        "gains": path.gains,
        "needs": list(path.needs),
        "steps": [_step(step) for step in path.steps],
    }


def _step(step: Edge) -> dict[str, object]:
    return {
        "kind": step.kind,
        "from": _node(step.source),
        "to": _node(step.target),
        "why": step.why,
        "needs": step.needs,
        "cut": [change.sql for change in step.cut],
    }


def _node(node: Node) -> str:
    return grantee(node.name) if node.state in _ROLES else node.name


def _cutting(cutting: Cutting) -> dict[str, object]:
    return {
        "changes": [
            {"sql": change.sql, "undo": change.undo, "database": change.database}
            for change in cutting.changes
        ],
        "logins": list(cutting.logins),
    }
