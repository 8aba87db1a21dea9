"""Evidence from words: of a column's name, of its table's and its own, of its comment, domain and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.personal.beside import KINDS
from pgguard.analysis.personal.judged import judged
from pgguard.analysis.personal.roles import is_terms
from pgguard.analysis.personal.seen import Reason, borders, records
from pgguard.analysis.personal.table import KEY_NAMES
from pgguard.analysis.personal.words import listed, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pgguard.analysis.personal.lexicon import Hit, Lexicon
    from pgguard.analysis.personal.seen import Candidate, Seen
    from pgguard.analysis.personal.table import Table

# what a key to a list of terms is called whatever it is a key of
_TIMES = listed("date datetime time at on dt ts timestamp fecha hora heure datum zeit when")
NEUTRAL = frozenset({"concept", "code", "coded", "codes", "term", "item", "id", "value", "cd"})
# how many words at the beginning of a comment tell what the column is
_BEGINNING = 3
_READ = 8


def by_phrase(seen: Seen, lexicon: Lexicon) -> Iterator[Candidate]:
    table, read = seen.table, seen.read
    begin, end = borders(table, read)
    size = end - begin
    spans = {(one.start, one.end, one.value) for one in read.beside}
    if seen.target is not None:
        spans |= {
            (number, number + 1, "kind") for number, word in enumerate(read.words) if stem(word) in KINDS
        }
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
        and not (terms and NEUTRAL.issuperset(read.words[hit.start : hit.end]))
        and (feature := place(hit, begin, end, table, personal=personal))
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
        yield judged(hit.value, reasons, seen, hit)
    if not strong and seen.column.name.lower() not in KEY_NAMES:
        for hit in (
            () if seen.type.name in ("date", "time") else lexicon.across(table.named, seen.column.name)
        ):
            if place(hit, 0, 0, table, personal=personal) in ("", "hit_outside") or hit.value in (
                "none",
                "person_key",
            ):
                continue
            reasons = [Reason("hit_across", "table", f"its table's name and its own say {hit.phrase}")]
            reasons += _doubts(hit, set(), ())
            yield judged(hit.value, reasons, seen, hit)
    about = seen.comment is not None and any(
        hit.place == "beside"
        and hit.value in ("about", "unit", "system")
        and hit.start < _BEGINNING
        and hit.how == 0
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
                    reasons.append(
                        Reason("comment_about", kind, "it begins with what is about something else")
                    )
                yield judged(hit.value, reasons, seen, None)


def _doubts(
    hit: Hit, spans: Collection[tuple[int, int, str]], strong: Sequence[Hit], *, key: bool = False
) -> Iterator[Reason]:
    if hit.how:
        known = "abbreviated" if hit.how == 1 else "guessed"
        yield Reason(known, "name", f"{known} as it is")
    for kind in ("unit", "system", "about"):
        if (
            (hit.start, hit.end, kind) in spans
            # made of such words alone: verification status
            or all((number, number + 1, kind) in spans for number in range(hit.start, hit.end))
        ) or (
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
    longer = (
        other.start <= hit.start and hit.end <= other.end and other.end - other.start > hit.end - hit.start
    )
    # what is written out is not hidden by the same within abbreviations
    return longer and (other.how <= hit.how or other.value != hit.value)


def _denies(other: Hit, hit: Hit) -> bool:
    return other.value in ("none", "person_key") and other.start < hit.end and hit.start < other.end


def place(hit: Hit, begin: int, end: int, table: Table, *, personal: bool) -> str:
    """The feature of a phrase by where it holds and where it stands; empty where it does not hold."""
    person = table.role in ("person", "detail", "staff") or personal
    record = records(table)
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
