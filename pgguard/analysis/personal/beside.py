"""The words beside a phrase that turn a column into something else: address_type, diagnosis_verified_at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.personal.seen import NAMED, Reason, borders
from pgguard.analysis.personal.words import listed, stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.personal.lexicon import Hit, Read
    from pgguard.analysis.personal.seen import Seen

KINDS = listed("type kind typ tipo art class clase klasse classe category categorie")
UNITS = frozenset({"unit", "uom", "unite", "einheit", "unidad", "ucum", "range", "referenz", "reference"})
# words that add nothing: which of several, when
FILLING = listed(
    "first second last other main primary secondary new old current full as in at on date datetime "
    "non coded free text"
)
GENERIC = listed(
    "code name label libelle lib description desc value valeur text texte term display title nombre "
    "nom codigo descripcion valor bezeichnung wert detail details content data body line line1 other"
)
_ADDS_NOTHING = GENERIC | FILLING
_AT_ENDS = listed("concept code cd id cod at on by date time datetime dt ts")


# before a plural they say how many: num_studies
_COUNTS = frozenset({"num", "nb", "nbr", "nbre", "anz", "anzahl", "count", "total", "qty"})


def against(seen: Seen, hit: Hit | None) -> tuple[Reason, ...]:
    """Words beside the phrase that turn the column into something else."""
    lasting = hit is not None and hit.value in NAMED and seen.type.name == "text"
    key = (hit.start, hit.end, lasting) if hit else (0, 0, False)
    known = seen.against.get(key)
    if known is None:
        known = seen.against[key] = tuple(_find_against(seen, hit, lasting=lasting))
    return known


def _find_against(seen: Seen, hit: Hit | None, *, lasting: bool) -> Iterator[Reason]:
    read = seen.read
    begin, size = borders(seen.table, read)
    start, end = (hit.start, hit.end) if hit else (0, 0)
    boolean = seen.type.name == "boolean"
    switches = {(one.start, one.end) for one in read.beside if one.value == "boolean"} if boolean else ()
    explained = set(read.plain)
    said: set[str] = set()
    if size - begin > 1 and read.words[begin] in _COUNTS and read.words[begin + 1].endswith("s"):
        said.add("about")
        yield Reason("beside_kind", "name", "how many there are")
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
        elif kind == "about" and not KINDS.isdisjoint(map(stem, read.words[other.start : other.end])):
            feature = "beside_kind"
        elif kind == "unit" and not UNITS.isdisjoint(map(stem, read.words[other.start : other.end])):
            feature = "beside_measure"
        yield Reason(feature, "name", f"beside it stands {other.phrase}")
    if hit is None:
        return
    own = seen.table.read.words
    if any(
        number not in explained
        and not start <= number < end
        and word not in own
        and word not in _ADDS_NOTHING
        for number, word in enumerate(read.words[begin:size], begin)
    ):
        dense = seen.table.dense and seen.table.role in ("record", "person", "detail")
        yield Reason("leftover_dense" if dense else "leftover", "name", "there is more in its name")
        if "key" in said:
            yield Reason("key_of_other", "name", "and it is a key of that")


def _at_edge(hit: Hit, read: Read, begin: int, size: int) -> bool:
    if hit.start <= begin or hit.end >= size:
        return True
    # what follows is only the key or the code of it: condition_type_concept_id
    rest = set(range(hit.end, size))
    for other in read.hits:
        if other.place == "key" or (other.place == "beside" and other.value == "key"):
            rest -= set(range(other.start, other.end))
    return not {read.words[i] for i in rest} - _AT_ENDS and "source" not in hit.phrase
