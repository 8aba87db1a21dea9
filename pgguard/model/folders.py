"""What lies in the folders that the policy names: exports and dumps, by kind and date, never by content."""

from __future__ import annotations

from typing import Literal, NamedTuple

# dump: whole tables or databases; personal: rows whose columns look personal; rows: rows of columns that
# nobody can tell; encrypted: nothing to read without a key
Holds = Literal["dump", "personal", "rows", "encrypted"]


class FoundFile(NamedTuple):
    """An export or dump: a file, or a folder that is one dump.

    `kind` says its format in words, `size` is in bytes, `made` the day of its data (ISO 8601, UTC), as far as
    its own header or its last change tells. `mode` is octal; `open` says whether other accounts of the
    machine may read it, the folders above taken into account. `root` is the web or FTP root that it is
    published under, empty without one. `columns` is how many of its columns look personal, and `categories`
    as what.
    """

    path: str
    kind: str
    holds: Holds
    size: int
    made: str
    mode: str
    open: bool
    root: str = ""
    columns: int = 0
    categories: tuple[str, ...] = ()


class FolderLook(NamedTuple):
    """What was found in one folder, and what of it could not be looked at: each with its reason."""

    files: tuple[FoundFile, ...]
    unread: tuple[str, ...] = ()
