"""One entry of the audit store as it is read: who changed which row, when, and what may be shown of it."""

from __future__ import annotations

import datetime  # noqa: TC003 - a type of fields
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Recorded = Literal["plain", "mark", "sealed", "encrypted", "digest"]
# half rows of an UPDATE that changed the key (or of a table without one) have nothing they are compared with
_BEFORE = ("DELETE", "UPDATE FROM")
_AFTER = ("INSERT", "UPDATE TO")


class Shape(NamedTuple):
    """What a table's entries mean: `columns` by place in `changed`, `recorded` in `old` and `new`."""

    relation: str
    columns: tuple[str, ...]
    recorded: tuple[str, ...]
    sealed: tuple[str, ...]
    cipher: tuple[str, ...]
    tagged: tuple[str, ...]
    key: tuple[str, ...]


class ColumnChange(NamedTuple):
    """What is known of one column: values where `recorded` is plain, and keyed digests where it is digest."""

    name: str
    recorded: Recorded
    before: str | None = None
    after: str | None = None


class Entry(NamedTuple):
    """A row that a statement wrote, or another event of the audit, which has an `object` and no shape.

    `at` is when the statement's trigger ran, `began` when the transaction did; `role` is empty unless SET
    ROLE chose one. `sealed` is empty where nothing is sealed, `wrapped` where its key was destroyed or not
    asked for.
    """

    id: int
    at: datetime.datetime
    began: datetime.datetime
    xid: int
    pid: int
    backend_start: datetime.datetime | None
    verb: str
    login: str
    role: str
    authenticated: str
    client: str
    application: str
    claimed: str
    object: str
    key: str
    subject: str
    subject_before: str
    changed: tuple[bool | None, ...]
    old: tuple[str | None, ...]
    new: tuple[str | None, ...]
    sealed: bytes
    wrapped: bytes
    erased: bool
    shape: Shape | None

    @property
    def relation(self) -> str:
        """The table, as it was called then; empty for other events."""
        return self.shape.relation if self.shape else ""

    @property
    def changes(self) -> Iterator[ColumnChange]:
        """What is known of each column that got a value, lost one or got another one; nothing when erased."""
        if self.shape is None or self.erased:
            return
        touched = dict(zip(self.shape.columns, self.changed, strict=False)) if self.verb == "UPDATE" else None
        for name in self.shape.columns:
            if touched is not None and not touched.get(name):
                continue
            recorded = self._recorded(name)
            if recorded in ("mark", "sealed", "encrypted"):
                yield ColumnChange(name, recorded)
                continue
            place = self.shape.recorded.index(name)
            before = self.old[place] if place < len(self.old) and self.verb not in _AFTER else None
            after = self.new[place] if place < len(self.new) and self.verb not in _BEFORE else None
            yield ColumnChange(name, recorded, before, after)

    def _recorded(self, name: str) -> Recorded:
        shape = self.shape
        if shape is None or (name not in shape.recorded and name not in shape.sealed):
            return "mark"
        if name in shape.sealed:
            return "sealed"
        return "encrypted" if name in shape.cipher else "digest" if name in shape.tagged else "plain"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; what is empty or None does not narrow the search.

    `subject` is the data subject's key in clear, `key` the row's, one text for each of its columns; both are
    found whether they were recorded as they are or as keyed digests. `person` is a login, a role, an end user
    or who was authenticated. Times: `first` <= at < `last`.
    """

    subject: str = ""
    key: tuple[str, ...] = ()
    person: str = ""
    table: str = ""
    first: datetime.datetime | None = None
    last: datetime.datetime | None = None
    verbs: tuple[str, ...] = ()
    column: str = ""
    limit: int | None = None
    newest_first: bool = False
    with_sealed: bool = False
