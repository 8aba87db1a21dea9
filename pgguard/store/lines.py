"""Rows as lines: a row is one JSON array, whether it comes from the server, from psql or from a file."""

from __future__ import annotations

import codecs
import contextlib
import gc
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ENCODER = msgspec.json.Encoder()


def decode(row: Any, lines: Sequence[bytes]) -> tuple[Any, ...]:
    """The rows of that type which the lines hold.

    Bytes that are not UTF-8 are read as Latin-1: they come from databases whose encoding is SQL_ASCII,
    which keep whatever was sent, and from names made in a database of another encoding.
    Raises `msgspec.ValidationError` for a line that does not fit the type, `msgspec.DecodeError` for
    what is not JSON.
    """
    whole = b"[" + b",".join(lines) + b"]"
    decoder = _decoder(row)
    with _collector_paused():
        try:
            return tuple(decoder.decode(whole))
        except UnicodeDecodeError:
            return tuple(decoder.decode(readable(whole).encode()))


def encode(rows: Iterable[Any]) -> list[bytes]:
    """One line for each row."""
    return [_ENCODER.encode(row) for row in rows]


def readable(text: bytes) -> str:
    """The text, with bytes that are not UTF-8 read as Latin-1."""
    return text.decode("utf-8", "pgguard-latin-1")


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    # rows hold no cycles: looking for some while 200,000 are made takes longer than making them
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def _decoder(row: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[row])


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - it is registered for decoding only
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("pgguard-latin-1", _latin_1)
