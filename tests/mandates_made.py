"""Mandates for tests, and keys of recipients: age, OpenPGP in its states."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Any

import pyrage
import pysequoia

from pgguard.model.mandate import Mandate, MandateTable

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.datetime.now(datetime.UTC)
TODAY = NOW.date()
DAY = datetime.timedelta(days=1)
ROLE = "mandate_migration"
TABLE = MandateTable(
    "migration", "lab.analysis", ("id", "taken", "result"), rows="taken >= DATE '2024-03-01'"
)
PLANTED = "planted-value-4711"
# what `pgguard mandate open` makes, with a source in the form of a view
SETUP = f"""
CREATE SCHEMA lab;
CREATE TABLE lab.analysis (id integer PRIMARY KEY, patient text, taken date, result text);
INSERT INTO lab.analysis VALUES
    (1, 'Martin', '2024-02-28', 'before the window'),
    (2, 'Martin', '2024-03-01', '{PLANTED}'),
    (3, 'Durand', '2024-03-02', E'two\\nlines, "quoted"\\r\\n'),
    (4, 'Durand', '2024-03-03', NULL),
    (5, 'Durand', '2024-03-04', ''),
    (6, 'Petit', '2024-03-05', 'é €');
CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT 1 NOINHERIT;
CREATE SCHEMA mandate_migration;
GRANT USAGE ON SCHEMA mandate_migration TO {ROLE};
CREATE VIEW mandate_migration.lab__analysis WITH (security_barrier) AS
    SELECT id, taken, result FROM lab.analysis WHERE taken >= DATE '2024-03-01';
GRANT SELECT ON mandate_migration.lab__analysis TO {ROLE};
"""


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


UNDO = f"DROP SCHEMA lab, mandate_migration CASCADE; DROP OWNED BY {ROLE}; DROP ROLE {ROLE}"


def own_folder(one: Mandate) -> Path:
    """Where the files of a mandate lie."""
    from pathlib import Path

    return Path(one.folder, one.name)
