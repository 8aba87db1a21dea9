"""The register of processing (GDPR art. 30, 28(3)), as the policy declares it or a file beside it.

What is declared here is what somebody answers for; nothing of it says that a contract is valid.
"""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations when the program runs
from dataclasses import dataclass
from typing import NamedTuple

from pgguard.model.category import Category  # noqa: TC001

# what stands in the register's own file, where there is one
REGISTER_SECTIONS = (
    "controller",
    "processor",
    "certificate",
    "contract",
    "activity",
    "account",
    "breakglass",
)
# what a contract has to stipulate, by the letters of art. 28(3) of the GDPR
MENTIONS = {
    "a": "documented instructions",
    "b": "confidentiality",
    "c": "security",
    "d": "sub-processors",
    "e": "requests of the persons",
    "f": "assistance with art. 32 to 36",
    "g": "deletion or return",
    "h": "information and audits",
}


@dataclass(frozen=True, slots=True)
class Register:
    """Where the register of processing stands when it is a file of its own, beside the policy.

    That file then holds all of [[controller]], [[processor]], [[certificate]], [[contract]], [[activity]],
    [[account]] and [[breakglass]], and its digest is in every report.
    """

    file: str = ""


@dataclass(frozen=True, slots=True)
class Controller:
    """Who decides why and how personal data are processed (GDPR art. 30(1)(a))."""

    name: str
    contact: str = ""
    representative: str = ""
    dpo: str = ""


@dataclass(frozen=True, slots=True)
class Processor:
    """Who processes data for a controller (GDPR art. 28, 30(2)).

    A sub-processor names in `engaged_by` the processor that engaged it (art. 28(2), 28(4)).
    """

    name: str
    contact: str = ""
    representative: str = ""
    dpo: str = ""
    engaged_by: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A processor's certificate, HDS for example, and the last day that it holds."""

    processor: str
    name: str
    until: datetime.date
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract with a processor, and where in it art. 28(3) of the GDPR is answered.

    `purpose` is the nature and purpose of the processing, `data_types` are categories of columns, `persons`
    the categories of persons. It holds from `start` to the end of the day `end`; `duration` says it in words.
    The clauses are named as the contract numbers them: a documented instructions, b confidentiality,
    c security, d sub-processors, e requests of the persons, f assistance with art. 32 to 36, g deletion or
    return at the end, h information and audits. `document` is the path of its text, from this file on, with
    the sha256 of its bytes. `roles` are those of the database that work under it, members included; a
    [[service]] may name the contract itself. `activities` are those of the register that it is about;
    `transfers` and `measures` are what art. 30(2)(c) and (d) ask.
    """

    name: str
    processor: str
    controller: str = ""
    subject: str = ""
    purpose: str = ""
    start: datetime.date | None = None
    end: datetime.date | None = None
    duration: str = ""
    data_types: tuple[Category, ...] = ()
    persons: tuple[str, ...] = ()
    clause_a: str = ""
    clause_b: str = ""
    clause_c: str = ""
    clause_d: str = ""
    clause_e: str = ""
    clause_f: str = ""
    clause_g: str = ""
    clause_h: str = ""
    document: str = ""
    sha256: str = ""
    roles: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    measures: str = ""

    @property
    def clauses(self) -> dict[str, str]:
        """The clause declared for each letter of MENTIONS, empty where there is none."""
        return {letter: getattr(self, f"clause_{letter}") for letter in MENTIONS}

    def holds_on(self, day: datetime.date) -> bool:
        """Whether the day is within its declared start and end."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Activity:
    """A processing activity of the register (GDPR art. 30(1)) and the databases it works on.

    With neither `tables` (schema.table) nor `columns` (schema.table.column) it is about whole databases.
    `recipients` says in words who receives the data, `recipient_roles` are the database's roles that get at
    them for this activity, members included. `persons` are the categories of persons, `retention` the time
    limits in words, `transfers` those to third countries with their safeguards, `measures` the security
    measures.
    """

    name: str
    purpose: str
    databases: tuple[str, ...]
    legal_basis: str = ""
    controllers: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    data_types: tuple[Category, ...] = ()
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    retention: str = ""
    recipients: tuple[str, ...] = ()
    recipient_roles: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    measures: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One person's login, in the register of accounts; people of the roster and services are in it already.

    `processor` is who employs the person, where it is not the controller. A login that several people share
    is an exception: `shared`, with its reason, who validated it, and an end.
    """

    role: str
    person: str = ""
    function: str = ""
    processor: str = ""
    until: datetime.date | None = None
    shared: bool = False
    reason: str = ""
    validator: str = ""


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """A sealed account for emergencies (HIPAA 164.312(a)(2)(ii)); where its password lies, not what it is."""

    role: str
    sealed_at: str
    custodian: str = ""
    last_test: datetime.date | None = None


class Document(NamedTuple):
    """A contract's text as it was found: the sha256 of its bytes, or the reason why it could not be read."""

    sha256: str
    reason: str = ""


class Recorded(NamedTuple):
    """The last version of the register that a database has recorded: digest, file, by whom, when (UTC).

    All empty where none is recorded.
    """

    database: str
    sha256: str = ""
    file: str = ""
    by: str = ""
    at: str = ""
