"""Which part of a page some bytes stand in (manual, 73.6 Database Page Layout; little-endian servers)."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<HHHH")
_HEADER_AT = 12
_LINE_POINTERS = 24
_NORMAL = 1
_XMIN_COMMITTED, _XMIN_INVALID = 0x0100, 0x0200
_XMAX_LOCK_ONLY, _XMAX_INVALID = 0x0080, 0x0800
PAGE_HEADER, FREE, REMOVED, ROW, DELETED, ENTRY, ODD = (
    "page header",
    "free space",
    "removed row",
    "row",
    "deleted row",
    "index entry",
    "not a page",
)


def part(page: bytes, offset: int, *, index: bool) -> str:
    """Where in a page an offset is.

    A row that nobody deleted keeps what it held in columns that were dropped. `removed row` is what VACUUM
    took the line pointer of.
    """
    if len(page) < _LINE_POINTERS:
        return ODD
    lower, upper, special, version = _HEADER.unpack_from(page, _HEADER_AT)
    if version & 0xFF > 4 or not _LINE_POINTERS <= lower <= upper <= special <= len(page):
        return ODD
    if offset < lower:
        return PAGE_HEADER
    if offset < upper:
        return FREE
    for at in range(_LINE_POINTERS, lower, 4):
        pointer = int.from_bytes(page[at : at + 4], "little")
        start, flags, length = pointer & 0x7FFF, pointer >> 15 & 3, pointer >> 17
        if length and start <= offset < start + length:
            if index:
                return ENTRY
            return _row(page, start) if flags == _NORMAL else DELETED
    return ENTRY if index and offset >= special else REMOVED


def _row(page: bytes, start: int) -> str:
    xmax = int.from_bytes(page[start + 4 : start + 8], "little")
    mask = int.from_bytes(page[start + 20 : start + 22], "little")
    if mask & (_XMIN_COMMITTED | _XMIN_INVALID) == _XMIN_INVALID:
        return DELETED
    if xmax == 0 or mask & (_XMAX_INVALID | _XMAX_LOCK_ONLY):
        return ROW
    return DELETED
