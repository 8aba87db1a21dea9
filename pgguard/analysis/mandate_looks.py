"""Mandated columns that may hold more than was instructed: free texts, documents, images of whole rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.constant_text import family
from pgguard.analysis.expression import Unparsable, expression
from pgguard.analysis.sensitive import words
from pgguard.analysis.sqltree import walk
from pgguard.analysis.sqltree import words as dotted
from pgguard.model.category import NOT_SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.rows import Column
    from pgguard.model.snapshot import DatabaseSnapshot

_DOCUMENTS = {
    "json": "a JSON document may hold anything",
    "jsonb": "a JSON document may hold anything",
    "xml": "an XML document may hold anything",
    "hstore": "a list of keys and values may hold anything",
    "bytea": "binary data may be a scanned document",
    "oid": "it may name a large object",
    "lo": "it names a large object",
    "tsvector": "it holds the words of a text",
}
_LONG = 255
# what keeps the state of a row before it changed, in the words of several languages
_IMAGES = frozenset({
    "old", "before", "previous", "prev", "prior", "history", "historique", "historical", "ancien", "ancienne",
    "avant", "precedent", "alt", "alte", "vorher", "historie", "antes", "anterior", "historico", "audit",
    "snapshot", "row", "record", "payload", "raw", "backup", "archive", "diff", "changes", "changed",
})  # fmt: skip
_PLAIN = frozenset({"interval", "inet", "cidr", "macaddr", "macaddr8", "money", "name"})


def looked_at(
    database: DatabaseSnapshot, column: Column, category: str, chosen: Iterable[str], *, decided: bool
) -> str:
    """Why a column may hold more than its name says; empty when nothing speaks for it.

    `category` is what it is taken for, `decided` that the policy says so; `chosen` are the mandated columns.
    Raises `Unread` when the definitions could not be read.
    """
    plain = column.type.rpartition(".")[2]
    if column.type.endswith("[]"):
        return "an array may hold any number of values"
    if plain in _DOCUMENTS:
        return _DOCUMENTS[plain]
    if column.generated:
        return _generated(database, column, frozenset(chosen))
    if _IMAGES & set(words(column.name)) and _is_wide(column.type):
        return "by its name it may be the image of another row or an earlier value"
    if category == "free_text":
        return "it is a free text, in which anything may stand"
    if not decided and category in NOT_SENSITIVE and _is_wide(column.type):
        return "it is a text without a length, of which nothing says what stands in it"
    if not family(column.type) and not _is_known(database, column):
        return f"{column.type} is a type of its own, which may hold several values"
    return ""


def _is_wide(type_: str) -> bool:
    if type_ in ("text", "character varying"):
        return True
    length = type_.removeprefix("character varying(").removesuffix(")")
    return length.isdigit() and type_.startswith("character varying(") and int(length) > _LONG


def _is_known(database: DatabaseSnapshot, column: Column) -> bool:
    """Whether a type is an enumeration or one of PostgreSQL's with one value."""
    if column.type.partition("(")[0].partition(" ")[0] in _PLAIN:
        return True
    return any(
        one.relation == column.relation and one.number == column.number for one in database.column_labels
    )


def _generated(database: DatabaseSnapshot, column: Column, chosen: frozenset[str]) -> str:
    text = next(
        (
            one.text
            for one in database.definitions
            if one.kind == "default" and one.oid == column.relation and one.number == column.number
        ),
        "",
    )
    try:
        tree = expression(text)
    except Unparsable:
        return "it is made from other columns, and it is not known from which"
    made_from = {dotted(fields.get("fields"))[-1] for kind, fields in walk(tree) if kind == "ColumnRef"}
    outside = sorted(made_from - chosen)
    return f"it is made from {', '.join(outside)}, outside the mandate" if outside else ""
