"""What the catalog watch saw, a line for each difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.difference import Difference


def render(differences: Iterable[Difference]) -> str:
    """The lines, each with its end; nothing for nothing."""
    return "".join(f"{one.at} {visible(_told(one))}\n" for one in differences)


def _told(one: Difference) -> str:
    if one.before is None:
        return f"{one.object}: {one.after}" if one.after else one.object
    return f"{one.object}: {one.before} -> {one.after}" if one.after else f"{one.object}: gone ({one.before})"
