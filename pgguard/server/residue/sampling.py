"""Values of the encrypted columns, opened with the session's key and spread over each table.

They are held in memory only. An error of the server may repeat a value, so that none of its messages is
passed on: only what the error is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import psycopg
from psycopg import sql as compose

from pgguard.model.quote import qualified
from pgguard.model.residue import Sought
from pgguard.plan.encryption.naming import function
from pgguard.server.residue.queries import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.server.residue.needles import Values

    Connection = psycopg.Connection[tuple[str, ...]]

_FEWEST_PAGES = 100
_PAGE = 8192
_REASONS = {
    "PGG01": "the session has no key for it: give the key-encryption key",
    "PGG02": "a stored value does not open: it was changed, or belongs to another row",
    "PGG03": "the key that a value was sealed with is not here",
    "42501": "permission denied",
    "57014": "it took too long",
    "55P03": "somebody holds a lock on it",
}
# what the server is asked for, by how the type is stored
_SENT = {
    "text": "pg_catalog.convert_to((o.v)::pg_catalog.text, {encoding})",
    "jsonb": "pg_catalog.convert_to((o.v)::pg_catalog.text, {encoding})",
    "array": "pg_catalog.convert_to(pg_catalog.to_json(o.v)::pg_catalog.text, {encoding})",
    "bytea": "o.v",
    "uuid": "pg_catalog.uuid_send(o.v)",
    "int8": "pg_catalog.int8send(o.v)",
    "timestamp": "pg_catalog.timestamp_send(o.v)",
    "timestamptz": "pg_catalog.timestamptz_send(o.v)",
    "numeric": "pg_catalog.numeric_send(o.v)",
}


class Column(NamedTuple):
    """An encrypted column by the name it had in clear, and the table that stores it; `old_type` is that of
    the column of the old name, 0 without one."""

    schema: str
    table: str
    name: str
    relation: int
    storage_schema: str
    storage: str
    stored: str
    old_type: int

    def __str__(self) -> str:
        """Its qualified name."""
        return qualified(self.schema, self.table, self.name)


class _Opener(NamedTuple):
    may_call: bool
    type: int
    keys: list[str]
    types: list[str]


class _Source(NamedTuple):
    """An expression over a row `s` that gives a value, the column that has to be filled for it, how it is
    stored in clear, and why it cannot be used."""

    value: compose.Composable
    filled: str
    form: str
    reason: str = ""


def columns(connection: Connection) -> list[Column]:
    """The encrypted columns of the connection's database. Raises `psycopg.Error`."""
    return [Column(*row) for row in rows(connection, "columns")]


def draw(
    connection: Connection, column: Column, most: int, size: int, encodings: tuple[str, str], into: Values
) -> Sought:
    """Draw values of one column of a table of so many bytes.

    `encodings` are the one that the server sends texts in and Python's name of the database's. Values that
    stand in a column of the old name are drawn as well: an encryption may not be finished.
    """
    if not column.storage:
        return Sought(str(column), 0, 0, 0, 0, "the table that stores it is not there")
    drawn = short = weak = 0
    reasons = []
    for source in _sources(connection, column):
        reason = source.reason
        if not reason and source.form.startswith("?"):
            kind = source.form[1:]
            reason = f"values of type {kind} are stored in a form too short or too common to look for"
        if reason:
            reasons.append(reason)
            continue
        try:
            for value in _drawn(connection, column, source, most, size, encodings[0]):
                counts = into.add(str(column), value, source.form, encodings[1])
                drawn, short, weak = drawn + sum(counts), short + counts[1], weak + counts[2]
        except psycopg.Error as error:
            reasons.append(_REASONS.get(error.sqlstate or "", f"the server refused it ({error.sqlstate})"))
    if not reasons and not drawn:
        reasons.append("there is no value in it to look for")
    return Sought(str(column), drawn, into.of(str(column)), short, weak, reasons[0] if reasons else "")


def _sources(connection: Connection, column: Column) -> Iterator[_Source]:
    old = _form(connection, column.old_type)
    none = compose.SQL("NULL")
    name = function("open", column.schema, column.table, column.name)
    openers = [_Opener(*row) for row in rows(connection, "opener", name, column.relation)]
    if not openers:
        yield _Source(none, "", "", f"there is no function {name} that opens it")
    for one in openers:
        # an enumeration is opened as text, and is not stored as such
        form = old if old.startswith("?") else _form(connection, one.type)
        if not one.may_call:
            yield _Source(none, "", form, f"permission denied for {name}")
        elif len(one.keys) != len(one.types):
            yield _Source(none, "", form, f"{name} does not take the primary key of the table")
        else:
            given = [compose.SQL("s.") + compose.Identifier(column.stored)]
            for key, kind in zip(one.keys, one.types, strict=True):
                # a type as format_type writes it
                given.append(compose.SQL("s.") + compose.Identifier(key) + _raw(f"::{kind}"))
            yield _Source(
                _raw(name) + compose.SQL("(") + compose.SQL(", ").join(given) + compose.SQL(")"),
                column.stored,
                form,
            )
    if old:
        yield _Source(compose.SQL("s.") + compose.Identifier(column.name), column.name, old)


def _raw(text: str) -> compose.SQL:
    # quoted already, by model/quote.py or by the server
    return compose.SQL(text.replace("{", "{{").replace("}", "}}"))


def _form(connection: Connection, type_: int) -> str:
    found = rows(connection, "form", type_) if type_ else []
    return str(found[0][0]) if found else ""


def _drawn(
    connection: Connection, column: Column, source: _Source, most: int, size: int, encoding: str
) -> list[bytes]:
    """At most so many different values, from pages all over the table."""
    pages = max(_FEWEST_PAGES, most)
    share = min(100.0, 100.0 * pages * _PAGE / max(1, size))
    sampled = compose.SQL("TABLESAMPLE SYSTEM ({})").format(compose.Literal(share))
    # those pages may be empty
    for how in (sampled, compose.SQL("")):
        text = compose.SQL(
            "SELECT DISTINCT {sent} FROM (SELECT {value} AS v FROM ("
            "SELECT * FROM {table} AS t {how} WHERE t.{filled} IS NOT NULL ORDER BY random() LIMIT {most}"
            ") AS s OFFSET 0) AS o WHERE o.v IS NOT NULL"
        ).format(
            sent=compose.SQL(_SENT[source.form]).format(encoding=compose.Literal(encoding)),
            value=source.value,
            table=compose.Identifier(column.storage_schema, column.storage),
            how=how,
            filled=compose.Identifier(source.filled),
            most=compose.Literal(most),
        )
        found = [cast("bytes", row[0]) for row in connection.execute(text, binary=True).fetchall()]
        if found:
            return found
    return []
