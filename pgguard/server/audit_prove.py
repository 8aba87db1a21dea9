"""Proofs about the audit store: that an entry is in it, and that it only ever grew (RFC 6962, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import UsageError
from pgguard.model.merkle import consistency, heads, inclusion, leaf_hash
from pgguard.model.proof import Consistency, Inclusion
from pgguard.server.audit_entries import Told, compare, leaves
from pgguard.server.audit_session import rows, session, stream
from pgguard.server.audit_verify import READER, generations_of, sealed_after, span_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.evidence import Anchor
    from pgguard.model.merkle import Range
    from pgguard.server.audit_entries import Sealed, Span
    from pgguard.server.audit_session import Connection
    from pgguard.server.connect import Target

_AT_ONCE = 10_000


def prove_inclusion(target: Target, entry: int, anchors: Sequence[Anchor] = ()) -> Inclusion:
    """The proof that an entry is under its seal, and the seal under the first anchor that covers it.

    Without an anchor that does, it is the head of today. Raises `UsageError` for an entry that no seal
    covers, whose partition was dropped or whose seal does not hold.
    """
    with session(target, READER, writes=False) as connection, connection.transaction():
        found = rows(connection, "seal_with", entry)
        if not found:
            msg = f"no seal knows the entry {entry}: it is not there, not sealed yet, or was purged"
            raise UsageError(msg)
        (number,) = found[0]
        installation, _, last, _, _ = rows(connection, "store")[0]
        one = next(sealed_after(connection, number - 1))
        seal = one.seal
        span = span_of([one], generations_of(connection))
        rows(connection, "encoding", seal.encoding)
        for bad in compare(connection, [one], span, Told()):
            msg = f"seal {number} does not hold: entry {bad.entry} {bad.what}"
            raise UsageError(msg)
        index, public, digest = _place(connection, one, span, entry)
        path = heads(
            inclusion(index, seal.entries), (leaf for _, leaf, _, _ in leaves(connection, one, span))
        )
        size = min((anchor.seal for anchor in anchors if anchor.seal >= number), default=last)
        *fixed, root, previous = seal
        return Inclusion._make(
            (
                installation,
                entry,
                public.hex(),
                digest.hex(),
                index,
                _hex(path),
                (*fixed, root.hex(), previous.hex()),
                _hex(_heads(connection, inclusion(number - 1, size))),
                size,
                _head(connection, size),
            )
        )


def prove_consistency(target: Target, first: int, second: int | None = None) -> Consistency:
    """The proof that the store with `second` seals (None: all) begins with that of `first`.

    Raises `UsageError` when there are not as many seals.
    """
    with session(target, READER, writes=False) as connection, connection.transaction():
        installation, _, last, _, _ = rows(connection, "store")[0]
        size = last if second is None else second
        if not 0 < first <= size <= last:
            msg = f"there are {last} seals: give two numbers among them, the smaller one first"
            raise UsageError(msg)
        path = _hex(_heads(connection, consistency(first, size)))
        return Consistency(installation, first, _head(connection, first), size, _head(connection, size), path)


def _place(connection: Connection, one: Sealed, span: Span, entry: int) -> tuple[int, bytes, bytes]:
    for index, (name, _, public, digest) in enumerate(leaves(connection, one, span)):
        if int.from_bytes(name, "big", signed=True) == entry and public:
            return index, public, digest
    msg = f"the entry {entry} went with its partition: only its hash is left"
    raise UsageError(msg)


def _heads(connection: Connection, ranges: Sequence[Range]) -> list[bytes]:
    return heads(ranges, _seal_hashes(connection))


def _seal_hashes(connection: Connection) -> Iterator[bytes]:
    for found in stream(connection, "seal_hashes", (), _AT_ONCE):
        yield from (leaf_hash(one[0]) for one in found)


def _head(connection: Connection, size: int) -> str:
    head: bytes = rows(connection, "seal_hash", size)[0][2]
    return head.hex()


def _hex(hashes: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(one.hex() for one in hashes)
