"""Mandates: the documented instructions on which data leave a database (GDPR art. 29, 28(3)(a))."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations when the program runs
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mandates:
    """How reports on mandates are signed: an Ed25519 private key as PEM, in a file nobody else may read."""

    signing_key: str = ""


@dataclass(frozen=True, slots=True)
class Mandate:
    """An instruction to extract data: under which contract, by whom, for whom, how long.

    `document` is the path of the instruction's text, from this file on, with the sha256 of its bytes. `role`
    is the login that is made for it and dropped after it; it may extract from the beginning of the day
    `start` to the end of the day `until`, at most `ceiling` rows of all tables together. `recipients` are
    the recipients' public keys: files with an OpenPGP certificate, from this file on, or age1... keys. The
    encrypted files go to `folder`, an absolute path, and everything made for the mandate is erased by the
    day `erase_by`: files, and the tables in `staging` (schema.table).
    """

    name: str
    contract: str
    purpose: str
    instructed_by: str
    instructed_on: datetime.date
    document: str
    sha256: str
    role: str
    start: datetime.date
    until: datetime.date
    erase_by: datetime.date
    ceiling: int
    recipients: tuple[str, ...]
    folder: str
    database: str = ""
    staging: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MandateTable:
    """What a mandate takes of one table: these columns of the rows for which `rows` is true.

    `rows` compares the table's own columns with constants: no functions, no subqueries; without it, all
    rows. `ceiling` is the most rows of this table. With form = "view" the role reads through a
    security-barrier view, with "policy" the table itself under row policies; auto chooses. `reviewed` are
    the columns of which somebody has made sure that they hold no more than was instructed: free texts,
    documents, binary data.
    """

    mandate: str
    table: str
    columns: tuple[str, ...]
    rows: str = ""
    ceiling: int | None = None
    form: Literal["auto", "view", "policy"] = "auto"
    reviewed: tuple[str, ...] = ()
