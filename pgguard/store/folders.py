"""A look at the folders that the policy names, on this machine: which exports and dumps lie there.

Nothing is followed that a link points to, nothing is opened that is no file, and only the first bytes of a
file are read: its kind is kept, its dates and who may read it, and never what stands in it.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.headers import sensitive_header
from pgguard.model.folders import FolderLook, FoundFile
from pgguard.report.text import visible
from pgguard.store.file_kinds import Kind, kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.folders import Holds
    from pgguard.model.policy import Policy

_MOST_FILES = 200_000
_DEEPEST = 24
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# without waiting for whoever might write into a pipe of that name
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RANK: tuple[Holds, ...] = ("encrypted", "rows", "personal", "dump")
_OF_ANYTHING = frozenset({"free_text", "credential", "staff_identity", "network_identifier"})
_WORD = re.compile(r"[^\W_]+")


class _Place(NamedTuple):
    """A folder that is open, its path, and whether other accounts get through it."""

    descriptor: int
    path: str
    reached: bool
    depth: int


def look_at_folders(policy: Policy) -> Mapping[str, FolderLook]:
    """Each folder, web root and FTP root that the policy and its mandates name, by its path, as it is now.

    What one of them does not let us see is said in `FolderLook.unread`. Raises `PolicyError` for a lexicon of
    the policy with mistakes.
    """
    roots = (*policy.files.web_roots, *policy.files.ftp_roots)
    named = list(
        dict.fromkeys([*(one.path for one in policy.folder), *(one.folder for one in policy.mandate)])
    )
    look = _Look(policy, named)
    # what the links of a root lead to has to be known before the folders are looked at
    found = {root: look.folder(root, root) for root in roots}
    return found | {path: look.folder(path) for path in named if path not in found}


class _Look:
    def __init__(self, policy: Policy, named: list[str]) -> None:
        self._policy = policy
        self._published: list[tuple[PurePosixPath, str]] = []
        self._named = {key for path in named if (key := _key(path)) is not None}
        self._root = ""
        self._left = 0
        self._files: list[FoundFile] = []
        self._unread: list[str] = []
        self._seen: set[tuple[int, int]] = set()

    def folder(self, path: str, root: str = "") -> FolderLook:
        """What lies in one folder; `root` is its own path where it is a web or FTP root."""
        self._root, self._left = root, _MOST_FILES
        self._files, self._unread, self._seen = [], [], set()
        try:
            real = os.path.realpath(path, strict=True)
            if root:
                self._published.append((PurePosixPath(real), root))
            descriptor = os.open(real, _FOLDER)
        except OSError as error:
            self._missed(path, error)
        else:
            self._walk(_Place(descriptor, real, _is_reached(real), 0))
        return FolderLook(tuple(self._files), tuple(self._unread))

    def _walk(self, place: _Place) -> None:
        try:
            status = os.fstat(place.descriptor)
            key = status.st_dev, status.st_ino
            # mounted twice, or looked at by its own entry
            if key in self._seen or (place.depth and key in self._named):
                return
            self._seen.add(key)
            with os.scandir(place.descriptor) as listed:
                names = sorted(one.name for one in itertools.islice(listed, self._left + 1))
            inside = place._replace(reached=place.reached and bool(status.st_mode & stat.S_IXOTH))
            if whole := self._whole(inside, status, set(names)):
                self._files.append(whole)
                return
            for name in names:
                if self._left <= 0:
                    self._say(place.path, f"it holds more than {_MOST_FILES} files, the rest was left out")
                    return
                self._left -= 1
                self._entry(inside, name)
        except OSError as error:
            self._missed(place.path, error)
        finally:
            os.close(place.descriptor)

    def _entry(self, place: _Place, name: str) -> None:
        path = os.path.join(place.path, name)
        try:
            mode = os.lstat(name, dir_fd=place.descriptor).st_mode
            if stat.S_ISLNK(mode) and self._root:
                with contextlib.suppress(OSError):
                    target = PurePosixPath(os.path.realpath(path, strict=True))
                    self._published.append((target, self._root))
            elif stat.S_ISDIR(mode) and place.depth >= _DEEPEST:
                self._say(path, f"it lies more than {_DEEPEST} folders deep")
            elif stat.S_ISDIR(mode):
                descriptor = os.open(name, _FOLDER, dir_fd=place.descriptor)
                self._walk(_Place(descriptor, path, place.reached, place.depth + 1))
            elif stat.S_ISREG(mode):
                self._file(place, name, path)
        except FileNotFoundError:
            # it went away meanwhile
            return
        except OSError as error:
            self._missed(path, error)

    def _file(self, place: _Place, name: str, path: str) -> None:
        descriptor = os.open(name, _FILE, dir_fd=place.descriptor)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return
            told = list(kinds(file, name))
        judged = [(one, self._columns(one, name)) for one in told if one.holds != "unseen"]
        held = [(_holds(kind, categories), kind, categories) for kind, categories in judged]
        exports = [(holds, kind, categories) for holds, kind, categories in held if holds is not None]
        worst = max(exports, key=lambda one: _RANK.index(one[0]), default=None)
        if worst is None or worst[0] == "encrypted":
            for one in dict.fromkeys(kind.words for kind in told if kind.holds == "unseen"):
                self._say(path, one)
        if worst is None:
            return
        personal = [category for _, _, categories in exports for category in categories]
        made = min([_day(status), *(kind.made for _, kind, _ in exports if kind.made)])
        self._files.append(
            FoundFile(
                visible(path),
                worst[1].words,
                worst[0],
                status.st_size,
                made.isoformat(),
                f"{status.st_mode & 0o7777:04o}",
                place.reached and bool(status.st_mode & stat.S_IROTH),
                self._published_under(path),
                len(personal),
                tuple(sorted(set(personal))),
            )
        )

    def _columns(self, kind: Kind, name: str) -> list[str]:
        if not kind.columns:
            return []
        table = kind.table or "_".join(_WORD.findall(name.partition(".")[0]))
        return sensitive_header(kind.columns, table[:63], self._policy)

    def _whole(self, place: _Place, status: os.stat_result, names: set[str]) -> FoundFile | None:
        """The folder as one dump, where it is pg_dump's directory format or a copy of a data directory."""
        if {"PG_VERSION", "global", "base"} <= names:
            kind = Kind(
                "base backup" if names & {"backup_label", "backup_manifest"} else "data directory", "dump"
            )
        elif "toc.dat" in names:
            descriptor = os.open("toc.dat", _FILE, dir_fd=place.descriptor)
            with open(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return None
                kind = next(kinds(file, "toc.dat"), Kind("", "rows"))
            if not kind.words.startswith("database dump"):
                return None
            # its list of contents calls itself a tar's
            kind = kind._replace(words="database dump, directory format")
        else:
            return None
        parts = [os.lstat(one, dir_fd=place.descriptor) for one in sorted(names)]
        files = [one for one in parts if stat.S_ISREG(one.st_mode)]
        newest = max(files, key=lambda one: one.st_mtime, default=status)
        made = min([_day(newest), *filter(None, [kind.made])])
        return FoundFile(
            visible(place.path),
            kind.words,
            "dump",
            sum(one.st_size for one in files),
            made.isoformat(),
            f"{status.st_mode & 0o7777:04o}",
            place.reached and any(one.st_mode & stat.S_IROTH for one in files),
            self._published_under(place.path),
        )

    def _published_under(self, path: str) -> str:
        here = PurePosixPath(path)
        return next((root for place, root in self._published if here.is_relative_to(place)), "")

    def _missed(self, path: str, error: OSError) -> None:
        self._say(path, error.strerror or "it cannot be read")

    def _say(self, path: str, why: str) -> None:
        self._unread.append(f"{visible(path)}: {why}")


def _holds(kind: Kind, categories: list[str]) -> Holds | None:
    """What counts of it: rows whose columns are known and none of them personal are no export of anybody."""
    if kind.holds == "rows" and kind.columns:
        if kind.words.startswith("JSON") and _OF_ANYTHING.issuperset(categories):
            # settings and documents of programs have texts, authors and passwords too
            return None
        # what somebody wrote may be about anybody
        if not categories:
            return None if kind.sure else "rows"
        return "rows" if {*categories} == {"free_text"} else "personal"
    return "dump" if kind.holds == "dump" else "encrypted" if kind.holds == "encrypted" else "rows"


def _day(status: os.stat_result) -> datetime.date:
    # anybody can set the time of the last change, into the future too, but not that of the inode's
    moment = min(status.st_mtime, status.st_ctime)
    return datetime.datetime.fromtimestamp(max(moment, 0), datetime.UTC).date()


def _key(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _is_reached(path: str) -> bool:
    # whether other accounts get through the folders above; when in doubt they do
    for folder in Path(path).parents:
        with contextlib.suppress(OSError):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return False
    return True
