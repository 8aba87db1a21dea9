"""What the rows of a table are: persons, records of them, staff, organisations, lists, machinery."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pgguard.analysis.personal.lexicon import PLACES
from pgguard.analysis.personal.words import listed, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pgguard.analysis.personal.lexicon import Lexicon, Read
    from pgguard.analysis.personal.table import Table

# words of table names that say nothing of what a row is
NOISE = listed(
    "tbl table tb tab t dim dimension data master mst main info information file fichier datos "
    "stammdaten base list liste lista register registry registre fact f v vw view hist history "
    "historique archive old new copy copie tmp temp bak backup import staging stg raw ods dw dwh "
    "demographic demography details index all current"
)
# tables of terms, whatever the field
_TERMS = listed("concept terminology thesaurus vocabulary nomenclature dictionary item")
_CLINICAL = frozenset({"health_observation", "genetic", "special_category"})
_CODES = frozenset({"code", "codigo", "kode", "kurzel", "abbreviation", "cod", "cd"})
_LABELS = listed(
    "name label libelle lib description descripcion bezeichnung desc title term nombre nom display "
    "meaning text"
)
_NAMING = frozenset({"direct_identifier", "credential", "date_of_birth", "national_id"})
# first words of names that mark lists: d_items, dim_drug
_LIST_MARKS = frozenset({"d", "dim", "cat", "lkp", "lov", "nom"})
# so many columns of an address make a table of addresses
_ADDRESS_PARTS = 3


def beside(read: Read) -> bool:
    """Whether the name is of who did it or when, and not of whom it is about."""
    return any(hit.place == "beside" and hit.value in ("system", "staff") for hit in read.hits)


def prefixes(roots: Mapping[int, Table]) -> frozenset[str]:
    """First words that many tables share, as the name of the program that they belong to."""
    first = Counter(table.read.words[0] for table in roots.values() if len(table.read.words) > 1)
    return frozenset(word for word, times in first.items() if times >= 5 and times * 4 >= len(roots))


def first_roles(roots: Mapping[int, Table], lexicon: Lexicon, prefixes: Collection[str]) -> list[Table]:
    """The tables with one row a person, by name or because they hold names and dates of birth."""
    persons = []
    for table in roots.values():
        kinds = table.kinds
        person = kinds.get("person", 0.0)
        if holds_persons(table, lexicon) and not is_staff(table):
            table.role = "person"
        elif person:
            covered = {
                position
                for hit in table.read.hits
                if hit.place == "table" and hit.value == "person"
                for position in range(hit.start, hit.end)
            }
            rest = {stem(word) for number, word in enumerate(table.read.words) if number not in covered}
            alone = rest <= {stem(word) for word in (*NOISE, *prefixes)}
            alone = alone or (person == 1.0 and len(kinds) == 1)
            if alone:
                table.role = "person"
        if table.role:
            persons.append(table)
    return persons


def holds_persons(table: Table, lexicon: Lexicon) -> bool:
    said = {
        hit.value
        for column in table.columns
        for hit in lexicon.read(column.name).hits
        if hit.place == "anywhere" and not beside(lexicon.read(column.name))
    }
    return "date_of_birth" in said and bool(said & {"direct_identifier", "national_id", "record_number"})


def is_staff(table: Table) -> bool:
    kinds = table.kinds
    return kinds.get("staff", 0.0) > max(kinds.get("person", 0.0), kinds.get("record", 0.0)) and not (
        # medical notes
        "detail" in kinds and table.topics & {"free_text", "health_observation"}
    )


def role(table: Table, lexicon: Lexicon) -> str:
    kinds = table.kinds

    def score(kind: str) -> float:
        return kinds.get(kind, 0.0)

    if is_staff(table) and score("reference") < 1.0:
        return "staff"
    if table.role == "person":
        return "person"
    if table.linked:
        if score("technical") >= 1.0 and not score("person") and not score("record"):
            return "technical"
        if score("person") and score("person") >= score("record"):
            return "detail"
        return "record"
    strongest = max(kinds.values(), default=0.0)
    for kind in ("reference", "technical", "organisation", "staff"):
        if strongest and score(kind) == strongest:
            return kind
    if _has_credentials(table, lexicon):
        return "staff"
    if score("person"):
        return "detail"
    if score("record"):
        return "reference" if is_list(table, lexicon) else "record"
    if is_list(table, lexicon):
        return "reference"
    return ""


def _has_credentials(table: Table, lexicon: Lexicon) -> bool:
    said = {
        hit.value
        for column in table.columns
        for hit in lexicon.read(column.name).hits
        if hit.place == "anywhere"
    }
    return "credential" in said and bool(said & {"staff_identity", "direct_identifier", "contact"})


def is_list(table: Table, lexicon: Lexicon) -> bool:
    """Whether it looks like a list of codes: a code and a label, others refer to it, nobody's key in it."""
    own = set(table.read.words)
    words = [set(lexicon.read(column.name).words[table.prefix :]) for column in table.columns]
    coded = any(not _CODES.isdisjoint(some) for some in words)
    labelled = any(some - own <= _LABELS and some & _LABELS for some in words)
    if any(
        hit.place == "anywhere" and hit.value in _NAMING and hit.how == 0
        for column in table.columns
        for hit in lexicon.read(column.name).hits
    ):
        return False
    return labelled and (
        (coded and len(words) <= 15)
        or (table.referenced_by >= 2 and len(words) <= 12)
        or (table.referenced_by >= 1 and len(words) <= 6)
    )


def lists(roots: Mapping[int, Table], lexicon: Lexicon) -> None:
    # what persons' rows refer to and what refers to no person is a list: allergies beside patient_allergies
    for table in roots.values():
        for target_oid in table.references.values():
            target = roots[target_oid]
            if table.linked and not target.linked and target.role == "record":
                if is_list(target, lexicon) or _says(target, "unit", "about"):
                    target.role = "reference"
                elif table.role == "person":
                    target.role = ""
    for table in roots.values():
        named = _says(table, "unit") or (len(table.read.words) > 1 and table.read.words[0] in _LIST_MARKS)
        if table.role in ("record", "") and not table.linked and named:
            table.role = "reference"


def _says(table: Table, *beside: str) -> bool:
    return any(hit.place == "beside" and hit.value in beside for hit in table.read.hits)


def addresses(roots: Mapping[int, Table], lexicon: Lexicon) -> None:
    # a table of addresses that a person's row points to under its own name holds that person's
    for table in roots.values():
        if table.role != "person":
            continue
        for number, target_oid in table.references.items():
            target = roots[target_oid]
            column = next(c for c in table.columns if c.number == number)
            plain = column.name.lower().replace("_", "")
            if (
                target.role in ("organisation", "", "reference")
                and plain
                in {f"{target.named}{end}".lower().replace("_", "") for end in ("id", "fk", "key", "")}
                and sum(
                    any(hit.value == "contact" and hit.place in PLACES for hit in lexicon.read(one.name).hits)
                    for one in target.columns
                )
                >= max(_ADDRESS_PARTS, len(target.columns) / 3)
            ):
                target.role = "detail"
                target.distance, target.via = 1, f"{table.named}.{column.name}"


def is_terms(table: Table) -> bool:
    """Whether it lists clinical terms, so that a key to it says what was found."""
    if table.role == "":
        size = len(table.read.words)
        return any(
            hit.value in _CLINICAL and hit.end - hit.start == size
            for hit in table.read.hits
            if hit.place in PLACES
        )
    if table.role != "reference":
        return False
    if not _TERMS.isdisjoint(stem(word) for word in table.read.words) or "record" in table.kinds:
        return True
    said = [hit for hit in table.read.hits if hit.place == "anywhere" and hit.value in _CLINICAL]
    lists = [hit for hit in table.read.hits if hit.place == "table" and hit.value == "reference"]
    named = {number for hit in (*said, *lists) for number in range(hit.start, hit.end)}
    rest = [word for number, word in enumerate(table.read.words) if number not in named and word not in NOISE]
    # a study of cancers is no cancer; a first word may be the program's
    return bool(said) and rest in ([], list(table.read.words[:1]))
