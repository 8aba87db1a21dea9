"""Proofs about the audit store as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import InputError
from pgguard.model.proof import Consistency, Inclusion

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.proof import Proof

_KINDS: dict[str, type[Inclusion] | type[Consistency]] = {
    "inclusion": Inclusion,
    "consistency": Consistency,
}


def encode(proof: Proof) -> str:
    """A proof as JSON for a file."""
    kind = "inclusion" if isinstance(proof, Inclusion) else "consistency"
    return msgspec.json.format(msgspec.json.encode({"proof": kind, **proof._asdict()})).decode() + "\n"


def load(path: Path) -> Proof:
    """The proof of a file.

    Raises `InputError` for a file that cannot be read or holds something else.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        kind = _KINDS[str(found.get("proof"))]
        return msgspec.convert([found[name] for name in kind._fields], kind)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
        msg = f"{path}: this is no proof of pgguard"
    raise InputError(msg)
