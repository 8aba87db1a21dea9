"""The folder that a mandate's encrypted files go to: whether it is there, ours alone, and has room."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pgguard.errors import UsageError
from pgguard.report.text import visible

if TYPE_CHECKING:
    from pathlib import PurePath

    from pgguard.model.mandate import Mandate

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ROOT = 0
_LEAST_ROOM = 16 << 20


def check_folder(mandate: Mandate) -> list[str]:
    """Why the files of the mandate cannot go to its folder; empty when they can. Changes nothing."""
    try:
        descriptor = os.open(mandate.folder, _FOLDER)
    except (OSError, ValueError) as error:
        return [_not_opened(mandate, error)]
    try:
        reasons = _of_parents(mandate.folder)
        reasons += _of_open(descriptor)
        reasons += _of_own(descriptor, mandate.name)
    finally:
        os.close(descriptor)
    return [f"mandate {mandate.name}, folder {visible(mandate.folder)}: {one}" for one in reasons]


def open_folder(mandate: Mandate, *, make: bool = False) -> int:
    """A descriptor of the mandate's own folder, `folder/NAME`, which is made with mode 0700 if that is asked.

    What is written and removed goes through the descriptor: a name that is exchanged later leads nowhere.
    Raises `UsageError` when the folder cannot be used, with the reasons.
    """
    if reasons := check_folder(mandate):
        raise UsageError("\n".join(reasons))
    try:
        parent = os.open(mandate.folder, _FOLDER)
        try:
            if make:
                _made(parent, mandate.name)
            own = os.open(mandate.name, _FOLDER, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise UsageError(_not_opened(mandate, error)) from None
    # it may have become another one since it was looked at
    if reasons := _of_open(own):
        os.close(own)
        msg = f"mandate {mandate.name}, folder {visible(mandate.folder)}: {reasons[0]}"
        raise UsageError(msg)
    return own


def has_folder(mandate: Mandate) -> bool:
    """Whether the mandate's own folder is there, or anything else in its place."""
    return os.path.lexists(os.path.join(mandate.folder, mandate.name))


def still_there(mandate: Mandate, descriptor: int) -> bool:
    """Whether the open folder is the one that its path leads to, and not one that took its place."""
    try:
        named = os.lstat(os.path.join(mandate.folder, mandate.name))
        above = os.lstat(mandate.folder)
    except OSError:
        return False
    status = os.fstat(descriptor)
    same = (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino)
    return same and stat.S_ISDIR(above.st_mode)


def _made(parent: int, name: str) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return
    os.fsync(parent)


def _not_opened(mandate: Mandate, error: OSError | ValueError) -> str:
    place = f"mandate {mandate.name}, folder {visible(mandate.folder)}"
    if isinstance(error, ValueError):
        return f"{place}: no folder can have that name"
    if isinstance(error, FileNotFoundError):
        return f"{place}: there is no such folder: make it (mkdir -m 700), on an encrypted volume"
    if os.path.islink(mandate.folder) or os.path.islink(os.path.join(mandate.folder, mandate.name)):
        return f"{place}: it is a link, and may lead elsewhere tomorrow: name the folder itself"
    if isinstance(error, NotADirectoryError):
        return f"{place}: it is not a folder"
    return f"{place}: it cannot be opened: {error.strerror}"


def _of_open(descriptor: int) -> list[str]:
    status = os.fstat(descriptor)
    reasons = []
    if status.st_uid != os.geteuid():
        reasons.append(f"it belongs to another account (uid {status.st_uid}), who may change it at any time")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        reasons.append(f"others may write into it (mode {mode}): chmod go-w")
    # a look at the mode does not see read-only mounts and access lists
    if not os.access(f"/proc/self/fd/{descriptor}", os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        reasons.append("we may not write into it")
    room = os.fstatvfs(descriptor)
    if room.f_bavail * room.f_frsize < _LEAST_ROOM:
        reasons.append(f"it has less than {_LEAST_ROOM >> 20} MiB of room left")
    elif room.f_files and not room.f_favail:
        reasons.append("its file system takes no more files (no inodes are left)")
    return reasons


_EFFECTIVE = os.access in os.supports_effective_ids


def _of_own(descriptor: int, name: str) -> list[str]:
    try:
        status = os.lstat(name, dir_fd=descriptor)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{name} in it cannot be looked at: {error.strerror}"]
    if stat.S_ISLNK(status.st_mode):
        return [f"{name} in it is a link, and may lead elsewhere tomorrow"]
    if not stat.S_ISDIR(status.st_mode):
        return [f"{name} in it is not a folder"]
    if status.st_uid != os.geteuid():
        return [f"{name} in it belongs to another account (uid {status.st_uid})"]
    if stat.S_IMODE(status.st_mode) & 0o077:
        return [f"{name} in it is open to others (mode {stat.S_IMODE(status.st_mode):04o}): chmod 700"]
    return []


def _of_parents(path: str) -> list[str]:
    """Who could exchange the folder for another one: whoever may write into one above it."""
    from pathlib import PurePosixPath

    for parent in PurePosixPath(path).parents:
        if reason := _of_parent(parent):
            return [reason]
    return []


def _of_parent(parent: PurePath) -> str:
    try:
        status = os.stat(parent)
    except OSError as error:
        return f"{visible(str(parent))} above it cannot be looked at: {error.strerror}"
    if status.st_uid not in (os.geteuid(), _ROOT):
        return f"{visible(str(parent))} above it belongs to another account (uid {status.st_uid})"
    # in a sticky folder such as /tmp only its owner can rename what is ours
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX:
        return f"others may exchange it: they may write into {visible(str(parent))} above it"
    return ""
