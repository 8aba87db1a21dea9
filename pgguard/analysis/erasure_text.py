"""Pieces of the conditions of an erasure: names are quoted here, and values never stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.expression import tokens
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from pgguard.model.erasure import Edge, Table

NEVER = "false"


def match(edge: Edge, child: str, parent: str) -> str:
    """That a row of the child references a row of the parent."""
    return " AND ".join(
        f"{parent}.{ident(p)} {op} {child}.{ident(c)}"
        for c, p, op in zip(edge.columns, edge.parent_columns, edge.operators, strict=True)
    )


def keyed(keys: tuple[str, ...], row: str, own: str, edge: Edge) -> str:
    """That a row has the key k0, k1 ... of another."""
    # a key compares with itself as its foreign key does, for both are of one type where a table
    # references itself
    by_column = dict(zip(edge.parent_columns, edge.operators, strict=True))
    return " AND ".join(f"{row}.{ident(one)} {by_column[one]} {own}.k{n}" for n, one in enumerate(keys))


def rows_of(table: Table) -> str:
    """The table as foreign keys see it."""
    # foreign keys do not hold for tables that inherit
    return table.sql if table.kind == "p" else f"ONLY {table.sql}"


def either(conditions: list[str]) -> str:
    """One of them; NEVER for none."""
    found = [one for one in conditions if one != NEVER]
    if "true" in found:
        return "true"
    return " OR ".join(found) or NEVER


def moved(condition: str, by: int, count: int) -> str:
    """The condition with its parameters numbered from `by` on."""
    text = condition.encode()
    parts, at = [], 0
    for token in tokens(condition):
        if token.kind == "PARAM" and int(token.written[1:]) <= count:
            parts.append(f"{text[at : token.start].decode()}${int(token.written[1:]) + by}")
            at = token.end
    return "".join([*parts, text[at:].decode()])
