"""What speaks for and against each category for one column: named reasons, to be weighed.

The feature of a reason is a key of data/weights.toml; its kind and words are what the reader is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.personal.beside import GENERIC, against
from pgguard.analysis.personal.judged import context, judged
from pgguard.analysis.personal.phrases import by_phrase, place
from pgguard.analysis.personal.roles import is_terms
from pgguard.analysis.personal.seen import ORDER, Candidate, Reason, borders, is_own_key, records
from pgguard.analysis.personal.table import KEY_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.personal.lexicon import Lexicon, Read
    from pgguard.analysis.personal.seen import Seen

# lengths of uuids as texts
_OPAQUE = frozenset({32, 36, 38})
# what a finding is made of, whereas a note has but a text
_FINDING_PARTS = frozenset({"value", "valeur", "valor", "wert", "code", "codigo", "name", "nom", "nombre"})


def signature(seen: Seen, lexicon: Lexicon) -> tuple[object, ...]:
    """What the candidates of a column depend on: columns with the same signature have the same ones."""
    table, column, own = seen.table, seen.column, seen.table.read.words
    target = seen.target
    return (
        column.name,
        column.type,
        tuple(word for word in seen.read.words if word in own),
        lexicon.across(table.named, column.name),
        (table.role, table.linked, table.dense, table.measured, table.prefix, records(table)),
        () if GENERIC.isdisjoint(seen.read.words) else table.topics,
        column.number in table.person_keys,
        column.number in table.declared,
        column.number in table.primary,
        table.primary == (column.number,) and (table.role == "person", table.referenced_by > 1),
        seen.type.name in ("integer", "number", "uuid") and is_own_key(seen),
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
            return [
                Candidate("national_id", (Reason("hit_anywhere", "name", "its name says a national number"),))
            ]
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
                (Reason("text_key", "name", "a person's key that is text"), *against(seen, None)),
            )
        ]
    found = list(by_phrase(seen, lexicon))
    if seen.type.name == "text" and seen.target is None and _names_staff(seen.read) and table.role != "staff":
        reasons = [Reason("hit_staff", "name", "its name says who did it"), *context("staff_identity", table)]
        found.append(Candidate("staff_identity", tuple(reasons)))
    if _is_text_key(seen):
        reasons = [
            Reason("text_id", "type", "a number by which others know it, as a text"),
            *context("record_number", table),
        ]
        found.append(Candidate("record_number", tuple(reasons)))
    denied = any(
        hit.value == "none" and hit.how < 2 and place(hit, *borders(table, seen.read), table, personal=False)
        for hit in seen.read.hits
    )
    if not denied:
        if not found or (seen.read.words and GENERIC.issuperset(seen.read.words)):
            found += _by_table(seen)
        # bytes of which the name tells what they are hold that in another form, and no document
        if not (found and seen.type.name == "binary"):
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
        or read.words[-1]
        not in ("id", "no", "num", "nr", "number", "numero", "nummer", "ident", "identifier")
        or any(hit.place == "beside" and hit.value not in ("key", "kin") for hit in read.hits)
    ):
        return False
    if table.role == "person":
        return len(read.words) == 2
    rest = read.words[:-1]
    return table.role == "record" and any(
        hit.place == "table" and hit.value == "record" and hit.how < 2 and hit.end >= len(rest)
        for hit in read.hits
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
        reasons += against(seen, None)
        yield Candidate("health_observation", tuple(reasons))
        return
    if seen.target is not None or GENERIC.isdisjoint(read.words):
        return
    for topic in sorted(table.topics, key=ORDER.index):
        if topic in ("person_key", "none"):
            continue
        if topic == "free_text" and not _FINDING_PARTS.isdisjoint(read.words):
            continue
        reasons = [Reason("hit_topic", "table", f"its table's name tells what {seen.column.name} is")]
        yield judged(topic, reasons, seen, None)


def _by_kind(seen: Seen) -> Iterator[Candidate]:
    """Nothing in its name is known: what stands in a record about a person is data about that person."""
    table, kind = seen.table, seen.type.name
    if seen.target is not None or seen.column.number in table.primary or is_own_key(seen):
        return
    if kind in ("json", "binary") and (table.linked or table.role == "technical"):
        reason = Reason(
            f"payload_{'linked' if table.linked else 'technical'}",
            "type",
            "a document about persons can be in it",
        )
        yield Candidate("free_text", (reason, *against(seen, None)))
        return
    if table.role == "staff" and kind == "text":
        reason = Reason("content_staff", "table", "a text in a table of professionals")
        yield Candidate("staff_identity", (reason, *against(seen, None)))
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
        f"content_{where}_{group}", "neighbour", f"a {group.replace('_', ' ')} in a record about a person"
    )
    yield Candidate(category, (reason, *against(seen, None)))
