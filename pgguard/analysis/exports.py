"""The exports and dumps in the folders that the policy names, as the checks ask for them and tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import shorten
from pgguard.errors import Unread
from pgguard.model.finding import NotApplicable
from pgguard.model.folders import FolderLook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgguard.model.folders import FoundFile
    from pgguard.model.policy import Folder, Policy
    from pgguard.model.snapshot import Snapshot

_SHOWN = 3


def named_folders(snapshot: Snapshot, policy: Policy) -> list[tuple[Folder, FolderLook]]:
    """The folders of the policy, each with what lies in it.

    Raises `NotApplicable` when it names none, and when nobody looked at them.
    """
    if not policy.folder:
        msg = "the policy names no folder of exports and dumps ([[folder]] path, purpose, keep_days)"
        raise NotApplicable(msg)
    found = looks(snapshot)
    return [(one, look_at(found, one.path)) for one in policy.folder]


def looks(snapshot: Snapshot) -> Mapping[str, FolderLook]:
    """What lies in every folder and root that the policy names.

    Raises `NotApplicable` when nobody looked.
    """
    if snapshot.folders is None:
        msg = (
            "nobody looked at the folders: pgguard inspect and check do, on the machine where they run, "
            "and a saved snapshot carries no look at files"
        )
        raise NotApplicable(msg)
    return snapshot.folders


def look_at(found: Mapping[str, FolderLook], path: str) -> FolderLook:
    """What lies in one of them; what nobody looked at is not seen."""
    return found.get(path) or FolderLook((), (f"{path}: nobody looked at it",))


def not_seen(found: Iterable[FolderLook]) -> None:
    """Raises `Unread` for what could not be looked at in these folders; to be called after all findings."""
    if unread := list(dict.fromkeys(one for look in found for one in look.unread)):
        msg = "folders"
        raise Unread(msg, shorten(unread, _SHOWN))


def is_certain(file: FoundFile) -> bool:
    """Whether it is known to hold a database or persons' data, and not only rows that nobody can tell."""
    return file.holds != "rows"


def told(files: Sequence[FoundFile]) -> str:
    """Files in prose, those that are certain first: path, kind, size, day, mode, what columns look like."""
    ordered = sorted(files, key=lambda one: (not is_certain(one), one.path))
    return shorten([_told(one) for one in ordered], _SHOWN)


def _told(file: FoundFile) -> str:
    said = [file.kind, size(file.size), f"of {file.made}", f"mode {file.mode}"]
    if file.columns:
        look = "column looks" if file.columns == 1 else "columns look"
        said.append(f"{file.columns} {look} personal: {', '.join(file.categories)}")
    return f"{file.path} ({'; '.join(said)})"


def size(count: int) -> str:
    """A number of bytes for people, in steps of 1024 as pg_size_pretty has them."""
    unit, value = "bytes", float(count)
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1024:
            break
        unit, value = larger, value / 1024
    return f"{value:.0f} {unit}"
