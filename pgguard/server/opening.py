"""Whether what pgcrypto's encrypt() made opens with an empty key: tried on the server, on a few values.

encrypt() takes an empty key, as a setting that is not there gives one, for one of zeros; pgp_sym_encrypt()
refuses it. Only pgcrypto's own decrypt() is called, with AES and without looking at the padding, which no key
makes an error of; whether the padding is right is counted on the server, and nothing else comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import psycopg

from pgguard.model.quote import ident
from pgguard.server.queries import variants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.model.rows import ColumnSample

# of random blocks one in 256 seems to be padded: four of them are no chance
_LEAST = 4
_TRIED = 8
_BLOCK = 16
_LONGEST = 100_000


class Lines(Protocol):
    """What asks the server, in a transaction of its own."""

    def __call__(self, text: str, seconds: float) -> list[bytes]:
        """The answer to a query."""


def try_blank(
    lines: Lines, seconds: float, source: str, names: Mapping[int, str], counted: Sequence[ColumnSample]
) -> tuple[ColumnSample, ...]:
    """The samples of one relation, `source`; those that an empty key opens match blank_key.

    Tried are columns whose values are all of whole blocks that nothing tells about. `names` are the columns'
    names by number. Nothing is tried where pgcrypto is not there or may not be called.
    """
    if not any(_is_blocks(one) for one in counted):
        return tuple(counted)
    (opener,) = variants("sample", "opener").values()
    try:
        schemas = lines(opener.decode().rstrip().rstrip(";"), seconds)
    except psycopg.Error:
        return tuple(counted)
    if not schemas:
        return tuple(counted)
    schema = schemas[0].decode()
    return tuple(
        one._replace(matches=(*one.matches, ("blank_key", one.filled)))
        if _is_blocks(one) and _opens(lines, seconds, schema, source, f"s.{ident(names[one.number])}")
        else one
        for one in counted
    )


def _is_blocks(one: ColumnSample) -> bool:
    found = dict(one.matches)
    told = any(found.get(name) for name in ("pgp_message", "ciphertext", "clear_file", "readable_bytes"))
    return not one.path and one.filled >= _LEAST and found.get("blocks") == one.filled and not told


def _opens(lines: Lines, seconds: float, schema: str, source: str, column: str) -> bool:
    values = (
        f"SELECT {schema}.decrypt({column}, ''::pg_catalog.bytea, 'aes-cbc/pad:none'::pg_catalog.text) AS d "  # noqa: S608
        f"FROM {source} AS s "
        f"WHERE pg_catalog.octet_length({column}) BETWEEN {_BLOCK} AND {_LONGEST} "
        f"AND pg_catalog.octet_length({column}) % {_BLOCK} = 0 LIMIT {_TRIED}"
    )
    (judged,) = variants("sample", "blank_key").values()
    try:
        return bool(lines(f"WITH opened (d) AS ({values})\n{judged.decode()}", seconds))
    except psycopg.Error:
        return False
