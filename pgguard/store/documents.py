"""The texts of contracts and instructions: what their bytes come to today, and never what they say."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from pgguard.model.register import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.policy import Policy

_BLOCK = 1 << 20


def read_documents(policy: Policy) -> Mapping[str, Document]:
    """Every document that a contract of the register or a mandate names, by its path."""
    named = {*(one.document for one in policy.contract), *(one.document for one in policy.mandate)} - {""}
    return {path: read_document(path) for path in sorted(named)}


def read_document(path: str) -> Document:
    """What the bytes of one document come to, or why it cannot be read."""
    digest = hashlib.sha256()
    try:
        # without waiting for whoever might write into a pipe of that name
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Document("", "it is not a file")
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        return Document("", error.strerror or "it cannot be read")
    except ValueError:
        return Document("", "no file can have that name")
    return Document(digest.hexdigest())
