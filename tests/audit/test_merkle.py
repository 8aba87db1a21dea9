"""Merkle trees against the definition in RFC 6962 and the vectors of the reference implementation of it."""

from __future__ import annotations

import hashlib
import random

import pytest

from pgguard.model.merkle import (
    EMPTY,
    Edge,
    consistency,
    extends,
    head,
    heads,
    includes,
    inclusion,
    leaf_hash,
)

# leaves and heads of the trees that the reference implementation of certificate transparency is tested with
LEAVES = tuple(
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
HEADS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = (*range(1, 34), 63, 64, 65, 100, 257)


def defined(data: list[bytes]) -> bytes:
    """MTH(D[n]) as RFC 6962, 2.1 writes it."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    split = max(1 << power for power in range(len(data).bit_length()) if 1 << power < len(data))
    return hashlib.sha256(b"\x01" + defined(data[:split]) + defined(data[split:])).digest()


def defined_path(index: int, data: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) as RFC 6962, 2.1.1 writes it."""
    if len(data) == 1:
        return []
    split = max(1 << power for power in range(len(data).bit_length()) if 1 << power < len(data))
    if index < split:
        return [*defined_path(index, data[:split]), defined(data[split:])]
    return [*defined_path(index - split, data[split:]), defined(data[:split])]


def defined_proof(first: int, data: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) as RFC 6962, 2.1.2 writes it."""
    if first == len(data):
        return [] if whole else [defined(data)]
    split = max(1 << power for power in range(len(data).bit_length()) if 1 << power < len(data))
    if first <= split:
        return [*defined_proof(first, data[:split], whole=whole), defined(data[split:])]
    return [*defined_proof(first - split, data[split:], whole=False), defined(data[:split])]


def some(size: int) -> list[bytes]:
    chance = random.Random(size)  # noqa: S311 - the same ones in each run
    return [chance.randbytes(chance.randrange(40)) for _ in range(size)]


def test_heads_are_the_published_ones() -> None:
    hashes = [leaf_hash(one) for one in LEAVES]
    assert [head(hashes[:size]).hex() for size in range(1, len(hashes) + 1)] == list(HEADS)
    assert head([]) == EMPTY == hashlib.sha256().digest()


@pytest.mark.parametrize("size", SIZES)
def test_heads_and_proofs_are_those_of_the_definition(size: int) -> None:
    data = some(size)
    hashes = [leaf_hash(one) for one in data]
    whole = head(hashes)
    assert whole == defined(data)
    for at in {0, size // 3, size // 2, size - 1}:
        path = heads(inclusion(at, size), hashes)
        assert path == defined_path(at, data)
        assert includes(hashes[at], at, size, path, whole)
    for first in {1, (size + 1) // 2, size}:
        path = heads(consistency(first, size), hashes)
        assert path == defined_proof(first, data)
        assert extends(first, size, path, head(hashes[:first]), whole)


@pytest.mark.parametrize("size", [2, 3, 7, 8, 21])
def test_a_proof_of_something_else_does_not_hold(size: int) -> None:
    hashes = [leaf_hash(one) for one in some(size)]
    whole = head(hashes)
    other = leaf_hash(b"another")
    for at in range(size):
        path = heads(inclusion(at, size), hashes)
        assert not includes(other, at, size, path, whole)
        assert not includes(hashes[at], at, size, path, other)
        assert not includes(hashes[at], at, size, path[:-1], whole)
        assert not includes(hashes[at], at, size, [*path, other], whole)
        assert not includes(hashes[at], size, size, path, whole)
        for wrong in range(len(path)):
            assert not includes(hashes[at], at, size, [*path[:wrong], other, *path[wrong + 1 :]], whole)
        assert not any(includes(hashes[at], index, size, path, whole) for index in range(size) if index != at)
    for first in range(1, size):
        path = heads(consistency(first, size), hashes)
        before = head(hashes[:first])
        assert not extends(first, size, path, other, whole)
        assert not extends(first, size, path, before, other)
        assert not extends(first, size, path[:-1], before, whole)
        assert not extends(first, size, [*path, other], before, whole)
        assert not extends(0, size, path, before, whole)
        assert not extends(size, first, path, whole, before)
        for wrong in range(len(path)):
            assert not extends(first, size, [*path[:wrong], other, *path[wrong + 1 :]], before, whole)
    assert not extends(size, size, [other], whole, whole)


def test_a_tree_grows_from_its_edge() -> None:
    hashes = [leaf_hash(one) for one in some(300)]
    tree = Edge()
    for size, one in enumerate(hashes, 1):
        tree = Edge(tree.size, bytes(tree))
        tree.append(one)
        assert tree.size == size
        assert tree.head() == head(hashes[:size])
        assert len(bytes(tree)) == 32 * size.bit_count()


def test_what_a_tree_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="full subtrees"):
        Edge(3, bytes(32))
    with pytest.raises(ValueError, match="no leaf"):
        inclusion(5, 5)
    with pytest.raises(ValueError, match="does not begin"):
        consistency(0, 5)
    with pytest.raises(ValueError, match="no leaves"):
        heads([(0, 2)], [bytes(32)])
