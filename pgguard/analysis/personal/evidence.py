"""What speaks for and against each category for one column: named reasons, to be weighed.

Each reason is `Reason(feature, kind, words)`: the feature is a key of data/weights.toml, kind and words are
what the reader is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.personal.tables import KEY_NAMES, is_terms
from pgguard.analysis.personal.words import stem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
_NUMBERS = frozenset({"record_number", "national_id", "care_event"})
_LASTING = frozenset({"direct_identifier", "contact", "national_id", "record_number"})
FINDINGS = frozenset({"health_observation", "care_event", "genetic", "free_text"})
# lengths of uuids as texts
_OPAQUE = frozenset({32, 36, 38})
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
    against: dict[tuple[int, int, bool], tuple[Reason, ...]]


def signature(seen: Seen, lexicon: Lexicon) -> tuple[object, ...]:
    """What the candidates of a column depend on: columns with the same signature have the same ones."""
    table, column, own = seen.table, seen.column, seen.table.read.words
    target = seen.target
    return (
        column.name,
        column.type,
        tuple(word for word in seen.read.words if word in own),
        lexicon.across(table.named, column.name),
        (table.role, table.linked, table.dense, table.measured, table.prefix, _records(table)),
        () if _GENERIC.isdisjoint(seen.read.words) else table.topics,
        column.number in table.person_keys,
        column.number in table.declared,
        column.number in table.primary,
        table.primary == (column.number,) and (table.role == "person", table.referenced_by > 1),
        seen.type.name in ("integer", "number", "uuid") and _is_own_key(seen),
        (target.named, target.role, is_terms(target)) if target else None,
        seen.comment and seen.comment.words,
        seen.labels and seen.labels.words,
        seen.domain and seen.domain.words,
    )


def candidates(seen: Seen, lexicon: Lexicon) -> list[Candidate]:
    """What the column may hold, each with its reasons; `none` is not among them."""
    table, column = seen.table, seen.column
    if column.number in table.person_keys:
        text = seen.type.name == "text" and column.number not in table.declared
        opaque = seen.type.length in _OPAQUE
        said = {hit.value for hit in seen.read.hits if hit.place == "anywhere" and hit.how < 2}
        if text and "national_id" in said:
            return [Candidate("national_id", (Reason("hit_anywhere", "name", "its name says a national number"),))]
        main = (
            table.role == "person"
            and table.primary == (column.number,)
            and table.referenced_by > 1
            and "record_number" not in said
        )
        bare = column.name.lower() in KEY_NAMES
        if not text or opaque or main or bare:
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
    if seen.type.name == "text" and seen.target is None and _names_staff(seen.read) and table.role != "staff":
        reasons = [Reason("hit_staff", "name", "its name says who did it"), *_context("staff_identity", table)]
        found.append(Candidate("staff_identity", tuple(reasons)))
    if _is_text_key(seen):
        reasons = [Reason("text_id", "type", "a number by which others know it, as a text"), *_context("record_number", table)]
        found.append(Candidate("record_number", tuple(reasons)))
    denied = any(
        hit.value == "none" and hit.how < 2 and _place(hit, *_borders(table, seen.read), table, personal=False)
        for hit in seen.read.hits
    )
    if not denied:
        if not found or (seen.read.words and _GENERIC.issuperset(seen.read.words)):
            found += _by_table(seen)
        found += _by_kind(seen)
    return found


def _names_staff(read: Read) -> bool:
    """Whether the name is a word for a professional: prescriber, verified_by, principal_investigator."""
    size = len(read.words)
    if size == 2 and all(hit.value == "staff" for hit in read.beside):
        last = {(hit.place, hit.value) for hit in read.hits if hit.start == 1 and hit.how == 0}
        if last & {("beside", "staff"), ("table", "staff")}:
            return True
    said = {(hit.place, hit.value) for hit in read.hits if hit.end - hit.start == size and hit.how < 2}
    return bool(said & {("beside", "staff"), ("table", "staff")}) and ("beside", "system") not in said


def _is_text_key(seen: Seen) -> bool:
    """Whether it is a key in text of a person or of something of theirs: admission_id varchar(20)."""
    read, table = seen.read, seen.table
    if (
        seen.type.name != "text"
        or seen.target is not None
        or seen.type.length in _OPAQUE
        or len(read.words) < 2
        or read.words[-1] not in ("id", "no", "num", "nr", "number", "numero", "nummer", "ident", "identifier")
        or any(hit.place == "beside" and hit.value not in ("key", "kin") for hit in read.hits)
    ):
        return False
    if table.role == "person":
        return len(read.words) == 2
    rest = read.words[:-1]
    return table.role == "record" and any(
        hit.place == "table" and hit.value == "record" and hit.how < 2 and hit.end >= len(rest) for hit in read.hits
    )


def _borders(table: Table, read: Read) -> tuple[int, int]:
    """Where the name begins and ends, without the prefix of its table and single letters behind it."""
    begin, end = (table.prefix if len(read.words) > 1 else 0), len(read.words)
    while end > begin + 1 and len(read.words[end - 1]) == 1:
        end -= 1
    return begin, end


def _by_phrase(seen: Seen, lexicon: Lexicon) -> Iterator[Candidate]:
    table, read = seen.table, seen.read
    begin, end = _borders(table, read)
    size = end - begin
    spans = {(one.start, one.end, one.value) for one in read.beside}
    if seen.target is not None:
        spans |= {(number, number + 1, "kind") for number, word in enumerate(read.words) if stem(word) in _KINDS}
    personal = any(
        (one.place == "beside" and one.value == "kin") or (one.place == "table" and one.value == "person")
        for one in read.hits
        if one.end - one.start < size and one.start >= begin
    )
    # a word for time says when and not what
    loose = len(read.words[begin:end]) > 1 and seen.type.name in ("date", "time")
    terms = seen.target is not None and is_terms(seen.target)
    placed = [
        (hit, feature)
        for hit in read.phrases
        if hit.end > begin
        and not (loose and _TIMES.issuperset(read.words[hit.start : hit.end]))
        and not (terms and _NEUTRAL.issuperset(read.words[hit.start : hit.end]))
        and (feature := _place(hit, begin, end, table, personal=personal))
    ]
    # a phrase within a longer one says nothing by itself
    strong = [hit for hit, feature in placed if feature != "hit_outside" and hit.how < 2]
    for hit, feature in placed:
        if hit.value in ("none", "person_key") or any(_within(hit, other) for other in strong):
            continue
        reasons = [Reason(feature, "name", f"its name says {hit.phrase}")]
        reasons += _doubts(hit, spans, strong, key=seen.target is not None)
        if hit.place != "anywhere" and lexicon.is_common(read.words[hit.start : hit.end]):
            where = "dense" if table.dense else "measured" if table.measured else "sparse"
            reasons.append(Reason(f"common_{where}", "name", "a word that every trade has"))
        yield _judged(hit.value, reasons, seen, hit)
    if not strong and seen.column.name.lower() not in KEY_NAMES:
        for hit in () if seen.type.name in ("date", "time") else lexicon.across(table.named, seen.column.name):
            if _place(hit, 0, 0, table, personal=personal) in ("", "hit_outside") or hit.value in ("none", "person_key"):
                continue
            reasons = [Reason("hit_across", "table", f"its table's name and its own say {hit.phrase}")]
            reasons += _doubts(hit, set(), ())
            yield _judged(hit.value, reasons, seen, hit)
    about = seen.comment is not None and any(
        hit.place == "beside" and hit.value in ("about", "unit", "system") and hit.start < _BEGINNING and hit.how == 0
        for hit in seen.comment.hits
    )
    for source, kind in ((seen.comment, "comment"), (seen.domain, "type"), (seen.labels, "label")):
        if source is None:
            continue
        for hit in source.hits:
            if hit.place == "anywhere" and hit.how == 0 and hit.value not in ("none", "person_key"):
                if kind == "comment" and hit.start > _READ:
                    continue
                reasons = [Reason(f"hit_{kind}", kind, f"its {kind} says {hit.phrase}")]
                if kind == "comment" and about:
                    reasons.append(Reason("comment_about", kind, "it begins with what is about something else"))
                yield _judged(hit.value, reasons, seen, None)


# what a key to a list of terms is called whatever it is a key of
_TIMES = frozenset(["date", "datetime", "time", "at", "on", "dt", "ts", "timestamp", "fecha", "hora", "heure", "datum", "zeit", "when"])
_NEUTRAL = frozenset({"concept", "code", "coded", "codes", "term", "item", "id", "value", "cd"})


def _doubts(
    hit: Hit, spans: Collection[tuple[int, int, str]], strong: Sequence[Hit], *, key: bool = False
) -> Iterator[Reason]:
    if hit.how:
        known = "abbreviated" if hit.how == 1 else "guessed"
        yield Reason(known, "name", f"{known} as it is")
    for kind in ("unit", "system", "about"):
        if (hit.start, hit.end, kind) in spans or (
            # a key to a list of kinds: procedure_type_id
            key
            and kind == "about"
            and any(hit.start < start and end == hit.end and k == "kind" for start, end, k in spans)
        ):
            yield Reason(f"also_{kind}", "name", f"{hit.phrase} may be about something else")
            break
    denied = next((one for one in strong if _denies(one, hit)), None)
    if denied:
        yield Reason("denied", "name", f"{denied.phrase} is nobody's data")


def _within(hit: Hit, other: Hit) -> bool:
    return other.start <= hit.start and hit.end <= other.end and other.end - other.start > hit.end - hit.start


def _denies(other: Hit, hit: Hit) -> bool:
    return other.value in ("none", "person_key") and other.start < hit.end and hit.start < other.end


def _records(table: Table) -> bool:
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


def _place(hit: Hit, begin: int, end: int, table: Table, *, personal: bool) -> str:
    """The feature of a phrase by where it holds and where it stands; empty where it does not hold."""
    person = table.role in ("person", "detail", "staff") or personal
    record = _records(table)
    whole = hit.start <= begin and hit.end >= end
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


# how many words at the beginning of a comment tell what the column is
_BEGINNING = 3
_READ = 8
_KINDS = frozenset({"type", "kind", "typ", "tipo", "art", "class", "clase", "klasse", "classe", "category", "categorie"})
_UNITS = frozenset({"unit", "uom", "unite", "einheit", "unidad", "ucum", "range", "referenz", "reference"})
_DOUBTS = frozenset({"also_unit", "also_system", "also_about", "denied", "guessed"})


def _judged(category: str, reasons: list[Reason], seen: Seen, hit: Hit | None) -> Candidate:
    table, target = seen.table, seen.target
    against = _against(seen, hit)
    features = {reason.feature for reason in against}
    if target is not None and is_terms(target):
        if category in _WRITTEN:
            # a code for it
            category = "health_observation"
        if table.linked or table.role in ("person", "detail", "record"):
            own = any(one.feature in ("hit_anywhere", "hit_whole", "hit_in", "hit_whole_in", "hit_topic", "hit_across") for one in reasons)
            feature = "key_to_terms" if own else "terms_of_other"
            reasons = [
                Reason(feature, "reference", f"it refers to {target.named}, a list of terms"),
                *(one._replace(feature="told_by_key") if one.feature.startswith("hit_") else one for one in reasons),
            ]
    elif target is not None:
        reasons += _reference(category, seen)
    reasons += _context(category, table)
    reasons += against
    reasons += _fit(category, seen, hit)
    if not against and hit is not None and not any(one.feature in _DOUBTS for one in reasons):
        reasons.append(Reason("covers", "name", "and nothing else"))
    if _is_own_key(seen):
        reasons.append(Reason("own_key", "type", "a number that only tells rows apart"))
    if category in HEALTH and category != "care_event" and seen.type.name in ("date", "time"):
        category = "care_event"
    if category in NAMED and (table.role == "staff" or "beside_staff" in features):
        category = "staff_identity"
    return Candidate(category, tuple(reasons), hit)


def _is_own_key(seen: Seen) -> bool:
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


def _context(category: str, table: Table) -> list[Reason]:
    role = table.role or "unknown"
    if category in ("credential", "network_identifier"):
        return []
    if category == "staff_identity" and role != "reference":
        return []
    if category == "free_text" and role == "technical":
        return [Reason("in_technical_free", "table", "the table belongs to the machinery")]
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
    findings = category in HEALTH or category == "free_text" or (role == "staff" and category == "death")
    group = "health" if findings else "other"
    if role in ("record", "technical"):
        role += "_linked" if table.linked else "_unlinked"
    return [Reason(f"in_{role}_{group}", "table", said)]


def _against(seen: Seen, hit: Hit | None) -> tuple[Reason, ...]:
    """Words beside the phrase that turn the column into something else."""
    lasting = hit is not None and hit.value in _LASTING and seen.type.name == "text"
    key = (hit.start, hit.end, lasting) if hit else (0, 0, False)
    known = seen.against.get(key)
    if known is None:
        known = seen.against[key] = tuple(_find_against(seen, hit, lasting=lasting))
    return known


def _find_against(seen: Seen, hit: Hit | None, *, lasting: bool) -> Iterator[Reason]:
    read = seen.read
    begin, size = _borders(seen.table, read)
    start, end = (hit.start, hit.end) if hit else (0, 0)
    boolean = seen.type.name == "boolean"
    switches = {(one.start, one.end) for one in read.beside if one.value == "boolean"} if boolean else ()
    explained = set(read.plain)
    said: set[str] = set()
    for other in read.beside:
        if other.start < end and start < other.end:
            continue
        explained.update(range(other.start, other.end))
        kind = other.value
        if kind in said or kind == "kin" or other.end <= begin or other.start >= size:
            continue
        if kind == "key" and (seen.target is not None or (other.start > begin and other.end < size)):
            continue
        if kind == "boolean" and (other.start > begin or boolean):
            continue
        if boolean and other.start <= begin and (other.start, other.end) in switches:
            continue
        if kind == "about" and not _at_edge(other, read, begin, size):
            continue
        if kind == "organisation" and seen.table.role == "staff":
            continue
        said.add(kind)
        weaker = (kind == "key" and seen.type.name == "text") or (
            # an imported name is a name
            kind == "system" and lasting and other.end <= start and "by" not in read.words
        )
        feature = f"beside_{kind}"
        if weaker:
            feature += "_text"
        elif kind == "about" and not _KINDS.isdisjoint(map(stem, read.words[other.start : other.end])):
            feature = "beside_kind"
        elif kind == "unit" and not _UNITS.isdisjoint(map(stem, read.words[other.start : other.end])):
            feature = "beside_measure"
        yield Reason(feature, "name", f"beside it stands {other.phrase}")
    if hit is None:
        return
    own = seen.table.read.words
    if any(
        number not in explained and not start <= number < end and word not in own and word not in _ADDS_NOTHING
        for number, word in enumerate(read.words[begin:size], begin)
    ):
        dense = seen.table.dense and seen.table.role in ("record", "person", "detail")
        yield Reason("leftover_dense" if dense else "leftover", "name", "there is more in its name")
        if "key" in said:
            yield Reason("key_of_other", "name", "and it is a key of that")


_AT_ENDS = frozenset({"concept", "code", "cd", "id", "cod", "at", "on", "by", "date", "time", "datetime", "dt", "ts"})


def _at_edge(hit: Hit, read: Read, begin: int, size: int) -> bool:
    if hit.start <= begin or hit.end >= size:
        return True
    # what follows is only the key or the code of it: condition_type_concept_id
    rest = set(range(hit.end, size))
    for other in read.hits:
        if other.place == "key" or (other.place == "beside" and other.value == "key"):
            rest -= set(range(other.start, other.end))
    return (
        not {read.words[i] for i in rest} - _AT_ENDS
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
    elif kind in ("integer", "number") and category in _NUMBERS and seen.read.words[-1:] == ("id",):
        yield Reason("number_id", "type", "a number that joins rows")
    elif kind in ("integer", "number"):
        if category in (
            "direct_identifier",
            "free_text",
            "credential",
            "staff_identity",
            "network_identifier",
        ):
            yield Reason("number_of_text", "type", "a number cannot hold that")
    elif kind in ("text", "json", "binary") and category == "free_text":
        short = 0 < seen.type.length <= 60
        yield Reason("short_text" if short else "text_fits", "type", "a short text" if short else "a text")
    elif kind == "address" and category == "network_identifier":
        yield Reason("text_fits", "type", "an address type")


def _reference(category: str, seen: Seen) -> list[Reason]:
    target = seen.target
    assert target is not None  # noqa: S101 - asked by the caller
    if target.role in ("reference", ""):
        return [Reason("key_to_codes", "reference", f"it refers to {target.named}")]
    if (
        target.role == "staff"
        and category == "staff_identity"
        and seen.type.name == "text"
        and not _LOGINS.isdisjoint(seen.read.words)
    ):
        return [Reason("key_to_codes", "reference", f"it is the login in {target.named}")]
    return [Reason("key_to_rows", "reference", f"it is a key to {target.named}")]


# words that add nothing: which of several, when
_FILLING = frozenset(["first", "second", "last", "other", "main", "primary", "secondary", "new", "old", "current", "full", "as", "in", "at", "on", "date", "datetime", "non", "coded", "free", "text"])
_LOGINS = frozenset({"user", "login", "username", "usuario", "utilisateur", "benutzer"})
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


# what a finding is made of, whereas a note has but a text
_FINDING_PARTS = frozenset("value valeur valor wert code codigo name nom nombre".split())


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
        if topic == "free_text" and not _FINDING_PARTS.isdisjoint(read.words):
            continue
        reasons = [Reason("hit_topic", "table", f"its table's name tells what {seen.column.name} is")]
        yield _judged(topic, reasons, seen, None)


def _by_kind(seen: Seen) -> Iterator[Candidate]:
    """Nothing in its name is known: what stands in a record about a person is data about that person."""
    table, kind = seen.table, seen.type.name
    if seen.target is not None or seen.column.number in table.primary or _is_own_key(seen):
        return
    if kind in ("json", "binary") and (table.linked or table.role == "technical"):
        reason = Reason(
            f"payload_{'linked' if table.linked else 'technical'}",
            "type",
            "a document about persons can be in it",
        )
        yield Candidate("free_text", (reason, *_against(seen, None)))
        return
    if table.role == "staff" and kind == "text":
        reason = Reason("content_staff", "table", "a text in a table of professionals")
        yield Candidate("staff_identity", (reason, *_against(seen, None)))
        return
    if table.role == "record" or (table.dense and table.role in ("person", "detail")):
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


_ADDS_NOTHING = _GENERIC | _FILLING
