"""Entries of the audit store held against their seals: a stream of rows beside one of what was sealed."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from pgguard.model.evidence import Bad, Seal
from pgguard.model.merkle import Edge
from pgguard.server.audit_session import rows, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.server.audit_session import Connection

One = TypeVar("One")
_AT_ONCE = 4096
_LISTED = 32
_PURGED = 40
# record_send: the number of columns, then of each its type, length and bytes; "id" and "xid" are never NULL
_PLACES = struct.Struct(">12x8s40xq")
_COLUMN = struct.Struct(">Ii")
_SHAPE, _VERB, _OBJECT = 6, 7, 14
_NEW = 4
# ROW(NULL::text, NULL::text, NULL::text, NULL::text[], NULL::text[], NULL::bytea)
_NOTHING = struct.pack(">i", 6) + b"".join(
    struct.pack(">Ii", oid, -1) for oid in (25, 25, 25, 1009, 1009, 17)
)


class Sealed(NamedTuple):
    """A seal as the store has it, with what went with partitions: how many entries, leaves of some."""

    seal: Seal
    hash: bytes
    head: bytes
    edge: bytes
    gone: int
    kept: bytes

    def leaves_kept(self) -> dict[bytes, bytes]:
        """The leaves of entries that went with a partition, by id."""
        return {
            self.kept[at : at + 8]: self.kept[at + 8 : at + _PURGED]
            for at in range(0, len(self.kept), _PURGED)
        }


class Span(NamedTuple):
    """Which entries a group of seals covers, as `sql/audit/entries.sql` asks for them."""

    xid_from: int
    xid_to: int
    generation: int
    id_to: int
    not_xid: int | None
    not_id: int | None


class Told:
    """What entries themselves tell of erasures, purges and what entries mean, and which were found erased.

    `shapes` has the digest and the encoding of each.
    """

    def __init__(self) -> None:
        self.erased: set[int] = set()
        self.erasures: set[int] = set()
        self.purges: dict[int, str] = {}
        self.shapes: dict[int, tuple[str, str]] = {}

    def note(self, verb: str, named: str, new: Sequence[str]) -> None:
        """Take in an entry of the store about itself."""
        if verb == "AUDIT ERASED":
            self.erasures.update(int(one) for one in new if one.isdecimal())
        elif verb == "AUDIT PURGED" and len(new) > 1 and new[0].isdecimal():
            self.purges[int(new[0])] = new[1]
        elif verb == "AUDIT SHAPE" and len(new) > 1 and named.isdecimal():
            # of several the first: later ones say the same, or somebody put them in
            self.shapes.setdefault(int(named), (new[0], new[1]))


class _Row(NamedTuple):
    id: bytes
    xid: int
    public: bytes
    payload: bytes
    erased: bytes | None

    @property
    def number(self) -> int:
        return int.from_bytes(self.id, "big", signed=True)

    def digest(self, salt: bytes) -> bytes:
        return hashlib.sha256(salt + self.payload).digest() if self.erased is None else self.erased

    def leaf(self, salt: bytes) -> bytes:
        return hashlib.sha256(b"\x00" + self.public + self.digest(salt)).digest()


class _Ahead(Generic[One]):
    """A stream of which the next one is seen before it is taken."""

    def __init__(self, of: Iterator[One]) -> None:
        self._of = of
        self.next = next(of, None)

    def take(self) -> None:
        self.next = next(self._of, None)


def compare(connection: Connection, group: Sequence[Sealed], span: Span, told: Told) -> Iterator[Bad]:
    """The first entry of each seal of the group that is not as it was sealed.

    Raises psycopg's errors.
    """
    entries = _Ahead(_rows(connection, span))
    listed = _Ahead(_listed(connection, group[0].seal.number, group[-1].seal.number))
    for one in group:
        bad = _first_bad(connection, one, entries, listed, told)
        if bad is not None:
            yield bad
        while entries.next is not None and entries.next.xid < one.seal.xid_to:
            entries.take()


def leaves(connection: Connection, one: Sealed, span: Span) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """The leaves of a seal that holds: id, hash, and of entries that are still there public part and digest.

    Raises psycopg's errors.
    """
    entries = _Ahead(_rows(connection, span))
    kept = one.leaves_kept()
    for name, salt, _ in _names(
        _Ahead(_listed(connection, one.seal.number, one.seal.number)), one.seal.number
    ):
        row = entries.next
        if row is not None and row.id == name:
            yield name, row.leaf(salt), row.public, row.digest(salt)
            entries.take()
        else:
            yield name, kept[name], b"", b""


def _first_bad(
    connection: Connection, one: Sealed, entries: _Ahead[_Row], listed: _Ahead[tuple[int, bytes]], told: Told
) -> Bad | None:
    number, end = one.seal.number, one.seal.xid_to
    kept = one.leaves_kept()
    tree = Edge()
    for name, salt, begins in _names(listed, number):
        row = entries.next
        if row is not None and row.id == name and row.xid < end:
            leaf = row.leaf(salt)
            if leaf[:8] != begins or (row.erased is not None and row.payload != _NOTHING):
                return Bad(number, row.number, "was changed after it was sealed")
            tree.append(leaf)
            _tell(row, told)
            entries.take()
        elif name in kept:
            tree.append(kept[name])
        else:
            return _out_of_order(connection, one.seal, name, row)
    row = entries.next
    if one.gone < one.seal.entries and (tree.size, tree.head()) != (one.seal.entries, one.seal.root):
        return _no_list(one, tree.size)
    if row is not None and row.xid < end:
        return Bad(number, row.number, "was put in after its seal was made")
    return None


def _names(listed: _Ahead[tuple[int, bytes]], seal: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    while listed.next is not None and listed.next[0] <= seal:
        number, blob = listed.next
        listed.take()
        if number == seal:
            for at in range(0, len(blob), _LISTED):
                yield blob[at : at + 8], blob[at + 8 : at + 24], blob[at + 24 : at + _LISTED]


def _rows(connection: Connection, span: Span) -> Iterator[_Row]:
    unpack = _PLACES.unpack_from
    for found in stream(connection, "entries", span, _AT_ONCE):
        for public, payload, erased in found:
            name, xid = unpack(public)
            yield _Row(name, xid, public, payload, erased)


def _listed(connection: Connection, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    for found in stream(connection, "listed", (first, last), 16):
        yield from ((one[0], one[1]) for one in found)


def _out_of_order(connection: Connection, seal: Seal, name: bytes, row: _Row | None) -> Bad:
    missing = int.from_bytes(name, "big", signed=True)
    if row is None or row.xid >= seal.xid_to:
        return Bad(seal.number, missing, "is missing")
    if rows(connection, "is_listed", seal.number, row.number)[0][0]:
        return Bad(seal.number, missing, "is missing, or stands in another place")
    return Bad(seal.number, row.number, f"was put in after its seal was made, or was entry {missing}")


def _no_list(one: Sealed, found: int) -> Bad:
    if found == 0:
        return Bad(
            one.seal.number,
            one.seal.first_id,
            "is the first that cannot be verified: salts of its seal are missing",
        )
    return Bad(
        one.seal.number,
        0,
        f"one of the entries {one.seal.first_id} to {one.seal.last_id} was changed, and what names it too",
    )


def _tell(row: _Row, told: Told) -> None:
    if row.erased is not None:
        told.erased.add(row.number)
    if b"AUDIT " in row.public:
        fields = _fields(row.public)
        if fields[_SHAPE] is None and row.erased is None:
            verb, named = ((fields[at] or b"").decode("utf-8", "replace") for at in (_VERB, _OBJECT))
            told.note(verb, named, _texts(_fields(row.payload)[_NEW]))


def _fields(record: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at = 4
    while at < len(record):
        _, length = _COLUMN.unpack_from(record, at)
        at += 8
        found.append(None if length < 0 else record[at : at + length])
        at += max(length, 0)
    return found


def _texts(array: bytes | None) -> list[str]:
    # array_send: dimensions, flags, type; of each dimension its length and lower bound; the elements
    found: list[str] = []
    at = 20
    while array is not None and at < len(array):
        (length,) = struct.unpack_from(">i", array, at)
        at += 4
        found.append(array[at : at + max(length, 0)].decode("utf-8", "replace"))
        at += max(length, 0)
    return found
