"""Files that are encrypted while they come: the clear bytes go through a pipe, and only ciphers reach a disk.

The encryption is a process of its own, because the libraries keep Python's lock, and because that process can
be forbidden to write files at all.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from pgguard.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.store.recipients import Kind, Recipient

_CHILD = Path(__file__).with_name("encrypting_child.py")
_BLOCK = 1 << 20
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PR_SET_DUMPABLE = 4
_WAIT_SECONDS = 60


class Written(NamedTuple):
    """A finished draft: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


class Running(NamedTuple):
    """The process, what goes into it and what comes out."""

    process: subprocess.Popen[bytes]
    into: IO[bytes]
    out: IO[bytes]


def leave_no_core() -> None:
    """From now on this process leaves no core file, and no other one of the account may look into it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # a core that is piped to a program is not held off by the limit
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def draft_of(name: str) -> str:
    """The name that a file has while it is written."""
    return f".{name}.part"


class Encryption:
    """One file that is being written as its draft in an open folder; `finish` or `abandon` ends it."""

    def __init__(self, folder: int, name: str, kind: Kind, recipients: Sequence[Recipient]) -> None:
        self._folder = folder
        self.name = name
        self._hash = hashlib.sha256()
        self._size = 0
        self._failed: OSError | None = None
        try:
            self._file = os.open(draft_of(name), _DRAFT, 0o600, dir_fd=folder)
        except OSError as error:
            raise self._refused(error) from None
        try:
            keys = [one.material for one in recipients if one.kind == kind]
            self._running = started(f"encrypt_{kind}", keys)
        except BaseException:
            os.close(self._file)
            os.unlink(draft_of(name), dir_fd=folder)
            raise
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def write(self, block: bytes | bytearray) -> None:
        """Encrypt some more. Raises `UsageError` when the disk takes no more or the encryption ended."""
        try:
            self._running.into.write(block)
        except OSError:
            self._thread.join(_WAIT_SECONDS)
            raise self._refused(self._failed) from None

    def finish(self) -> Written:
        """Wait until all of it is on the disk. Raises what `write` does."""
        try:
            with contextlib.suppress(BrokenPipeError):
                self._running.into.close()
            self._thread.join()
            if self._running.process.wait() != 0 or self._failed is not None:
                raise self._refused(self._failed)
            os.fsync(self._file)
        except OSError as error:
            raise self._refused(error) from None
        os.close(self._file)
        self._file = -1
        return Written(self._size, self._hash.hexdigest())

    def abandon(self) -> None:
        """End it, and remove the draft."""
        self._running.process.kill()
        self._running.process.wait()
        self._thread.join(_WAIT_SECONDS)
        with contextlib.suppress(OSError):
            self._running.into.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft_of(self.name), dir_fd=self._folder)

    def _keep(self) -> None:
        with self._running.out as cipher:
            # what is there, at once: this thread gets its turn seldom while rows come
            while block := os.read(cipher.fileno(), _BLOCK):
                self._hash.update(block)
                self._size += len(block)
                try:
                    written = 0
                    while written < len(block):
                        written += os.write(self._file, memoryview(block)[written:])
                except OSError as error:
                    self._failed = error
                    self._running.process.kill()
                    return

    def _refused(self, error: OSError | None) -> UsageError:
        if error is not None:
            return UsageError(f"{self.name}: cannot be written: {error.strerror}: nothing was kept of it")
        code = self._running.process.poll()
        return UsageError(
            f"{self.name}: the encryption ended by itself (code {code}): nothing was kept of it"
        )


def started(what: str, keys: Sequence[bytes]) -> Running:
    """The process, with its keys given to it: the stream goes in and comes out by its pipes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    process = subprocess.Popen(  # noqa: S603 - our own file
        # our folder has modules named like those of others
        [sys.executable, "-P", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    asked = json.dumps({"what": what, "keys": [base64.b64encode(one).decode() for one in keys]}).encode()
    into, out = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    for pipe in (into, out):
        # fewer turns between the processes; without it, it is slower and nothing else
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _BLOCK)
    with contextlib.suppress(BrokenPipeError):
        into.write(len(asked).to_bytes(8, "big") + asked)
        into.flush()
    return Running(process, into, out)


def decrypted(file: int, kind: Kind, identity: bytes) -> Iterator[bytes]:
    """The clear text of an open file, in blocks; nothing is written anywhere.

    Nothing of it is sure before the last block: only then is it known that no part was changed. Raises
    `InputError` when the identity does not open it, or the file was changed or cut off.
    """
    process, into, out = started(f"decrypt_{kind}", [identity])
    feeding = threading.Thread(target=_fed, args=(into, file), daemon=True)
    feeding.start()
    try:
        with out as clear:
            while block := os.read(clear.fileno(), _BLOCK):
                yield block
        if process.wait() != 0:
            msg = "the identity does not open it, or it was changed or cut off"
            raise InputError(msg)
    finally:
        process.kill()
        process.wait()
        feeding.join(_WAIT_SECONDS)


def _fed(into: IO[bytes], file: int) -> None:
    with contextlib.suppress(OSError), into as cipher:
        while block := os.read(file, _BLOCK):
            cipher.write(block)
