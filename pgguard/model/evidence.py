"""Seals of the audit store and what is kept of them outside: values, and the hashes that make them evidence.

A seal covers entries by the head of their Merkle tree, and the seal before it by its hash. The heads of the
tree over all seals are what is anchored: one head vouches for every seal up to it.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

ZERO = bytes(32)
# microseconds are counted from here (manual, 8.5)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIXED = struct.Struct(">qi?qqqqqq")
_PREFIX = b"pgguard seal 1"
# the rest of a generation has no end of its own
NO_END = 2**63 - 1


class Seal(NamedTuple):
    """A row of pgguard_audit.seal, without the tree over the seals.

    `sealed_at` is in microseconds since 2000 (UTC).
    """

    number: int
    generation: int
    rest: bool
    xid_from: int
    xid_to: int
    entries: int
    first_id: int
    last_id: int
    sealed_at: int
    encoding: str
    root: bytes
    previous: bytes

    def hash(self) -> bytes:
        """SHA-256 over the fields as integers of fixed length: no time zone or locale has a part in it."""
        fixed = _FIXED.pack(
            self.number,
            self.generation,
            self.rest,
            self.xid_from,
            self.xid_to,
            self.entries,
            self.first_id,
            self.last_id,
            self.sealed_at,
        )
        return hashlib.sha256(_PREFIX + fixed + self.root + self.previous + self.encoding.encode()).digest()

    @property
    def when(self) -> str:
        """When it was made, as ISO 8601 in UTC."""
        return moment(self.sealed_at)


class Anchor(NamedTuple):
    """What is kept outside the database: the head of the tree over the seals up to number `seal`.

    `installation` and `place` tell which store it is of, and in which cluster. `lost` is not empty on a line
    by which somebody said that seals from `seal` on went with a server that was lost, and why.
    """

    installation: str
    place: str
    seal: int
    hash: str
    head: str
    sealed_at: str
    lost: str = ""


def moment(microseconds: int) -> str:
    """Microseconds since 2000 as ISO 8601 in UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def microseconds(when: datetime) -> int:
    """A time as microseconds since 2000, exactly."""
    return (when - _EPOCH) // timedelta(microseconds=1)


class Bad(NamedTuple):
    """What is not as it was sealed: the seal, the entry (0: it cannot be told), and what is wrong with it."""

    seal: int
    entry: int
    what: str


class Checkpoint(NamedTuple):
    """How far a store was verified: kept where it was verified, it is an anchor too.

    `edge` is that of the tree over the seals up to `seal`; `purge` the last purge that an entry vouched for,
    `shapes` what entries told of the meaning of entries: digest and encoding.
    """

    installation: str
    seal: int
    hash: str
    edge: str
    purge: int
    purge_digest: str
    shapes: dict[str, tuple[str, str]]
    verified_at: str


class Verified(NamedTuple):
    """What verifying found. `bad` begins with the first one (a hundred at most; `bad_count` tells how many).

    `unsealed` counts the entries after the last seal, a million at most, the oldest written at
    `unsealed_since`. `anchored` is the last seal that an anchor vouches for; 0 for none. `remarks` are no
    faults.
    """

    installation: str
    first_seal: int
    last_seal: int
    last_hash: bytes
    head: bytes
    entries: int
    purged: int
    erased: int
    unsealed: int
    unsealed_since: str
    anchored: int
    anchored_at: str
    bad: tuple[Bad, ...]
    bad_count: int
    remarks: tuple[str, ...]
    checkpoint: Checkpoint | None

    @property
    def ok(self) -> bool:
        """Whether everything that was sealed is there as it was."""
        return not self.bad
