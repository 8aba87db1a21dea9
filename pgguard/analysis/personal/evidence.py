"""What speaks for and against each category for one column: named reasons, to be weighed.

Each reason is `Reason(feature, kind, words)`: the feature is a key of data/weights.toml, kind and words are
what the reader is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.personal.tables import is_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.analysis.personal.lexicon import Hit, Lexicon, Read
    from pgguard.analysis.personal.tables import Table
    from pgguard.model.rows import Column


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

IDENTIFYING = frozenset({"direct_identifier", "contact", "record_number"})
NAMED = frozenset({"direct_identifier", "contact", "record_number", "national_id"})
HEALTH = frozenset({"health_observation", "care_event", "genetic"})
_WRITTEN = frozenset({"free_text", "direct_identifier", "record_number", "credential", "staff_identity"})
_ABOUT_PERSONS = frozenset({"person", "detail"})
# when several phrases fit, the one that protects more counts
ORDER = (
    "credential", "national_id", "genetic", "special_category", "death", "date_of_birth", "direct_identifier",
    "contact", "record_number", "network_identifier", "health_observation", "free_text", "insurance_financial",
    "staff_identity", "demographic", "care_event", "person_key", "none",
)  # fmt: skip


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


def candidates(seen: Seen, lexicon: Lexicon) -> list[Candidate]:
    """What the column may hold, each with its reasons; `none` is not among them."""
    table, column = seen.table, seen.column
    if column.number in table.person_keys:
        text = seen.type.name == "text" and column.number not in table.declared
        opaque = 32 <= seen.type.length <= 40
        main = table.role == "person" and table.primary == (column.number,) and table.referenced_by > 1
        if not text or opaque or main:
            return [
                Candidate("person_key", (Reason("person_key", "reference", "it is the key of a person"),))
            ]
        return [
            Candidate(
                "record_number",
                (Reason("text_key", "name", "a person's key that is text"), *_against(seen, None)),
            )
        ]
    found = list(_by_phrase(seen, lexicon))
    if not found:
        found = list(_by_table(seen))
    if not found:
        found = list(_by_kind(seen))
    return found


def _by_phrase(seen: Seen, lexicon: Lexicon) -> Iterator[Candidate]:
    table, read = seen.table, seen.read
    size = len(read.words)
    hits = [*read.hits, *(hit for hit in lexicon.across(table.named, seen.column.name))]
    for hit in hits:
        across = hit not in read.hits
        feature = _place(hit, size, table, across=across)
        if not feature:
            continue
        reasons = [Reason(feature, "name", f"its name says {hit.phrase}")]
        if across:
            reasons[0] = Reason(feature, "table", f"its table's name and its own say {hit.phrase}")
        elif hit.end - hit.start == size:
            reasons.append(Reason("covers", "name", "and nothing else"))
        yield _judged(hit.value, reasons, seen, None if across else hit)
    for source, kind in ((seen.comment, "comment"), (seen.domain, "type"), (seen.labels, "label")):
        if source is None:
            continue
        for hit in source.hits:
            if hit.place == "anywhere":
                reasons = [Reason(f"hit_{kind}", kind, f"its {kind} says {hit.phrase}")]
                yield _judged(hit.value, reasons, seen, None)


def _place(hit: Hit, size: int, table: Table, *, across: bool) -> str:
    person = table.role in ("person", "detail", "staff")
    record = table.role == "record" or (table.linked and table.role != "person")
    whole = hit.end - hit.start == size
    if across:
        if (
            hit.place == "anywhere"
            or (hit.place == "person" and person)
            or (hit.place == "record" and record)
        ):
            return "hit_across"
        return ""
    if hit.place == "anywhere":
        return "hit_anywhere"
    if hit.place == "whole":
        return "hit_whole" if whole else ""
    if hit.place == "whole_person":
        return "hit_whole_in" if whole and person else ""
    if hit.place == "whole_record":
        return "hit_whole_in" if whole and record else ""
    if hit.place == "person":
        return "hit_in" if person else "hit_person_in_record" if record else "hit_outside"
    if hit.place == "record":
        return "hit_in" if record else "hit_record_in_person" if person else "hit_outside"
    return ""


def _judged(category: str, reasons: list[Reason], seen: Seen, hit: Hit | None) -> Candidate:
    table = seen.table
    if seen.target is not None and is_terms(seen.target) and category in _WRITTEN:
        # a code for it
        category = "health_observation"
    reasons += _context(category, table)
    against = list(_against(seen, hit))
    reasons += against
    features = {reason.feature for reason in against}
    reasons += _fit(category, seen, hit)
    if seen.target is not None:
        reasons += _reference(category, seen)
    if category in HEALTH and category != "care_event" and seen.type.name in ("date", "time"):
        category = "care_event"
    if category in NAMED and (table.role == "staff" or "beside_staff" in features):
        category = "staff_identity"
    return Candidate(category, tuple(reasons), hit)


def _context(category: str, table: Table) -> list[Reason]:
    role = table.role or "unknown"
    if category in ("credential", "network_identifier"):
        return []
    said = {
        "person": "the table is about persons",
        "detail": "the table holds a part of a person's data",
        "record": "the table records what happened to persons",
        "staff": "the table is about people who work here",
        "organisation": "the table is about organisations",
        "reference": "the table lists codes or kinds",
        "technical": "the table belongs to the machinery",
        "unknown": "nothing tells what the table is about",
    }[role]
    group = "health" if category in HEALTH or category == "free_text" else "other"
    if role in ("record", "technical"):
        role += "_linked" if table.linked else "_unlinked"
    return [Reason(f"in_{role}_{group}", "table", said)]


def _against(seen: Seen, hit: Hit | None) -> Iterator[Reason]:
    """Words beside the phrase that turn the column into something else."""
    read = seen.read
    size = len(read.words)
    covered = set(range(hit.start, hit.end)) if hit else set()
    own = set(seen.table.read.words)
    explained = covered | {number for number, word in enumerate(read.words) if word in own}
    said: set[str] = set()
    for other in read.hits:
        span = set(range(other.start, other.end))
        if other.place == "key":
            explained |= span
        if other.place in ("table",) and other.value in ("person", "record", "detail"):
            explained |= span
        if other.place != "beside" or span & covered:
            continue
        explained |= span
        edge = other.start == 0 or other.end == size
        if other.value in ("key", "boolean") and not edge:
            continue
        if other.value == "key" and seen.target is not None:
            continue
        if other.value == "about" and not _at_edge(other, read):
            continue
        if other.value in said or other.value == "kin":
            continue
        if other.value == "organisation" and seen.table.role == "staff":
            continue
        said.add(other.value)
        text_key = "_text" if other.value == "key" and seen.type.name == "text" else ""
        yield Reason(f"beside_{other.value}{text_key}", "name", f"beside it stands {other.phrase}")
    if hit and len(explained) < size:
        yield Reason("leftover", "name", "there is more in its name")


def _at_edge(hit: Hit, read: Read) -> bool:
    size = len(read.words)
    if hit.start == 0 or hit.end == size:
        return True
    # what follows is only the key or the code of it: condition_type_concept_id
    rest = set(range(hit.end, size))
    for other in read.hits:
        if other.place == "key" or (other.place == "beside" and other.value == "key"):
            rest -= set(range(other.start, other.end))
    return (
        not {read.words[i] for i in rest} - {"concept", "code", "cd", "id", "cod"}
        and "source" not in hit.phrase
    )


def _fit(category: str, seen: Seen, hit: Hit | None) -> Iterator[Reason]:
    kind = seen.type.name
    whole = hit is not None and hit.end - hit.start == len(seen.read.words)
    if kind == "boolean":
        if category in (
            "direct_identifier",
            "contact",
            "national_id",
            "record_number",
            "credential",
            "free_text",
            "staff_identity",
            "network_identifier",
            "date_of_birth",
            "care_event",
        ):
            yield Reason("boolean_of_text", "type", "a switch cannot hold that")
        else:
            yield Reason("boolean_whole" if whole else "boolean_part", "type", "a switch")
    elif kind in ("date", "time"):
        if category in ("date_of_birth", "death", "care_event"):
            yield Reason("date_fits", "type", "a date, as it should be")
        elif category in ("health_observation", "genetic", "insurance_financial"):
            yield Reason("date_of_event", "type", "a date of it")
        else:
            yield Reason("date_of_other", "type", "a date cannot hold that")
    elif kind in ("integer", "number"):
        if category in (
            "direct_identifier",
            "free_text",
            "credential",
            "staff_identity",
            "network_identifier",
        ):
            yield Reason("number_of_text", "type", "a number cannot hold that")
    elif kind in ("text", "json", "binary"):
        yield Reason("text_fits", "type", "a text")
    elif kind == "address" and category == "network_identifier":
        yield Reason("text_fits", "type", "an address type")


def _reference(category: str, seen: Seen) -> list[Reason]:
    target = seen.target
    assert target is not None  # noqa: S101 - asked by the caller
    if target.role in ("reference", "") and (target.referenced_by or is_terms(target)):
        if is_terms(target):
            return [Reason("key_to_terms", "reference", f"it refers to {target.named}, a list of terms")]
        return [Reason("key_to_codes", "reference", f"it refers to {target.named}")]
    return [Reason("key_to_rows", "reference", f"it is a key to {target.named}")]


_GENERIC = frozenset(
    [
        "code",
        "name",
        "label",
        "libelle",
        "lib",
        "description",
        "desc",
        "value",
        "valeur",
        "text",
        "texte",
        "term",
        "display",
        "title",
        "nombre",
        "nom",
        "codigo",
        "descripcion",
        "valor",
        "bezeichnung",
        "wert",
        "detail",
        "details",
        "content",
        "data",
        "body",
        "line",
        "line1",
        "other",
    ]
)


def _by_table(seen: Seen) -> Iterator[Candidate]:
    """A common word in a table whose name says the rest: allergy.code, person_address.line."""
    table, read = seen.table, seen.read
    if not table.linked and table.role not in ("person", "detail", "record"):
        return
    if (
        seen.target is not None
        and is_terms(seen.target)
        and table.role in ("record", "detail", "person", "technical")
    ):
        reasons = [
            Reason("terms_in_record", "reference", f"it refers to {seen.target.named}, a list of terms")
        ]
        reasons += _against(seen, None)
        yield Candidate("health_observation", tuple(reasons))
        return
    if seen.target is not None or _GENERIC.isdisjoint(read.words):
        return
    for topic in sorted(table.topics, key=ORDER.index):
        if topic in ("person_key", "none"):
            continue
        reasons = [Reason("hit_topic", "table", f"its table's name tells what {seen.column.name} is")]
        yield _judged(topic, reasons, seen, None)


def _by_kind(seen: Seen) -> Iterator[Candidate]:
    """Nothing in its name is known: what stands in a record about a person is data about that person."""
    table, kind = seen.table, seen.type.name
    if seen.target is not None or seen.column.number in table.primary:
        return
    if kind in ("json", "binary") and (table.linked or table.role == "technical"):
        reason = Reason(
            f"payload_{'linked' if table.linked else 'technical'}",
            "type",
            "a document about persons can be in it",
        )
        yield Candidate("free_text", (reason, *_against(seen, None)))
        return
    if table.role == "record":
        where = "dense" if table.dense else "sparse"
    elif table.role in ("person", "detail"):
        where = "person"
    else:
        return
    group = {
        "date": "date", "time": "date", "text": "text", "boolean": "boolean", "integer": "integer",
        "number": "number", "other": "enum",
    }.get(kind)  # fmt: skip
    if group is None:
        return
    if group == "text" and not seen.type.length:
        group = "long_text"
    category = (
        "care_event" if group == "date" else "demographic" if where == "person" else "health_observation"
    )
    reason = Reason(
        f"content_{where}_{group}", "table", f"a {group.replace('_', ' ')} in a record about a person"
    )
    yield Candidate(category, (reason, *_against(seen, None)))


def unit_neighbours(columns: Sequence[tuple[Column, Read]]) -> bool:
    """Whether a unit or a range stands among the columns, as beside a measured value."""
    return any(hit.place == "beside" and hit.value == "unit" for _, read in columns for hit in read.hits)
