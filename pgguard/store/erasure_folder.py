"""The folder of an erasure: plan.json, journal.jsonl and record.json, for its owner's eyes.

The journal is a chain: each line holds the SHA-256 of the line before it, so that none can be taken out or
changed without the last digest, which the report shows, being another.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.model.erasure_record import FORMAT, ErasurePlan, ErasureRecord

PLAN = "plan.json"
JOURNAL = "journal.jsonl"
RECORD = "record.json"
_Kept = TypeVar("_Kept", ErasurePlan, ErasureRecord)


def make(folder: Path, plan: ErasurePlan) -> None:
    """A new folder with the plan; never one that holds another.

    Raises `UsageError` when it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            msg = f"{folder}: the folder is not empty, and a plan is not written over: give a new one"
            raise UsageError(msg)
    except OSError as error:
        msg = f"{folder}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    _write(folder / PLAN, plan)


def read_plan(folder: Path) -> ErasurePlan:
    """The plan of a folder. Raises `InputError`."""
    return _read(folder / PLAN, ErasurePlan)


def write_record(folder: Path, record: ErasureRecord) -> None:
    """Keep what a run did, in the place of what the run before it did. Raises `UsageError`."""
    _write(folder / RECORD, record)


def read_record(folder: Path) -> ErasureRecord:
    """What the last run did. Raises `InputError`, where no run has ended as well."""
    return _read(folder / RECORD, ErasureRecord)


class Journal:
    """The lines of a folder's journal; without a folder they are kept in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / JOURNAL if folder else None
        self.lines: list[dict[str, Any]] = []
        self.digest = ""
        if self._path is not None and self._path.exists():
            self._load(self._path)

    def add(self, what: str, **fields: object) -> None:
        """Append a line and bring it to disk. Raises `UsageError`."""
        line = {"what": what, **fields, "before": self.digest}
        text = json.dumps(line, ensure_ascii=False)
        self.lines.append(line)
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        if self._path is None:
            return
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(self._path, flags, 0o600)
            with open(handle, "a", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            msg = f"{self._path}: cannot be written: {error.strerror}"
            raise UsageError(msg) from None

    def first(self, what: str) -> dict[str, Any] | None:
        """The first line of that kind."""
        return next((one for one in self.lines if one["what"] == what), None)

    def _load(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}"
            raise InputError(msg) from None
        whole, _, broken = content.rpartition(b"\n")
        for number, text in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict) or line.get("before") != self.digest:
                msg = f"{path}: line {number} is not what was written: the journal was changed"
                raise InputError(msg)
            self.lines.append(line)
            self.digest = hashlib.sha256(text).hexdigest()
        if broken:
            # a line that a crash cut off was never a line
            os.truncate(path, len(content) - len(broken))


def _write(path: Path, value: ErasurePlan | ErasureRecord) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def _read(path: Path, kind: type[_Kept]) -> _Kept:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        msg = f"{path}: it is not what pgguard erase wrote"
        raise InputError(msg) from None
    if found.format != FORMAT:
        msg = f"{path}: it was written by another version of pgguard"
        raise InputError(msg)
    return found
