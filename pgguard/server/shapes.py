"""Tables as the catalog describes them now, for a plan that encrypts their columns."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import psycopg

from pgguard.errors import InputError
from pgguard.model.encryption import TableShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.server.connect import Target


def read_shapes(target: Target, database: str, tables: Sequence[str]) -> tuple[TableShape, ...]:
    """The shapes of tables of one database, named as SQL names them, in one read-only transaction.

    Raises `ConnectError`, `psycopg.Error`, and `InputError` with every table that is not there.
    """
    query = resources.files("pgguard").joinpath("sql", "encrypt", "shape.sql").read_bytes()
    found: list[TableShape] = []
    absent: list[str] = []
    with closing(target.connect(database)) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL search_path = ''")
        cursor = psycopg.RawCursor(connection)
        for name in tables:
            row = cursor.execute(_as_text(query), (name,)).fetchone()
            if row is None:
                absent.append(name)
            else:
                found.append(msgspec.json.decode(row[0], type=TableShape))
        connection.execute("ROLLBACK")
    if absent:
        msg = "\n".join(f"{name}: there is no such table in the database {database}" for name in absent)
        raise InputError(msg)
    return tuple(found)


def _as_text(query: bytes) -> bytes:
    # psycopg would decode jsonb itself
    return b"SELECT (q.shape)::text FROM (" + query.rstrip().removesuffix(b";") + b") AS q (shape)"
