"""What an extraction under a mandate made: the manifest, and what looking at it again tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

FORMAT = 1
Verdict = Literal["pass", "fail", "unknown", "noted"]


@dataclass(frozen=True, slots=True)
class ColumnMade:
    """A column and its type as format_type prints it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class FileMade:
    """An encrypted file: its size in bytes and SHA-256, and the keyed checksum of what is in it.

    `plain_mac` is HMAC-SHA256 (RFC 2104) of the SHA-256 of the clear text, as hexadecimal digits; the key is
    in the encrypted list of checksums. It is empty for that list itself.
    """

    file: str
    kind: str
    bytes: int
    sha256: str
    plain_mac: str = ""


@dataclass(frozen=True, slots=True)
class TableMade:
    """A table of the mandate: what was read through which source, and the files it is in.

    `predicate_sha256` is of the condition as pgguard writes it anew, empty where all rows were instructed;
    `definition_sha256` of what the catalog says of the view, or of the row policies that hold for the role.
    """

    table: str
    source: str
    columns: tuple[ColumnMade, ...]
    predicate_sha256: str
    definition_sha256: str
    rows: int
    ceiling: int | None
    files: tuple[FileMade, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows come from: cluster, database and the moment of the one snapshot of all tables.

    `cluster` is the number that initdb gave it, `lsn` the WAL position right after the snapshot was taken (on
    a standby, that it had replayed); both empty where the role may not see them. `encoding` is that of the
    files, `role` read the rows and `login` is who connected, which is another role where it SET ROLE.
    """

    cluster: str
    server: str
    version: str
    database: str
    standby: bool
    role: str
    login: str
    at: str
    snapshot: str
    lsn: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What left under a mandate, by whose instruction, to whom. It holds no values of rows.

    `journal` is the digest of the journal's line that began this extraction, `account` the account of the
    machine; `again` says why it was done once more.
    """

    format: int
    mandate: str
    purpose: str
    contract: str
    instructed_by: str
    instructed_on: str
    instruction_sha256: str
    start: str
    until: str
    erase_by: str
    ceiling: int
    extracted_at: str
    account: str
    journal: str
    origin: Origin
    csv: str
    recipients: tuple[tuple[str, str], ...]
    tables: tuple[TableMade, ...]
    checksums: tuple[FileMade, ...]
    again: str = ""

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(one.rows for one in self.tables)

    @property
    def files(self) -> tuple[FileMade, ...]:
        """All files but the manifest itself."""
        return (*(file for table in self.tables for file in table.files), *self.checksums)


@dataclass(frozen=True, slots=True)
class Checksums:
    """The encrypted list: the key of the keyed checksums, and for each file SHA-256 and size of its text."""

    mandate: str
    key: str
    files: dict[str, tuple[str, int]]


class Checked(NamedTuple):
    """One thing that was looked at again; `unknown` is what could not be looked at, `noted` no judgement."""

    subject: str
    verdict: Verdict
    said: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A staging table that was dropped: its rows and bytes before, and its files below the data directory."""

    table: str
    rows: int
    bytes: int
    paths: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that was removed; `links` are the other names that its content still has (hard links)."""

    file: str
    bytes: int
    sha256: str
    links: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased under a mandate, what was not, and why it could be: the receipt.

    `by` is who answers for it; of `receipt_sha256`, `receipt_of` and `without_receipt` one is given. `held`
    is what the server may still have, `beyond` what erasing files does not do; `unseen` says why the server
    was not asked.
    """

    format: int
    mandate: str
    at: str
    by: str
    receipt_sha256: str
    receipt_of: str
    without_receipt: str
    tables: tuple[Dropped, ...]
    files: tuple[Removed, ...]
    held: tuple[tuple[str, str], ...]
    beyond: tuple[str, ...]
    unseen: str = ""


class LifeEvent(NamedTuple):
    """A line of the journal: when (UTC), what, the account of the machine, details."""

    at: str
    event: str
    account: str
    details: dict[str, str]


class Life(NamedTuple):
    """A mandate from its instruction to its erasure, and what of it is missing, late or in doubt.

    `scope` is (table, columns, whether rows are narrowed, ceiling); `journal` the digest of its last line.
    """

    mandate: str
    made_at: str
    purpose: str
    contract: str
    instructed_by: str
    instructed_on: str
    document: str
    instruction_sha256: str
    role: str
    start: str
    until: str
    erase_by: str
    ceiling: int
    recipients: tuple[str, ...]
    scope: tuple[tuple[str, tuple[str, ...], bool, int | None], ...]
    events: tuple[LifeEvent, ...]
    journal: str
    manifest: Manifest | None
    manifest_sha256: str
    erasure: Erasure | None
    erasure_sha256: str
    doubts: tuple[str, ...]
