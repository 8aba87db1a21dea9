"""A mandate's plan for people: scope, columns to look at, side doors, and what keeps it closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.plan import Section


def render(sections: Sequence[Section]) -> str:
    """The sections as text: each row a line, its cells by their names where there are several."""
    return "\n".join(_lines(sections)) + "\n"


def _lines(sections: Sequence[Section]) -> Iterator[str]:
    for number, section in enumerate(sections):
        if number:
            yield ""
        yield section.title
        yield f"  {visible(section.text)}"
        for row in section.rows:
            first, *rest = row
            yield f"  - {visible(first)}"
            for name, cell in zip(section.columns[1:], rest, strict=True):
                if cell:
                    yield f"      {name}: {visible(cell)}"
