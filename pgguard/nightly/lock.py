"""One run of a target at a time on this machine: cron does not look whether the last one has ended."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import os
import time
from typing import TYPE_CHECKING

from pgguard.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE_SECONDS = 0.1


@contextlib.contextmanager
def only_run(folder: Path, target: str, wait_seconds: float) -> Iterator[None]:
    """Holds the place of the run that looks at a target; it is free again when the process ends, however.

    Raises `HistoryError` when another run holds it for longer than `wait_seconds`.
    """
    path = folder / f"check-{hashlib.sha256(target.encode()).hexdigest()[:16]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # the history itself keeps two runs apart, whoever wrote first
        yield
        return
    try:
        _take(descriptor, target, wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, target: str, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
                continue
            who = os.pread(descriptor, 100, 0).decode("ascii", "replace").strip()
            msg = (
                f"another check of {target} is at work ({who or 'nobody says which'}); it was waited for "
                f"{wait_seconds:.0f} seconds, and nothing was looked at: end it if it hangs"
            )
            raise HistoryError(msg) from None
        # a full disk takes nothing away from the lock
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} since {_now()}\n".encode(), 0)
        return


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
