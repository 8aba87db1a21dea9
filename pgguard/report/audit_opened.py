"""Sealed values that the auditor opened, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.store.unsealing import Opened


def lines(opened: Iterable[Opened]) -> Iterator[str]:
    """One line a column that was sealed: when, what, which row, the value before and after."""
    for one in opened:
        told = one.problem or f"{one.column}: {_shown(one.before)} -> {_shown(one.after)}"
        yield visible(f"{one.at}  {one.action} {one.relation} row {one.key}  {told}") + "\n"


def _shown(value: str | None) -> str:
    return "NULL" if value is None else repr(value)
