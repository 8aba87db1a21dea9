"""A snapshot as a text file: one JSON value a line, the same from pgguard and from plain psql.

::

    {"format": "pgguard-snapshot", "version": 1}
    {"target": "db.example:5432"}
    {"section": "roles"}
    [10, "postgres", true, ...]             a row, as the server made it (pgguard/model/rows.py)
    {"section": "verifiers"}
    {"missing": "permission denied for table pg_authid"}
    {"database": "lab"}                     what follows belongs to this database
    {"section": "schemas"}
    ...
    {"section": "samples"}                  counts of values, only where somebody asked for them
    ...
    {"database": "old"}
    {"missing": "it refuses all connections"}
    {"end": true}

psql writes `{"connecting": "lab"}` before it connects, for it ends when that fails: a file that ends
there is whole, and the databases that it did not come to are unread.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.model.rows import ColumnSample
from pgguard.model.section import Missing
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.store.lines import decode, encode, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.section import Sections

FORMAT = "pgguard-snapshot"
VERSION = 1
_STDIO = "-"
_SAMPLES = "samples"
_AGAIN = "make it again with `pgguard snapshot` or its script for psql"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def save(snapshot: Snapshot, to: str | os.PathLike[str]) -> None:
    """Write the snapshot to a file that only its owner may read, whole or not at all; `-` is stdout.

    Raises `UsageError` when the file cannot be written, or is something other than a plain file.
    """
    lines = b"\n".join(_lines(snapshot)) + b"\n"
    if os.fspath(to) == _STDIO:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
        return
    path = Path(to)
    try:
        _check_place(path)
        _write(path, lines)
    except OSError as error:
        msg = f"{path}: the snapshot cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def load(source: str | os.PathLike[str]) -> Snapshot:
    """The snapshot that a file holds; `-` is stdin.

    Raises `InputError` with one sentence: what is wrong, in which line, what to do about it.
    """
    name = "standard input" if os.fspath(source) == _STDIO else str(source)
    try:
        content = sys.stdin.buffer.read() if os.fspath(source) == _STDIO else Path(source).read_bytes()
    except FileNotFoundError:
        _refuse(name, "there is no such file: check the name")
    except IsADirectoryError:
        _refuse(name, "it is a directory: name the snapshot file in it")
    except OSError as error:
        _refuse(name, f"it cannot be read ({error.strerror}): check its owner and mode")
    return _Reader(name, content).snapshot()


def _lines(snapshot: Snapshot) -> Iterator[bytes]:
    yield _line(format=FORMAT, version=VERSION)
    yield _line(target=snapshot.target)
    yield from _section_lines(snapshot)
    for database in snapshot.inspected:
        yield _line(database=database.name)
        yield from _section_lines(database)
        if database.samples is not None:
            yield _line(section=_SAMPLES)
            yield from encode(database.samples)
    yield _line(end=True)


def _section_lines(sections: Sections) -> Iterator[bytes]:
    missing = sections.missing()
    reasons = set(missing.values())
    if len(missing) == len(sections.section_types()) and len(reasons) == 1:
        yield _line(missing=reasons.pop())
        return
    for name in sections.section_types():
        yield _line(section=name)
        if name in missing:
            yield _line(missing=missing[name])
        else:
            yield from encode(sections.rows(name))


def _line(**values: object) -> bytes:
    return msgspec.json.encode(values)


def _check_place(path: Path) -> None:
    # following a link or writing into a device would put the snapshot where nobody meant it to be
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a directory"}
    if not stat.S_ISREG(mode):
        kind = kinds.get(stat.S_IFMT(mode), "a device, pipe or socket")
        msg = f"{path}: it is {kind}, and a snapshot goes into a plain file: give another name (- for stdout)"
        raise UsageError(msg)


def _write(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        # mkstemp has made it 0600
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Header(msgspec.Struct):
    format: str
    version: int


class _Mark(msgspec.Struct, forbid_unknown_fields=True):
    target: str | None = None
    section: str | None = None
    missing: str | None = None
    connecting: str | None = None
    database: str | None = None
    end: bool | None = None


class _Reader:
    """Reads the lines of one file into sections."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.content = content
        self.cluster: dict[str, Any] = {}
        self.databases: dict[str, dict[str, Any]] = {}
        self.target = ""
        self.connecting = ""

    def snapshot(self) -> Snapshot:
        lines = self._checked_lines()
        self._read(lines)
        self._require(Snapshot, self.cluster, "")
        inspected = []
        for name, sections in self.databases.items():
            samples = sections.pop(_SAMPLES, None)
            self._require(DatabaseSnapshot, sections, f" of database {name}")
            read = DatabaseSnapshot(sections, name)
            inspected.append(read if samples is None else read.sampled(samples))
        found = Snapshot(self.cluster, inspected, self.target)
        if isinstance(self.cluster["server_rows"], Missing) or not found.server_rows:
            self._refuse(f"the server did not say what it is: {_AGAIN}")
        return self._complete(found)

    def _checked_lines(self) -> list[bytes]:
        if not self.content.strip():
            self._refuse(f"it is empty: {_AGAIN}")
        if self.content.startswith(_UTF_16):
            self._refuse("it is UTF-16, which a redirection of PowerShell makes: use psql's -o FILE instead")
        lines = self.content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        try:
            header = msgspec.json.decode(lines[0], type=_Header)
        except (msgspec.DecodeError, UnicodeError):
            header = _Header("", 0)
        if header.format != FORMAT:
            if lines[0].startswith((b'{"section"', b'{"database"', b"[")):
                self._refuse(f"its first line, which names the format, is missing: {_AGAIN}")
            binary = b"\0" in self.content[:8192]
            what = "a binary file" if binary else "something else"
            self._refuse(
                f"it is not a snapshot of pgguard but {what}: give a file that `pgguard snapshot` made"
            )
        if header.version > VERSION:
            self._refuse(
                f"a newer pgguard made it (format {header.version}, and this one reads {VERSION}): "
                "update pgguard here"
            )
        return lines

    def _read(self, lines: list[bytes]) -> None:
        kind: type[Sections] = Snapshot
        sections = self.cluster
        section = ""
        begin = 1
        ended = False
        marks = [number for number, line in enumerate(lines) if line[:1] == b"{"]
        for number in (*marks[1:], len(lines)):
            self._take(kind, sections, section, lines, begin, number)
            begin = number + 1
            if number == len(lines):
                break
            if ended:
                self._refuse(f"line {number + 1}: something follows the end: give one snapshot")
            mark = self._mark(lines, number)
            self.connecting = mark.connecting or ""
            before, section = section, mark.section or ""
            if section and section not in _types(kind):
                self._refuse(f"line {number + 1}: this pgguard knows no section {section}: update pgguard")
            if mark.database is not None:
                kind = DatabaseSnapshot
                sections = self.databases.setdefault(mark.database, {})
            elif mark.missing is not None:
                for name in [before] if before else kind.section_types():
                    sections[name] = Missing(mark.missing)
            elif mark.target is not None:
                self.target = mark.target
            ended = mark.end is not None
        if not ended and not self.connecting:
            self._refuse(f"it ends too early, in line {len(lines)}: {_AGAIN}")

    def _take(
        self,
        kind: type[Sections],
        sections: dict[str, Any],
        section: str,
        lines: list[bytes],
        begin: int,
        end: int,
    ) -> None:
        # the rows between two marks
        rows = [line for line in lines[begin:end] if line and line != b"\r"]
        if not section:
            if rows:
                self._refuse(f"line {begin + 1}: a row stands outside of any section: {_AGAIN}")
            return
        row = _types(kind)[section]
        try:
            sections[section] = decode(row, rows)
        except (msgspec.DecodeError, UnicodeError):
            self._refuse_row(row, section, lines, begin, end)

    def _refuse_row(self, row: type[Any], section: str, lines: list[bytes], begin: int, end: int) -> NoReturn:
        # rows are read together, for speed; which one is wrong is looked for only now
        why = "it does not fit"
        for number in range(begin, end):
            try:
                decode(row, [lines[number]] if lines[number].strip() else [])
            except (msgspec.DecodeError, UnicodeError) as error:
                if number == len(lines) - 1:
                    self._refuse(f"it ends too early, within line {number + 1}: {_AGAIN}")
                why = str(error).replace("$[0]", "$")
                begin = number
                break
        self._refuse(f"line {begin + 1} is no row of section {section} ({why}): {_AGAIN}")

    def _mark(self, lines: list[bytes], number: int) -> _Mark:
        try:
            mark = msgspec.json.decode(readable(lines[number]), type=_Mark)
        except (msgspec.DecodeError, UnicodeError):
            if number == len(lines) - 1:
                self._refuse(f"it ends too early, within line {number + 1}: {_AGAIN}")
            mark = _Mark()
        given = [name for name in _Mark.__struct_fields__ if getattr(mark, name) is not None]
        if len(given) != 1:
            self._refuse(f"line {number + 1} is none of a snapshot: {_AGAIN}")
        return mark

    def _require(self, kind: type[Sections], sections: dict[str, Any], where: str) -> None:
        absent = [name for name in kind.section_types() if name not in sections]
        if absent:
            self._refuse(
                f"the section {absent[0]}{where} is not in it, as in files of an older pgguard and cut ones: "
                f"{_AGAIN}"
            )

    def _complete(self, found: Snapshot) -> Snapshot:
        # in the order of the catalog, which is that of an inspection; with what psql did not come to
        if isinstance(self.cluster["databases"], Missing):
            return found
        known = [row.name for row in found.databases]
        inspected = {one.name: one for one in found.inspected}
        if self.connecting:
            for name in (*known, self.connecting):
                if name not in inspected and name not in ("template0", "template1"):
                    inspected[name] = self._not_come_to(name)
        ordered = sorted(
            inspected.values(), key=lambda one: known.index(one.name) if one.name in known else -1
        )
        return Snapshot(self.cluster, ordered, self.target)

    def _not_come_to(self, name: str) -> DatabaseSnapshot:
        reason = (
            "psql could not connect to it, and said why on stderr"
            if name == self.connecting
            else f"psql ended at database {self.connecting} before it came to this one: "
            "leave that one out with -v skip"
        )
        return DatabaseSnapshot(dict.fromkeys(DatabaseSnapshot.section_types(), Missing(reason)), name)

    def _refuse(self, problem: str) -> NoReturn:
        _refuse(self.name, problem)


def _types(kind: type[Sections]) -> dict[str, type[Any]]:
    known = kind.section_types()
    return {**known, _SAMPLES: ColumnSample} if kind is DatabaseSnapshot else known


def _refuse(name: str, problem: str) -> NoReturn:
    msg = f"{name}: {problem}"
    raise InputError(msg)
