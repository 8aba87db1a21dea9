"""The manifest in a mandate's folder, the names of the files beside it, and what else lies there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.model.extraction import FORMAT, Erasure, Manifest
from pgguard.store.encrypting import draft_of
from pgguard.store.mandate_journal import JOURNAL
from pgguard.store.recipients import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.store.recipients import Kind

MANIFEST = "manifest.json"
ERASURE = "erasure.json"
CHECKSUMS = "checksums.json"
_MOST_BYTES = 64 << 20
_PLAIN = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+\Z")
_LONGEST = 80
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_Kept = TypeVar("_Kept", Manifest, Erasure)


class Held(NamedTuple):
    """What lies in a mandate's folder: our files and drafts by name, and names that are none of ours.

    Journal and record of the erasure are evidence, and in none of them.
    """

    ours: tuple[str, ...]
    drafts: tuple[str, ...]
    foreign: tuple[str, ...]


def file_of(table: str, kind: Kind) -> str:
    """The file of a table: its name, and a digest where a file cannot be called so."""
    stem = table
    if not _PLAIN.match(table) or len(table) > _LONGEST:
        letters = re.sub(r"[^A-Za-z0-9_.-]", "_", table).lstrip(".")[:_LONGEST]
        stem = f"{letters}-{hashlib.sha256(table.encode()).hexdigest()[:8]}"
    return f"{stem}.csv{ENDINGS[kind]}"


def held(folder: int, tables: Iterable[MandateTable]) -> Held:
    """What lies in the open folder of a mandate, told apart by names."""
    kinds: tuple[Kind, ...] = ("age", "openpgp")
    known = {file_of(one.table, kind) for one in tables for kind in kinds}
    known |= {CHECKSUMS + ENDINGS[kind] for kind in kinds} | {MANIFEST}
    names = sorted(os.listdir(folder))
    drafts = {draft_of(one) for one in (*known, ERASURE)}
    return Held(
        tuple(one for one in names if one in known),
        tuple(one for one in names if one in drafts),
        tuple(one for one in names if one not in known | drafts | {JOURNAL, ERASURE}),
    )


def remove(folder: int, names: Iterable[str]) -> None:
    """Remove files of the open folder, and return when the disk has it; what is gone already is passed over.

    Raises `UsageError` for what is in the way.
    """
    for name in names:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            msg = f"{name}: cannot be removed: {error.strerror}"
            raise UsageError(msg) from None
    os.fsync(folder)


def publish(folder: int, names: Iterable[str]) -> None:
    """Give finished drafts their names, and return when the disk has it. Raises `UsageError`."""
    try:
        for name in names:
            os.rename(draft_of(name), name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError as error:
        msg = f"a file cannot be given its name: {error.strerror}"
        raise UsageError(msg) from None


def write_manifest(folder: int, manifest: Manifest) -> str:
    """Write it, whole or not at all, and return its SHA-256. Raises `UsageError`."""
    return _written(folder, MANIFEST, manifest)


def write_erasure(folder: int, erasure: Erasure) -> str:
    """The same for the record of an erasure, in the place of an earlier one."""
    return _written(folder, ERASURE, erasure)


def _written(folder: int, name: str, value: Manifest | Erasure) -> str:
    content = msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft_of(name), dir_fd=folder)
        file = os.open(draft_of(name), _DRAFT, 0o600, dir_fd=folder)
        with open(file, "wb") as draft:
            draft.write(content)
            draft.flush()
            os.fsync(draft.fileno())
    except OSError as error:
        remove(folder, [draft_of(name)])
        msg = f"{name}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    publish(folder, [name])
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: int, mandate: Mandate) -> tuple[Manifest, str] | None:
    """The manifest and its SHA-256; None where no extraction was completed.

    Raises `InputError` for one that is changed, of another mandate or newer than we are.
    """
    return _read(folder, mandate, MANIFEST, Manifest)


def read_erasure(folder: int, mandate: Mandate) -> tuple[Erasure, str] | None:
    """The same for the record of an erasure; None where nothing was erased."""
    return _read(folder, mandate, ERASURE, Erasure)


def _read(folder: int, mandate: Mandate, name: str, kind: type[_Kept]) -> tuple[_Kept, str] | None:
    where = os.path.join(mandate.folder, mandate.name, name)
    try:
        file = os.open(name, _FILE, dir_fd=folder)
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                msg = f"{where}: it is not a file"
                raise InputError(msg)
            content = opened.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{where}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    try:
        read = msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError:
        msg = f"{where}: it is none of ours, or it was changed"
        raise InputError(msg) from None
    if read.format != FORMAT or read.mandate != mandate.name:
        msg = f"{where}: it is of another mandate, or of a newer pgguard"
        raise InputError(msg)
    return read, hashlib.sha256(content).hexdigest()


def open_file(folder: int, name: str) -> int:
    """A descriptor of a file of the folder, links not followed. Raises `OSError`."""
    return os.open(name, _FILE, dir_fd=folder)


def status_of(folder: int, name: str) -> os.stat_result | None:
    """What the file system says of a name in the folder, links not followed; None where there is none."""
    try:
        return os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
