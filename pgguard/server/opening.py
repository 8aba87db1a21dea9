"""Whether what pgcrypto's encrypt() made opens with an empty key: tried on the server, on a few values.

encrypt() takes an empty key, as a setting that is not there gives one, for one of zeros; pgp_sym_encrypt()
refuses it. Only pgcrypto's own decrypt() is called, with AES, and only whether it gave something comes back.
Each try is a statement of its own, because a wrong key is an error: the first one ends the tries, and leaves
a line in the server's log ("Decryption failed") that holds no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import psycopg

from pgguard.model.quote import ident
from pgguard.server.queries import variants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.model.rows import ColumnSample

# of random blocks one in 256 seems to open: four of them are no chance
_TRIES = 4
_BLOCK = 16


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
    call = f"{schemas[0].decode()}.decrypt(m.v, ''::pg_catalog.bytea, 'aes'::pg_catalog.text)"
    return tuple(
        one._replace(matches=(*one.matches, ("blank_key", one.filled)))
        if _is_blocks(one) and _opens(lines, seconds, call, source, f"s.{ident(names[one.number])}")
        else one
        for one in counted
    )


def _is_blocks(one: ColumnSample) -> bool:
    found = dict(one.matches)
    told = any(found.get(name) for name in ("pgp_message", "ciphertext", "clear_file", "readable_bytes"))
    return not one.path and one.filled >= _TRIES and found.get("blocks") == one.filled and not told


def _opens(lines: Lines, seconds: float, call: str, source: str, column: str) -> bool:
    for number in range(_TRIES):
        value = (
            f"SELECT {column} AS v FROM {source} AS s "  # noqa: S608
            f"WHERE pg_catalog.octet_length({column}) > 0 "
            f"AND pg_catalog.octet_length({column}) % {_BLOCK} = 0 OFFSET {number} LIMIT 1"
        )
        try:
            if not lines(f"SELECT 1 FROM ({value}) AS m WHERE {call} IS NOT NULL", seconds):  # noqa: S608
                return False
        except psycopg.Error:
            return False
    return True
