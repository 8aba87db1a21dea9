"""Searching pieces of bytes and counting what is met, without keeping any of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pgguard.model.residue import Found
from pgguard.server.residue.compressed import Chunks, inline
from pgguard.server.residue.pages import part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.residue import Kind
    from pgguard.server.residue.needles import Seeker, Values
    from pgguard.server.residue.places import Place

_FIRST_BLOCKS = 8
_COMPRESSED = "compressed"
# nobody knows whether these are rows or chunks
_OF_UNKNOWN = frozenset({"left-over", "other-database"})
# manual, 30.6; xlog_internal.h: a page of WAL begins with 24 bytes, the first of a segment with 40
_WAL_HEADER, _WAL_LONG_HEADER, _LONG = 24, 40, 2


class Tally:
    """What was met in one place so far: numbers of values, counts, blocks."""

    def __init__(self) -> None:
        self.values: set[int] = set()
        self.times = 0
        self.blocks: list[int] = []
        self.offsets: Counter[str] = Counter()

    def add(self, numbers: Iterable[int], block: int | None, where: str) -> None:
        """Count one meeting; `where` is the part of the page."""
        self.values.update(numbers)
        self.times += 1
        if where:
            self.offsets[where] += 1
        if block is not None and block not in self.blocks and len(self.blocks) < _FIRST_BLOCKS:
            self.blocks.append(block)

    def found(self, kind: Kind, name: str, file: str, until: str, values: Values) -> Found:
        """The same as a row of the report."""
        columns: Counter[str] = Counter()
        for number in self.values:
            columns.update(values.owners(number))
        return Found(
            kind,
            name,
            file,
            tuple(sorted(columns.items())),
            self.times,
            tuple(self.blocks),
            tuple(sorted(self.offsets.items())),
            until,
        )


def plain(seeker: Seeker, data: bytes, tally: Tally) -> None:
    """Search bytes that are all there."""
    for _, _, numbers in seeker.find(data):
        tally.add(numbers, None, "")


def stream(seeker: Seeker, pieces: Iterable[bytes], tally: Tally) -> int:
    """Search pieces of one file, across their borders; how many bytes they were."""
    tail, size = b"", 0
    for piece in pieces:
        data = tail + piece
        for _, end, numbers in seeker.find(data):
            # what ends in the tail was met with the piece before
            if end > len(tail):
                tally.add(numbers, None, "")
        size += len(piece)
        tail = data[-(seeker.longest - 1) :] if seeker.longest > 1 else b""
    return size


def paged(seeker: Seeker, pieces: Iterable[bytes], block_size: int, place: Place, tally: Tally) -> int:
    """Search a file of pages, and what is compressed in them; pieces begin with a page."""
    chunks = Chunks() if place.is_toast or place.kind in _OF_UNKNOWN else None
    size = 0
    for piece in pieces:
        for start, _, numbers in seeker.find(piece):
            at = start - start % block_size
            where = part(piece[at : at + block_size], start % block_size, index=place.is_index)
            tally.add(numbers, (size + start) // block_size, where)
        for offset, data in _unpacked(piece, block_size, chunks, rows=place.compresses):
            for _, _, numbers in seeker.find(data):
                tally.add(numbers, (size + offset) // block_size, _COMPRESSED)
        size += len(piece)
    if chunks is not None:
        for _, data in chunks.rest():
            for _, _, numbers in seeker.find(data):
                tally.add(numbers, None, _COMPRESSED)
    return size


def _unpacked(
    piece: bytes, block_size: int, chunks: Chunks | None, *, rows: bool
) -> Iterator[tuple[int, bytes]]:
    if rows:
        yield from inline(piece)
    if chunks is not None:
        for at in range(0, len(piece), block_size):
            for one in chunks.of_page(piece[at : at + block_size], 0):
                yield at, one.data


def wal(seeker: Seeker, pieces: Iterable[bytes], block_size: int, tally: Tally) -> int:
    """Search a segment of WAL, past the headers that stand in the middle of records."""
    size = 0

    def records() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            size += len(piece)
            pages = (piece[at : at + block_size] for at in range(0, len(piece), block_size))
            yield b"".join(
                page[_WAL_LONG_HEADER if page[2] & _LONG else _WAL_HEADER :]
                for page in pages
                if len(page) > 2
            )

    stream(seeker, records(), tally)
    return size
