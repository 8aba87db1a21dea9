"""What is known of one column, and what it may be: the words that the kinds of evidence share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.personal.roles import is_terms
from pgguard.analysis.personal.table import KEY_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.analysis.personal.lexicon import Hit, Read
    from pgguard.analysis.personal.table import Table
    from pgguard.model.rows import Column

NAMED = frozenset({"direct_identifier", "contact", "record_number", "national_id"})
HEALTH = frozenset({"health_observation", "care_event", "genetic"})
FINDINGS = frozenset({"health_observation", "care_event", "genetic", "free_text"})
# when several phrases fit, the one that protects more counts
ORDER = (
    "credential", "national_id", "genetic", "special_category", "death", "date_of_birth", "direct_identifier",
    "contact", "record_number", "network_identifier", "health_observation", "free_text",
    "insurance_financial", "staff_identity", "demographic", "care_event", "person_key", "none",
)  # fmt: skip


class Reason(NamedTuple):
    """One reason: `feature` is its weight's name."""

    feature: str
    kind: str
    words: str


class Candidate(NamedTuple):
    """A category that a column may have, with the reasons that are its own."""

    category: str
    reasons: tuple[Reason, ...]
    hit: Hit | None = None


class Type(NamedTuple):
    """The class of a type: text, integer, number, date, time, boolean, json, binary, uuid, address, other.

    `length` is 0 where the type has none.
    """

    name: str
    length: int


_LENGTH = re.compile(r"\((\d+)")
_TYPES = (
    ("text", ("text", "character", "varchar", "citext", "name", "xml")),
    ("json", ("json",)),
    ("binary", ("bytea", "oid", "lo")),
    ("integer", ("smallint", "integer", "bigint", "serial")),
    ("number", ("numeric", "real", "double", "money")),
    ("date", ("date", "timestamp", "interval", "tstz", "daterange")),
    ("time", ("time",)),
    ("boolean", ("boolean", "bit")),
    ("uuid", ("uuid",)),
    ("address", ("inet", "cidr", "macaddr")),
)
_CACHE: dict[str, Type] = {}


def type_class(written: str) -> Type:
    """The class of a type by the name that format_type gives it."""
    known = _CACHE.get(written)
    if known is None:
        bare = written.rpartition(".")[2].strip('"')
        found = _LENGTH.search(bare)
        length = int(found[1]) if found else 0
        name = next((name for name, starts in _TYPES if bare.startswith(starts)), "other")
        known = _CACHE[written] = Type(name, length)
    return known


class Seen(NamedTuple):
    """Everything that is known of one column."""

    table: Table
    column: Column
    read: Read
    type: Type
    domain: Read | None
    comment: Read | None
    labels: Read | None
    target: Table | None
    tables: Mapping[int, Table]
    against: dict[tuple[int, int, bool], tuple[Reason, ...]]


def borders(table: Table, read: Read) -> tuple[int, int]:
    """Where the name begins and ends, without the prefix of its table and single letters behind it."""
    begin, end = (table.prefix if len(read.words) > 1 else 0), len(read.words)
    while end > begin + 1 and len(read.words[end - 1]) == 1:
        end -= 1
    return begin, end


def records(table: Table) -> bool:
    """Whether its rows are of something that happened to or was found about persons."""
    role = table.role
    return (
        role == "record"
        or (role == "technical" and table.linked)
        or (role == "person" and "record" in table.kinds)
        or (
            role == "detail"
            and bool(
                "record" in table.kinds
                or table.topics & FINDINGS
                or (table.linked and not table.topics & NAMED)
            )
        )
    )


def is_own_key(seen: Seen) -> bool:
    """Whether it only tells rows apart: a number in the primary key, or one called as the table is."""
    table, target = seen.table, seen.target
    if target is not None and is_terms(target):
        return False
    plain = seen.column.name.lower().replace("_", "")
    if table.primary == (seen.column.number,) and plain in KEY_NAMES:
        return True
    if seen.type.name not in ("integer", "number", "uuid"):
        return False
    own = table.named.lower().replace("_", "")
    return seen.column.number in table.primary or plain in {
        f"{name}{key}" for name in (own, own.removesuffix("s")) for key in ("id", "pk", "key", "oid")
    }
