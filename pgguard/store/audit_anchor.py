"""Anchors: what is kept of the audit's seals where the database's administrators cannot change it.

An anchor is one line of JSON. It goes to a file, to syslog, or to the standard input of a program, which
takes it to an object store or to a timestamp authority (RFC 3161). One head vouches for all seals before it,
so that a line that was lost is made good by the next one.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import syslog
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.model.evidence import Anchor, Checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = "file:PATH, syslog: or command:PROGRAM ARGUMENTS"
_COMMAND_SECONDS = 60.0
_NAMES = Anchor._fields


def send(to: str, anchor: Anchor) -> str:
    """Give an anchor to a place that `KINDS` tells; why it could not be, empty when it was.

    Raises `UsageError` for a place that there is not.
    """
    kind, _, rest = to.partition(":")
    line = encode(anchor)
    if kind == "file" and rest:
        return _append(Path(rest), line)
    if kind == "syslog" and not rest:
        syslog.openlog("pgguard-audit", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
        syslog.syslog(syslog.LOG_NOTICE, line)
        return ""
    if kind == "command" and rest.strip():
        return _run(rest, line)
    msg = f"an anchor goes to {KINDS}"
    raise UsageError(msg)


def encode(anchor: Anchor) -> str:
    """An anchor as a line of JSON, without its end."""
    named = {name: value for name, value in zip(_NAMES, anchor, strict=True) if value != ""}
    return msgspec.json.encode(named).decode()


def read(path: Path) -> tuple[list[Anchor], list[str]]:
    """The anchors of a file that still count, in its order, and what else is to be told.

    A line that was broken off is left out and told: the next one vouches for what it did. Raises `InputError`
    for a file that cannot be read or holds no anchor.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise InputError(msg) from None
    count: list[Anchor] = []
    told: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        one = _decoded(line)
        if one is None:
            told.append(f"{path}:{number}: this line is no anchor, or was broken off")
        elif one.lost:
            last = max((before.seal for before in count), default=0)
            count = [before for before in count if before.seal < one.seal]
            told.append(
                f"seals {one.seal} to {last} were anchored, and given up on {one.sealed_at}: {one.lost}"
            )
        else:
            count.append(one)
    if not count:
        msg = f"{path}: there is no anchor of pgguard in it"
        raise InputError(msg)
    return count, told


def load_checkpoint(path: Path) -> Checkpoint | None:
    """How far a store was verified; None when the file is not there yet.

    Raises `InputError` for a file that is something else.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        return msgspec.convert([found.get(name) for name in Checkpoint._fields], Checkpoint)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        msg = f"{path}: this is no state of pgguard audit verify"
        raise InputError(msg) from None


def save_checkpoint(path: Path, state: Checkpoint) -> None:
    """Keep how far a store was verified, in the place of what was kept before.

    Raises `UsageError` when it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(state._asdict()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from None


def check_places(places: Sequence[str]) -> None:
    """Raises `UsageError` unless anchors can be sent to all of these."""
    for one in places:
        kind, _, rest = one.partition(":")
        if not ((kind in ("file", "command") and rest.strip()) or (kind == "syslog" and not rest)):
            msg = f"{one}: an anchor goes to {KINDS}"
            raise UsageError(msg)


def _decoded(line: bytes) -> Anchor | None:
    try:
        found = msgspec.json.decode(line, type=dict[str, int | str])
        one = msgspec.convert([found.get(name, "") for name in _NAMES], Anchor)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return one if one.installation and (one.lost or (len(one.hash), len(one.head)) == (64, 64)) else None


def _append(path: Path, line: str) -> str:
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                # a line that was broken off stays for itself
                line = line if file.read(1) == b"\n" else "\n" + line
            file.write(line.encode() + b"\n")
            os.fsync(file.fileno())
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _run(command: str, line: str) -> str:
    try:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the administrator's own command, without a shell
            words,
            input=line.encode() + b"\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, ValueError, IndexError) as error:
        return f"the command could not be started ({type(error).__name__})"
    except subprocess.TimeoutExpired:
        return f"the command took longer than {_COMMAND_SECONDS:g} s"
    return f"the command ended with {done.returncode}" if done.returncode else ""
