"""Proofs about the audit store that are checked without it: against a head that was kept elsewhere."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pgguard.model.evidence import Seal
from pgguard.model.merkle import extends, includes, leaf_hash


class Inclusion(NamedTuple):
    """That an entry is in the store whose tree of `size` seals has the head `head`; hashes in hexadecimal.

    `public` is what the entry tells without its payload, as PostgreSQL sends it in binary; `digest` stands
    for the payload (key, subject, values), which the proof does not hold.
    """

    installation: str
    entry: int
    public: str
    digest: str
    place: int
    path: tuple[str, ...]
    seal: tuple[int, int, bool, int, int, int, int, int, int, str, str, str]
    seal_path: tuple[str, ...]
    size: int
    head: str

    def wrong(self) -> str:
        """Why the proof does not hold, empty when it does."""
        *fixed, root, previous = self.seal
        try:
            seal = Seal._make((*fixed, bytes.fromhex(root), bytes.fromhex(previous)))
            public = bytes.fromhex(self.public)
            leaf = hashlib.sha256(b"\x00" + public + bytes.fromhex(self.digest)).digest()
            path, seal_path = ([bytes.fromhex(one) for one in steps] for steps in (self.path, self.seal_path))
            head = bytes.fromhex(self.head)
        except ValueError:
            return "its hashes cannot be read"
        if int.from_bytes(public[12:20], "big", signed=True) != self.entry:
            return "it is of another entry"
        if not includes(leaf, self.place, seal.entries, path, seal.root):
            return "the entry is not in the seal"
        if not includes(leaf_hash(seal.hash()), seal.number - 1, self.size, seal_path, head):
            return "the seal is not in the store"
        return ""


class Consistency(NamedTuple):
    """That the store with `size` seals begins with what it was when it had `first`; hashes in hexadecimal."""

    installation: str
    first: int
    first_head: str
    size: int
    head: str
    path: tuple[str, ...]

    def wrong(self) -> str:
        """Why the proof does not hold, empty when it does."""
        try:
            path = [bytes.fromhex(one) for one in self.path]
            before, after = bytes.fromhex(self.first_head), bytes.fromhex(self.head)
        except ValueError:
            return "its hashes cannot be read"
        if not extends(self.first, self.size, path, before, after):
            return "the later store does not begin with the earlier one"
        return ""


Proof = Inclusion | Consistency
