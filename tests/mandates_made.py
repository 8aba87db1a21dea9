"""Mandates for tests, and keys of recipients: age, OpenPGP in its states."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Any

import pyrage
import pysequoia

from pgguard.model.mandate import Mandate

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.datetime.now(datetime.UTC)
TODAY = NOW.date()
DAY = datetime.timedelta(days=1)


def mandate(folder: Path, *recipients: str, **changes: Any) -> Mandate:
    """A mandate that is in its window, whose instruction lies beside the folder."""
    document = folder.parent / "instruction.txt"
    document.write_text("extract the analyses of March\n")
    values: dict[str, Any] = {
        "name": "migration",
        "contract": "hosting",
        "purpose": "move to the new laboratory system",
        "instructed_by": "Director of the laboratory",
        "instructed_on": TODAY - 3 * DAY,
        "document": str(document),
        "sha256": hashlib.sha256(document.read_bytes()).hexdigest(),
        "role": "mandate_migration",
        "start": TODAY - DAY,
        "until": TODAY + DAY,
        "erase_by": TODAY + 10 * DAY,
        "ceiling": 100_000,
        "recipients": recipients,
        "folder": str(folder),
    }
    return Mandate(**(values | changes))


def age_identity() -> Any:
    """A new age key: `str(identity.to_public())` is the recipient."""
    return pyrage.x25519.Identity.generate()


def openpgp_key(**options: Any) -> pysequoia.Tsk:
    """A new OpenPGP key that signs and encrypts."""
    return pysequoia.Tsk.generate("Recipient <recipient@example.org>", **options)


def certificate(path: Path, key: pysequoia.Tsk) -> str:
    """The path of a file with the public part."""
    path.write_text(str(key.extract_certificate()))
    return str(path)
