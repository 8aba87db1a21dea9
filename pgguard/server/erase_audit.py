"""The audit store's part in an erasure: whose entries they are, and a note of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis.erasure_rows import Rows
from pgguard.analysis.erasure_shape import Shape
from pgguard.model.quote import ident
from pgguard.server.erase_read import asked, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from pgguard.model.erasure import Erasure

    Connection = psycopg.Connection[tuple[Any, ...]]


def subjects(connection: Connection, erasure: Erasure, person: str) -> tuple[str, ...]:
    """By which texts the store's entries name a person: the key, and what the audited tables have in its
    place.

    They have to be asked for before the rows are gone. Empty where there is no store.
    """
    ((installed, known),) = rows(connection, "has_audit")
    if not installed:
        return ()
    found = {person}
    shape = Shape(erasure.catalog)
    columns = dict(rows(connection, "audited")) if known else {}
    for work in erasure.works:
        for oid in shape.whole(work.table):
            subject = columns.get(oid)
            if subject not in shape.columns[oid]:
                continue
            made = Rows(shape, erasure, live=False, person=person)
            text = (  # names are quoted and values are parameters in all that Rows writes
                f"SELECT DISTINCT t.{ident(subject)}::pg_catalog.text FROM {shape.tables[oid].sql} AS t "  # noqa: S608
                f"WHERE {made.due(work, 't')}"
            )
            found |= {str(one) for (one,) in asked(connection, text, made.values) if one is not None}
    return tuple(sorted(found))


def note(connection: Connection, what: str, lines: Sequence[str]) -> bool:
    """Note a run in the store, where this login may; whether it was noted."""
    ((may,),) = rows(connection, "note")
    if may:
        rows(connection, "add_note", what, list(lines))
    return bool(may)
