"""The SQL of the search: sql/residue/NAME.sql."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[str, ...]]


def sql(name: str) -> bytes:
    """A file of sql/residue, without the semicolon at its end."""
    text = resources.files("pgguard").joinpath(f"sql/residue/{name}.sql").read_bytes()
    return text.strip().removesuffix(b";")


def rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    """What a file of sql/residue returns; its parameters are $1, $2 and so on."""
    return psycopg.RawCursor(connection).execute(sql(name), values or None).fetchall()
