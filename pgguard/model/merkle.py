"""Merkle trees as in RFC 6962 (2.1) and RFC 9162 (2.1): heads, growth, proofs and their checks.

Hashes are SHA-256, 32 bytes. A leaf and a node are hashed with different first bytes, so that none can be
given out as the other. Proofs are made from ranges of leaves: each is the head of a complete part of the
tree, which a stream of leaf hashes gives without keeping them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
_SIZE = 32

Range = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node, from those below it (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a tree: the heads of its full subtrees, the largest first; all that it needs to grow.

    `size` is the number of leaves; there are as many heads as it has one bits.
    """

    __slots__ = ("_heads", "size")

    def __init__(self, size: int = 0, heads: bytes = b"") -> None:
        """An empty tree, or the one whose edge was kept by `bytes()`.

        Raises `ValueError` when the heads are not as many as the size needs.
        """
        if size < 0 or len(heads) != _SIZE * size.bit_count():
            msg = f"a tree of {size} leaves has not {len(heads) / _SIZE:g} full subtrees"
            raise ValueError(msg)
        self.size = size
        self._heads = [heads[at : at + _SIZE] for at in range(0, len(heads), _SIZE)]

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        # as many subtrees become one as there are one bits at the end of the size
        size, heads = self.size, self._heads
        self.size = size + 1
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + heads.pop() + leaf).digest()
            size >>= 1
        heads.append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of many leaves."""
        for leaf in leaves:
            self.append(leaf)

    def head(self) -> bytes:
        """The tree's head; of an empty one the hash of nothing (RFC 6962, 2.1)."""
        if not self._heads:
            return EMPTY
        found = self._heads[-1]
        for left in reversed(self._heads[:-1]):
            found = node_hash(left, found)
        return found

    def __bytes__(self) -> bytes:
        return b"".join(self._heads)


def head(leaves: Iterable[bytes]) -> bytes:
    """The head of the tree with these leaf hashes."""
    edge = Edge()
    edge.extend(leaves)
    return edge.head()


def inclusion(index: int, size: int) -> list[Range]:
    """Which parts of a tree prove that leaf `index` is in it (RFC 6962, 2.1.1): ranges, nearest first.

    Raises `ValueError` for a leaf that the tree has not.
    """
    if not 0 <= index < size:
        msg = f"a tree of {size} leaves has no leaf {index}"
        raise ValueError(msg)
    path: list[Range] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return path[::-1]


def consistency(first: int, second: int) -> list[Range]:
    """Which parts prove that the tree of `second` leaves begins with that of `first` (RFC 6962, 2.1.2).

    Raises `ValueError` unless 0 < first <= second.
    """
    if not 0 < first <= second:
        msg = f"a tree of {second} leaves does not begin with one of {first}"
        raise ValueError(msg)
    path: list[Range] = []
    low, high = 0, second
    whole = True
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
            whole = False
    if not whole:
        path.append((low, high))
    return path[::-1]


def heads(ranges: Sequence[Range], leaves: Iterable[bytes]) -> list[bytes]:
    """The heads of these parts of the tree with these leaf hashes, in the order of the ranges.

    The ranges must not overlap. Raises `ValueError` when the leaves end before the last range does.
    """
    edges = [Edge() for _ in ranges]
    order = sorted(range(len(ranges)), key=lambda at: ranges[at])
    at = 0
    for number, leaf in enumerate(leaves):
        while at < len(order) and number >= ranges[order[at]][1]:
            at += 1
        if at == len(order):
            break
        if number >= ranges[order[at]][0]:
            edges[order[at]].append(leaf)
    for (low, high), edge in zip(ranges, edges, strict=True):
        if edge.size != high - low:
            msg = f"there are no leaves {low} to {high}"
            raise ValueError(msg)
    return [edge.head() for edge in edges]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the tree of that head has this leaf at `index` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last = index, size - 1
    found = leaf
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        at >>= 1
        last >>= 1
    return last == 0 and found == root


def extends(first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the path proves that the second tree begins with the first (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    if not path:
        return False
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    was = now = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = node_hash(step, was), node_hash(step, now)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            now = node_hash(now, step)
        at >>= 1
        last >>= 1
    return last == 0 and was == first_root and now == second_root


def _split(size: int) -> int:
    # the largest power of two that is smaller
    return int(1 << ((size - 1).bit_length() - 1))
