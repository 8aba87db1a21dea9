"""What a file is, told by its first bytes: database dumps, exported rows, and what they are packed in.

Only the beginning of a file is read, and of what is compressed only the beginning is unpacked, so that
neither a dump of a terabyte nor a bomb costs more than a small file.
"""

from __future__ import annotations

import bz2
import datetime
import io
import lzma
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from pgguard.store.file_cipher import cipher
from pgguard.store.file_text import text_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = 1 << 16
# a block of bzip2 is unpacked as a whole
_PACKED = 1 << 20
_MORE = 1 << 22
_MOST_MEMBERS = 1000
# packed in packed in packed: what is deeper is not looked at
_DEEPEST = 3
_MEMORY = 256 << 20
# a sheet's header stands within its first rows
_TITLES = 5
_BLOCK = 512
_DUMPS = (
    (b"PGCOPY\n\xff\r\n\0", "rows in COPY's binary format"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\0\1\0\0Standard Jet DB", "Access database"),
    (b"\0\1\0\0Standard ACE DB", "Access database"),
)
_CLOSED = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89LZO\0", "lzop"),
    (b"\x1f\x9d", "compress"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
)
_FORMATS = {1: "custom format", 3: "tar format", 5: "directory format"}
_SUFFIX = re.compile(r"\.(?:gz|z|bz2|xz|lzma)\Z", re.IGNORECASE)
_BASE = re.compile(
    r"(?:\./)?(?:backup_label|tablespace_map|PG_VERSION|base/1/PG_VERSION|global/pg_control)\Z"
)
_SHARED = re.compile(r'\bt="s".*<v>(\d{1,6})\Z', re.DOTALL)
_TEXT = re.compile(r"<t\b[^<>]*>([^<]*)</t>")


class Kind(NamedTuple):
    """What a file or a member of an archive is, in words, and the names of its columns where it has some.

    unseen: `words` say why nobody can tell. `made` is the day that a dump's own header gives. Where the names
    are not `sure` they may be the values of a first row.
    """

    words: str
    holds: Literal["dump", "rows", "encrypted", "unseen"]
    columns: tuple[str, ...] = ()
    table: str = ""
    made: datetime.date | None = None
    sure: bool = True


def kinds(file: BinaryIO, name: str, *, cut: bool = False, depth: int = 0) -> Iterator[Kind]:
    """What a file is: nothing for what is no export, several for an archive that holds several.

    `cut` says that what is to be read is only the beginning of something longer. Raises `OSError` when it
    cannot be read.
    """
    head = file.read(_HEAD)
    for magic, words in _DUMPS:
        if head.startswith(magic):
            yield Kind(words, "dump")
            return
    for magic, words in _CLOSED:
        if head.startswith(magic):
            yield Kind(f"compressed by {words}, which cannot be looked into", "unseen")
            return
    if head.startswith(b"PGDMP"):
        yield _archive(head)
    elif sealed := cipher(head):
        yield Kind(sealed[0], "encrypted") if sealed[1] else Kind(sealed[0], "unseen")
    elif depth > _DEEPEST:
        yield Kind("packed too often to be looked into", "unseen")
    elif packed := _packed(head):
        yield from _unpacked(packed, head + file.read(_PACKED), _SUFFIX.sub("", name), depth)
    elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _zip(file, depth, cut=cut)
    elif _member(head) is not None:
        file.seek(0)
        yield from _tar(file, depth, cut=cut)
    else:
        longer = cut or len(head) == _HEAD
        if text := text_kind(head, name, lambda: file.read(_MORE), cut=longer):
            yield Kind(text.words, "dump" if text.dump else "rows", text.columns, text.table, sure=text.sure)


def _archive(head: bytes) -> Kind:
    """The header of pg_dump's archives: version, size of integers and offsets, format, when it was made."""
    words, made = "database dump", None
    try:
        size, form = head[8], head[10]
        words += f", {_FORMATS[form]}" if form in _FORMATS else ""
        # version 1.15 says the compression in one byte, the ones before in an integer
        at = 12 if head[5:7] >= b"\x01\x0f" else 11 + 1 + size
        *_, day, month, year = (
            int.from_bytes(head[place + 1 : place + 1 + size], "little")
            for place in range(at, at + 6 * (1 + size), 1 + size)
        )
        made = datetime.date(1900 + year, month + 1, day)
    except (IndexError, ValueError, OverflowError):
        pass
    return Kind(words, "dump", made=made)


def _packed(head: bytes) -> str:
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0\x80\0", b"\x5d\0\0\0\x01", b"\x5d\0\0\0\x04")):
        return "xz"
    return ""


def _unpacked(how: str, packed: bytes, name: str, depth: int) -> Iterator[Kind]:
    try:
        if how == "gzip":
            gunzip = zlib.decompressobj(31)
            content = gunzip.decompress(packed, _HEAD)
            ended = gunzip.eof
        else:
            unpack = bz2.BZ2Decompressor() if how == "bzip2" else lzma.LZMADecompressor(memlimit=_MEMORY)
            content = unpack.decompress(packed, _HEAD)
            ended = unpack.eof
    except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError):
        yield Kind(f"compressed by {how}, and damaged", "unseen")
        return
    for one in kinds(io.BytesIO(content), name, cut=not ended, depth=depth + 1):
        yield one if one.holds == "unseen" else one._replace(words=f"{one.words}, compressed")


def _member(header: bytes) -> tuple[str, int, bytes] | None:
    """Name, size and type of a member of a tar by its header (POSIX, pax: ustar); None for other bytes."""
    if len(header) < _BLOCK:
        return None
    try:
        told = int(header[148:156].strip(b"\0 ") or b"x", 8)
        size = (
            int.from_bytes(header[125:136], "big")
            if header[124] & 0x80
            else int(header[124:136].strip(b"\0 ") or b"0", 8)
        )
    except ValueError:
        return None
    if told != sum(header[:148]) + 8 * 32 + sum(header[156:_BLOCK]):
        return None
    if not 0 <= size < 1 << 60:
        return None
    return header[:100].partition(b"\0")[0].decode("utf-8", "replace"), size, header[156:157]


def _tar(file: BinaryIO, depth: int, *, cut: bool) -> Iterator[Kind]:
    seen, place = 0, 0
    while True:
        file.seek(place)
        header = file.read(_BLOCK)
        if len(header) < _BLOCK or (member := _member(header)) is None:
            # two empty blocks end it
            whole = len(header) == _BLOCK and not any(header)
            break
        name, size, kind = member
        seen += 1
        if seen > _most_members(depth):
            whole = False
            break
        if kind in (b"0", b"\0", b"7"):
            if name in ("toc.dat", "./toc.dat"):
                yield Kind("database dump, tar format", "dump", made=_archive(file.read(100)).made)
                return
            if _BASE.match(name):
                yield Kind("base backup, tar format", "dump")
                return
            part = io.BytesIO(file.read(min(size, _HEAD)))
            for one in kinds(part, name, cut=size > _HEAD, depth=depth + 1):
                yield one if one.holds == "unseen" else one._replace(words=f"{one.words}, in a tar")
        place += _BLOCK + (size + _BLOCK - 1) // _BLOCK * _BLOCK
    if not whole:
        why = (
            "of which only the beginning can be unpacked" if cut else "of which only a part can be looked at"
        )
        yield Kind(f"a tar {why}", "unseen")


def _most_members(depth: int) -> int:
    # archives of archives of archives would multiply
    return _MOST_MEMBERS >> 4 * depth


class _Bounded(io.RawIOBase):
    """A file that gives no more than a few megabytes at once, whatever a damaged archive asks for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(_MORE if size is None or size < 0 else min(size, _MORE))


def _zip(file: BinaryIO, depth: int, *, cut: bool) -> Iterator[Kind]:
    if cut:
        yield Kind("a zip of which only the beginning can be unpacked", "unseen")
        return
    try:
        with zipfile.ZipFile(_Bounded(file)) as packed:
            members = packed.infolist()
            if "xl/workbook.xml" in packed.namelist():
                yield _workbook(packed)
                return
            if any(one.filename == "mimetype" for one in members[:1]):
                # documents of an office, whose tables are not looked at
                with packed.open("mimetype") as said:
                    if b"spreadsheet" in said.read(100):
                        yield Kind("OpenDocument spreadsheet", "rows")
                        return
            most = _most_members(depth)
            for one in members[:most]:
                if one.flag_bits & 1:
                    yield Kind("encrypted (zip)", "encrypted")
                elif not one.is_dir():
                    with packed.open(one) as member:
                        part = io.BytesIO(member.read(_HEAD))
                    for kind in kinds(part, one.filename, cut=one.file_size > _HEAD, depth=depth + 1):
                        words = kind.words if kind.holds == "unseen" else f"{kind.words}, in a zip"
                        yield kind._replace(words=words)
            if len(members) > most:
                yield Kind("a zip of which only a part can be looked at", "unseen")
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error):
        yield Kind("a damaged zip", "unseen")
    except (NotImplementedError, ValueError, OverflowError, EOFError, KeyError, RuntimeError, UnicodeError):
        yield Kind("a zip that cannot be looked into", "unseen")


def _workbook(packed: zipfile.ZipFile) -> Kind:
    """The header of the first sheet of an Excel workbook (ECMA-376, part 1, 18.3), below a title too."""

    def part(name: str) -> str:
        with packed.open(name) as member:
            return member.read(_HEAD * 4).decode("utf-8", "replace")

    names = packed.namelist()
    sheets = sorted(name for name in names if name.startswith("xl/worksheets/sheet"))
    rows = part(sheets[0]).split("</row>")[:_TITLES] if sheets else []
    strings = part("xl/sharedStrings.xml").split("</si>")[:-1] if "xl/sharedStrings.xml" in names else []
    columns: list[str] = []
    for row in rows:
        texts = []
        for cell in row.split("</c>")[:-1]:
            shared = _SHARED.search(cell.removesuffix("</v>"))
            number = int(shared[1]) if shared else -1
            text = cell if shared is None else strings[number] if number < len(strings) else ""
            texts.append("".join(_TEXT.findall(text)).strip())
        # the row with the most words; the first of those that have as many
        columns = max(columns, [one for one in texts if one], key=len)
    return Kind("Excel workbook", "rows", tuple(columns))
