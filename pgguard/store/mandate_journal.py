"""The journal of a mandate: what was done under it, by whom and when, as a chain of digests.

One JSON document a line in `folder/NAME/journal.jsonl`; each holds the SHA-256 of the line before it. A line
that is changed, removed or put in between breaks the chain. Whoever may write the file can write a new chain
as a whole: the signed report, kept elsewhere, has the digest of the last line. No personal data stand in it.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import os
import pwd
import stat
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.store.export_folder import has_folder, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.mandate import Mandate

JOURNAL = "journal.jsonl"
_BEGIN = "0" * 64
_NOBODY_LOGGED_IN = 0xFFFFFFFF
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(NamedTuple):
    """One line: when (UTC, ISO 8601), what, the account of the machine, details, and the line's digest."""

    number: int
    at: str
    event: str
    account: str
    details: Mapping[str, str]
    digest: str


class Journal(NamedTuple):
    """The entries of a mandate; `problem` says where the chain is broken or the last line cut off."""

    entries: tuple[Entry, ...]
    problem: str = ""

    def last(self, *events: str) -> Entry | None:
        """The newest entry of these events."""
        return next((one for one in reversed(self.entries) if one.event in events), None)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    at: str
    mandate: str
    event: str
    account: str
    details: dict[str, str]
    before: str


def append(mandate: Mandate, event: str, details: Mapping[str, str]) -> Entry:
    """Add what happened, and return when the disk has it; the folder of the mandate is made if need be.

    A last line that a crash cut off is removed first. Raises `UsageError` when the folder or the file cannot
    be used, `InputError` when the chain is broken: nothing is put behind what somebody changed.
    """
    folder = open_folder(mandate, make=True)
    try:
        with _opened(folder, _APPEND) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = _all(file)
            whole = content.rfind(b"\n") + 1
            journal = _parsed(content[:whole], mandate)
            if journal.problem:
                msg = f"{_place(mandate)}: {journal.problem}: find out who changed it before anything else"
                raise InputError(msg)
            if whole < len(content):
                os.ftruncate(file, whole)
            entry, line = _made(mandate, event, details, journal)
            os.write(file, line)
            os.fsync(file)
        os.fsync(folder)
    except OSError as error:
        msg = f"{_place(mandate)}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    finally:
        os.close(folder)
    return entry


def read_journal(mandate: Mandate) -> Journal:
    """What is written so far; nothing when there is no journal yet.

    Raises `UsageError` when it is there and cannot be read.
    """
    if not has_folder(mandate):
        return Journal(())
    folder = open_folder(mandate)
    try:
        with _opened(folder, _READ) as file:
            content = _all(file)
    except FileNotFoundError:
        return Journal(())
    except OSError as error:
        msg = f"{_place(mandate)}: cannot be read: {error.strerror}"
        raise UsageError(msg) from None
    finally:
        os.close(folder)
    whole = content.rfind(b"\n") + 1
    journal = _parsed(content[:whole], mandate)
    if not journal.problem and whole < len(content):
        return journal._replace(problem="its last line was cut off: the command that wrote it did not end")
    return journal


@contextlib.contextmanager
def _opened(folder: int, flags: int) -> Iterator[int]:
    file = os.open(JOURNAL, flags, 0o600, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            msg = f"{JOURNAL} of the mandate is not a file"
            raise UsageError(msg)
        yield file
    finally:
        os.close(file)


def _all(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(file, 1 << 20), b""))


def _place(mandate: Mandate) -> str:
    return os.path.join(mandate.folder, mandate.name, JOURNAL)


def _made(mandate: Mandate, event: str, details: Mapping[str, str], journal: Journal) -> tuple[Entry, bytes]:
    before = journal.entries[-1].digest if journal.entries else _BEGIN
    number = len(journal.entries) + 1
    at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    account = _account()
    line = _Line(number, at, mandate.name, event, account, dict(details), before)
    written = msgspec.json.encode(line)
    digest = hashlib.sha256(written).hexdigest()
    return Entry(number, at, event, account, dict(details), digest), written + b"\n"


def _account() -> str:
    own = _account_of(os.geteuid())
    try:
        # who logged in to the machine: sudo and su do not change it
        with open("/proc/self/loginuid", encoding="ascii") as file:
            login = int(file.read())
    except (OSError, ValueError):
        return own
    return own if login in (_NOBODY_LOGGED_IN, os.geteuid()) else f"{own}, logged in as {_account_of(login)}"


def _account_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        # in containers the account may have no name
        return f"uid {number}"


def _parsed(content: bytes, mandate: Mandate) -> Journal:
    entries: list[Entry] = []
    before = _BEGIN
    for number, written in enumerate(content.split(b"\n")[:-1], 1):
        try:
            line = msgspec.json.decode(written, type=_Line)
        except msgspec.MsgspecError:
            return Journal(tuple(entries), f"line {number} is no line of a journal")
        if line.mandate != mandate.name:
            return Journal(tuple(entries), f"line {number} is of mandate {line.mandate}")
        if line.before != before or line.number != number:
            return Journal(tuple(entries), f"the chain is broken between the lines {number - 1} and {number}")
        before = hashlib.sha256(written).hexdigest()
        entries.append(Entry(number, line.at, line.event, line.account, line.details, before))
    return Journal(tuple(entries))
