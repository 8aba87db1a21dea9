"""What a run over many clusters has to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pgguard.model.finding import Severity
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Protocol

    class Looked(Protocol):
        """What a target came to."""

        @property
        def name(self) -> str: ...
        @property
        def exit_code(self) -> int: ...
        @property
        def text(self) -> str: ...
        @property
        def open(self) -> Mapping[Severity, int]: ...
        @property
        def failure(self) -> str: ...
        @property
        def problem(self) -> str: ...


def render(looked: Sequence[Looked]) -> str:
    """What changed of each target, and a line for all of them; nothing when nothing changed anywhere."""
    return "\n".join(_lines(looked)) + "\n" if any(_has_news(one) for one in looked) else ""


def render_json(looked: Sequence[Looked]) -> str:
    """Every target with its exit code, the findings that are open, and what could not be done."""
    rows = [
        {
            "target": one.name,
            "exit_code": one.exit_code,
            "open": {severity.label: one.open.get(severity, 0) for severity in reversed(Severity)},
            "failure": one.failure or None,
            "problem": one.problem or None,
        }
        for one in sorted(looked, key=lambda each: each.name)
    ]
    return json.dumps({"targets": rows}, indent=1, ensure_ascii=False) + "\n"


def _lines(looked: Sequence[Looked]) -> Iterator[str]:
    for one in sorted(looked, key=lambda each: each.name):
        if not _has_news(one):
            continue
        yield f"== {visible(one.name)}"
        for said in (one.failure, one.problem):
            if said:
                yield f"   {visible(said)}"
        if one.text:
            yield one.text.rstrip()
        yield ""
    failed = sum(1 for one in looked if one.failure)
    news = sum(1 for one in looked if _has_news(one))
    total = {severity: sum(one.open.get(severity, 0) for one in looked) for severity in reversed(Severity)}
    counts = ", ".join(f"{number} {severity.label}" for severity, number in total.items())
    yield (
        f"{plural(len(looked), 'server')}: {news} with news, {failed} could not be looked at; open: {counts}"
    )


def _has_news(one: Looked) -> bool:
    return bool(one.text or one.failure or one.problem)
