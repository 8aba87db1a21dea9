"""Values that PostgreSQL compressed: finding them in a page, whoever they belong to, and unpacking them.

A page is not read by its line pointers here, for what VACUUM freed has none. A value is known by its header
and by unpacking to what the header says (manual, 73.2 TOAST; PostgreSQL's varatt.h, toast_internals.h and
pg_lzcompress.h; the block format of LZ4). The layout is that of a little-endian server.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PGLZ, _LZ4 = 0, 1
_SIZE = 0x3FFFFFFF
# what is kept of values whose chunks are still coming
_MOST_OPEN = 256
_CHUNK_SIZE = 1996
_HEADER = 24

# Four bytes of a long compressed header (length, 10 in the lowest bits), then size and method; below 1 MB.
# It begins at the third byte: a search for one byte is several times as fast as one for a class of them.
_INLINE = re.compile(
    rb"\x00(?<=["
    + b"".join(re.escape(bytes([low])) for low in range(2, 256, 4))
    + rb"][\x00-\x7f]\x00)(?=\x00..[\x00-\x0f][\x00\x40])",
    re.DOTALL,
)
# three attributes, a header of 24 bytes, the value's oid, the number of the chunk, its length
_CHUNK = re.compile(rb"(?=[\x03]..{2}\x18.(.{4})(.{4})(.[\x00-\x1f]\x00\x00))", re.DOTALL)


class Unpacked(NamedTuple):
    """A value that was compressed, at a place of the bytes it was found in."""

    offset: int
    data: bytes


def inline(data: bytes) -> Iterator[Unpacked]:
    """Compressed values inside of rows and index entries; `data` begins with a page."""
    for found in _INLINE.finditer(data):
        offset = found.start() - 2
        if offset % 4:
            continue
        length = int.from_bytes(data[offset : offset + 4], "little") >> 2
        size, method = _split(data[offset + 4 : offset + 8])
        if length < 12 or size <= length - 8:
            continue
        raw = unpack(data[offset + 8 : offset + length], size, method)
        # by chance few bytes unpack to exactly what their header says
        if raw is not None and len(raw) == size:
            yield Unpacked(offset, raw)


class Chunks:
    """Puts the chunks of a TOAST table's file together again, page by page in their order.

    A value is given out when its last chunk has come, or when the next page brings no more of it: then as
    much of it as its first chunks hold.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, int, bytearray]] = {}

    def of_page(self, page: bytes, offset: int) -> Iterator[Unpacked]:
        """The values that end on a page; `offset` is where the page stands."""
        found = []
        for one in _CHUNK.finditer(page):
            # the regular expression begins 18 bytes into the row
            row = one.start() - 18
            if row < _HEADER or row % 8 or page[row + 19] & 0x07:
                continue
            length = (int.from_bytes(one[3], "little") >> 2) - 4
            if int.from_bytes(one[3], "little") & 3 or not 0 < length <= _CHUNK_SIZE:
                continue
            start = row + _HEADER + 12
            value, number = int.from_bytes(one[1], "little"), int.from_bytes(one[2], "little")
            found.append((row, value, number, page[start : start + length]))
        # rows fill a page from its end
        for row, value, number, data in sorted(found, reverse=True):
            yield from self._add(value, number, data, offset + row)

    def rest(self) -> Iterator[Unpacked]:
        """What is left of values whose last chunks never came."""
        for value in list(self._open):
            yield from self._close(value)

    def _add(self, value: int, number: int, data: bytes, place: int) -> Iterator[Unpacked]:
        known = self._open.get(value)
        if number == 0:
            yield from self._close(value)
            self._open[value] = (1, place, bytearray(data))
        elif known is not None and known[0] == number:
            known[2].extend(data)
            self._open[value] = (number + 1, known[1], known[2])
        else:
            return
        if len(data) < _CHUNK_SIZE:
            yield from self._close(value)
        elif len(self._open) > _MOST_OPEN:
            yield from self._close(next(iter(self._open)))

    def _close(self, value: int) -> Iterator[Unpacked]:
        known = self._open.pop(value, None)
        if known is None:
            return
        _, place, data = known
        size, method = _split(bytes(data[:4]))
        if size < len(data) - 4:
            return
        raw = unpack(bytes(data[4:]), size, method)
        if raw:
            yield Unpacked(place, raw)


def _split(header: bytes) -> tuple[int, int]:
    number = int.from_bytes(header, "little")
    return number & _SIZE, number >> 30


def unpack(data: bytes, size: int, method: int) -> bytes | None:
    """At most `size` bytes of what was compressed, as much as is there; None where that cannot be."""
    if method == _PGLZ:
        return pglz(data, size)
    return lz4(data, size) if method == _LZ4 else None


def pglz(data: bytes, size: int) -> bytes | None:
    """PostgreSQL's own format (pg_lzcompress.h): a byte tells which of eight items are references."""
    out = bytearray()
    at, end = 0, len(data)
    while at < end and len(out) < size:
        control = data[at]
        at += 1
        if control == 0:
            out += data[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end or len(out) >= size:
                break
            if not control >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 1 >= end:
                return bytes(out)
            length = (data[at] & 0x0F) + 3
            back = (data[at] & 0xF0) << 4 | data[at + 1]
            at += 2
            if length == 18:
                if at >= end:
                    return bytes(out)
                length += data[at]
                at += 1
            if back == 0 or back > len(out):
                return None
            _repeat(out, back, length)
    return bytes(out[:size])


def lz4(data: bytes, size: int) -> bytes | None:
    """A block of LZ4: runs of literals, each followed by a reference."""
    out = bytearray()
    at, end = 0, len(data)
    while at < end and len(out) < size:
        token = data[at]
        at += 1
        length = token >> 4
        if length == 15:
            length, at = _longer(data, at, length)
        out += data[at : at + length]
        at += length
        if at + 1 >= end:
            break
        back = data[at] | data[at + 1] << 8
        at += 2
        length = token & 15
        if length == 15:
            length, at = _longer(data, at, length)
        if back == 0 or back > len(out):
            return None
        if len(out) + length + 4 > size:
            length = max(0, size - len(out) - 4)
        _repeat(out, back, length + 4)
    return bytes(out[:size])


def _longer(data: bytes, at: int, length: int) -> tuple[int, int]:
    while at < len(data):
        more = data[at]
        at += 1
        length += more
        if more != 255:
            break
    return length, at


def _repeat(out: bytearray, back: int, length: int) -> None:
    start = len(out) - back
    if back >= length:
        out += out[start : start + length]
    else:
        # a reference may reach into what it makes
        piece = bytes(out[start:])
        out += (piece * (length // back + 1))[:length]
