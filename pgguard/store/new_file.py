"""A file that is there whole or not at all, and that only its owner may read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from pgguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


class NewFile:
    """What is written so far: `write` takes bytes, `lines` counts calls of it, `digest` is of all of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.lines = 0

    def write(self, line: bytes) -> None:
        """Append one line."""
        self._hash.update(line)
        self._file.write(line)
        self.lines += 1

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, in hexadecimal digits."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[NewFile]:
    """A file of mode 0600 that has its name only when the block ended well; never over one that is there.

    Raises `UsageError` when it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.exists() or path.is_symlink():
            msg = f"{path}: there is such a file already, and it is not written over"
            raise UsageError(msg)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "wb", buffering=1 << 20) as file:
            yield NewFile(file)
            file.flush()
            os.fsync(file.fileno())
        # unlike a renaming, a link is refused when somebody else made such a file meanwhile
        os.link(draft, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None
    finally:
        draft.unlink(missing_ok=True)
