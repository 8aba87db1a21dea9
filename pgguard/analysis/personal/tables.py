"""What the tables of a database are about: persons, what was found about them, codes, staff, machinery.

Told by the words of their names, by what they refer to and who refers to them, and by the columns that share
the name of a person's key where no foreign key is declared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgguard.analysis.personal.lexicon import PLACES
from pgguard.analysis.personal.words import stem
from pgguard.errors import Unread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from pgguard.analysis.personal.lexicon import Lexicon, Read
    from pgguard.model.rows import Column, Constraint, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

KINDS = frozenset("rpmfv")
# names of keys that every table may have
_COMMON_KEYS = frozenset(
    {
        "id",
        "pk",
        "key",
        "code",
        "uuid",
        "uid",
        "oid",
        "no",
        "num",
        "name",
        "guid",
        "rowid",
        "row id",
        "ide",
        "seq",
    }
)
# names of keys that are nothing but that
KEY_NAMES = frozenset({"id", "uid", "pk", "oid", "uuid", "guid", "key", "rowid"})
# words for people that more often stand for something else when they are part of a key
_TWO_MEANINGS = frozenset({"parent", "child", "member", "party", "client", "contact", "family", "person"})
_FARTHEST = 5
# columns that make a shared first word a prefix
_MANY = 4
# so many columns of an address make a table of addresses
_ADDRESS_PARTS = 3
_MOST_OWNERS = 3
# tables of terms, whatever the field
_TERMS = frozenset(
    {"concept", "terminology", "thesaurus", "vocabulary", "nomenclature", "dictionary", "item"}
)
_CLINICAL = frozenset({"health_observation", "genetic", "special_category"})


@dataclass(slots=True)
class Table:
    """A relation with what is known of it.

    `role`: person, detail (a part of a person's data), record, staff, organisation, reference, technical, or
    empty. `distance` counts the references to a table of persons: 0 is one itself, -1 is none known.
    """

    relation: Relation
    columns: Sequence[Column]
    read: Read
    kinds: dict[str, float]
    role: str = ""
    distance: int = -1
    via: str = ""
    topics: frozenset[str] = frozenset()
    primary: tuple[int, ...] = ()
    references: dict[int, int] = field(default_factory=dict)
    referenced_by: int = 0
    dense: bool = False
    measured: bool = False
    prefix: int = 0
    declared: set[int] = field(default_factory=set)
    person_keys: set[int] = field(default_factory=set)

    @property
    def linked(self) -> bool:
        """Whether its rows belong to persons."""
        return self.distance >= 0

    @property
    def named(self) -> str:
        """The name for people."""
        return self.relation.name


def optional(database: DatabaseSnapshot, section: str) -> tuple[Any, ...]:
    """The rows of a section that only adds evidence: none where it could not be read."""
    try:
        return database.rows(section)
    except Unread:
        return ()


def tables(database: DatabaseSnapshot, lexicon: Lexicon) -> Mapping[int, Table]:
    """What is known of every relation that can hold data, by oid; partitions and children among them.

    Raises `Unread` when relations or columns could not be read.
    """
    by_relation: dict[int, list[Column]] = {}
    for column in database.columns:
        by_relation.setdefault(column.relation, []).append(column)
    found: dict[int, Table] = {}
    for relation in database.relations:
        if relation.kind in KINDS and not relation.system and not relation.extension:
            read = lexicon.read(relation.name)
            own = by_relation.get(relation.oid, ())
            found[relation.oid] = Table(
                relation, own, read, _kinds(read), topics=_topics(read), prefix=_shared_prefix(own, lexicon)
            )
    roots = {oid: one for oid, one in found.items() if one.relation.parent not in found}
    _references(roots, optional(database, "constraints"), lexicon)
    persons = _first_roles(roots, lexicon, _prefixes(roots))
    _keys(roots, persons, lexicon)
    _link(roots, persons, lexicon)
    for table in roots.values():
        table.role = _role(table, lexicon)
    _lists(roots, lexicon)
    _addresses(roots, lexicon)
    for table in roots.values():
        table.dense = _is_dense(table, lexicon)
        table.measured = any(
            hit.place == "beside" and hit.value == "unit" and hit.end - hit.start == len(read.words)
            for column in table.columns
            for read in (lexicon.read(column.name),)
            for hit in read.beside
        )
    return found


def root(found: Mapping[int, Table], table: Table) -> Table:
    """The partitioned or inherited table that a table follows; itself without one."""
    seen = 0
    while table.relation.parent in found and seen < 100:
        table = found[table.relation.parent]
        seen += 1
    return table


def _shared_prefix(columns: Sequence[Column], lexicon: Lexicon) -> int:
    """1 where nearly all columns begin with the same word, which then stands for the table."""
    if len(columns) < _MANY:
        return 0
    first = Counter(
        words[0] for column in columns if len(words := lexicon.read(column.name).words) > 1
    )
    return int(bool(first) and first.most_common(1)[0][1] * 10 >= len(columns) * 7)


def _kinds(read: Read) -> dict[str, float]:
    # the last word of a name tells most, then the first
    size = len(read.words)
    kinds: dict[str, float] = {}
    for hit in read.hits:
        if hit.place == "table":
            place = 1.0 if hit.end == size else 0.8 if hit.start == 0 else 0.5
            kinds[hit.value] = max(kinds.get(hit.value, 0.0), place)
    return kinds


def _topics(read: Read) -> frozenset[str]:
    return frozenset(
        hit.value
        for hit in read.hits
        if hit.place in ("anywhere", "record", "person")
        or (hit.place.startswith("whole") and hit.end - hit.start == len(read.words))
    )


def _references(roots: Mapping[int, Table], constraints: Sequence[Constraint], lexicon: Lexicon) -> None:
    primary: dict[str, list[Table]] = {}
    for one in constraints:
        table = roots.get(one.relation)
        if table is None:
            continue
        if one.kind == "p":
            table.primary = one.columns
    for one in constraints:
        table = roots.get(one.relation)
        target = roots.get(one.references)
        if one.kind == "f" and table is not None and target is not None:
            # of a key of several columns the last one is its own, the others repeat the parents'
            table.references.setdefault(one.columns[-1], target.relation.oid)
            table.declared.add(one.columns[-1])
            target.referenced_by += 1
    for table in roots.values():
        if len(table.primary) == 1 and table.primary[0] not in table.declared:
            name = next((_plain(c.name) for c in table.columns if c.number == table.primary[0]), "")
            if name and not _is_common(name) and not _says_more(lexicon.read(name)):
                primary.setdefault(name, []).append(table)
    # columns that share the distinctive name of another table's primary key
    for oid, table in roots.items():
        for column in table.columns:
            others = [one for one in primary.get(_plain(column.name), ()) if one.relation.oid != oid]
            if 0 < len(others) <= _MOST_OWNERS and column.number not in table.references:
                own = set(lexicon.read(column.name).words)
                owner = max(others, key=lambda one: len(own & set(one.read.words)))
                table.references[column.number] = owner.relation.oid
                owner.referenced_by += 1


def _says_more(read: Read) -> bool:
    # an address or a national number may be a key and is no pseudonym
    return any(
        hit.place == "anywhere" and hit.value in ("contact", "national_id", "direct_identifier")
        for hit in read.hits
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _is_common(name: str) -> bool:
    return name.replace("_", " ") in _COMMON_KEYS


# words of table names that say nothing of what a row is
_NOISE = frozenset(
    ["tbl", "table", "tb", "tab", "t", "dim", "dimension", "data", "master", "mst", "main", "info", "information", "file", "fichier", "datos", "stammdaten", "base", "list", "liste", "lista", "register", "registry", "registre", "fact", "f", "v", "vw", "view", "hist", "history", "historique", "archive", "old", "new", "copy", "copie", "tmp", "temp", "bak", "backup", "import", "staging", "stg", "raw", "ods", "dw", "dwh", "demographic", "demography", "details", "index", "all", "current", "all"]
)


def _prefixes(roots: Mapping[int, Table]) -> frozenset[str]:
    """First words that many tables share, as the name of the program that they belong to."""
    first = Counter(table.read.words[0] for table in roots.values() if len(table.read.words) > 1)
    return frozenset(word for word, times in first.items() if times >= 5 and times * 4 >= len(roots))


def _first_roles(
    roots: Mapping[int, Table], lexicon: Lexicon, prefixes: Collection[str]
) -> list[Table]:
    """The tables with one row a person, by name or because they hold names and dates of birth."""
    persons = []
    for table in roots.values():
        kinds = table.kinds
        person = kinds.get("person", 0.0)
        if _holds_persons(table, lexicon) and not _is_staff(table):
            table.role = "person"
        elif person:
            covered = {
                position
                for hit in table.read.hits
                if hit.place == "table" and hit.value == "person"
                for position in range(hit.start, hit.end)
            }
            rest = {stem(word) for number, word in enumerate(table.read.words) if number not in covered}
            alone = rest <= {stem(word) for word in (*_NOISE, *prefixes)}
            alone = alone or (person == 1.0 and len(kinds) == 1)
            if alone:
                table.role = "person"
        if table.role:
            persons.append(table)
    return persons


def _holds_persons(table: Table, lexicon: Lexicon) -> bool:
    said = {
        hit.value
        for column in table.columns
        for hit in lexicon.read(column.name).hits
        if hit.place == "anywhere" and not _beside(lexicon.read(column.name))
    }
    return "date_of_birth" in said and bool(said & {"direct_identifier", "national_id", "record_number"})


def _beside(read: Read) -> bool:
    return any(hit.place == "beside" and hit.value in ("system", "staff") for hit in read.hits)


def _keys(roots: Mapping[int, Table], persons: Sequence[Table], lexicon: Lexicon) -> None:
    names: set[str] = set()
    words = set(_TWO_MEANINGS)
    for table in persons:
        words -= set(table.read.words) | {word[:-1] for word in table.read.words}
        if not table.primary:
            table.person_keys.update(
                column.number for column in table.columns if column.name.lower() in KEY_NAMES
            )
        if len(table.primary) == 1:
            number = table.primary[0]
            table.person_keys.add(number)
            name = next((c.name.lower() for c in table.columns if c.number == number), "")
            if name and not _is_common(name):
                names.add(name)
    person_oids = {table.relation.oid for table in persons}
    for table in roots.values():
        for column in table.columns:
            if table.references.get(column.number) in person_oids and not _beside(lexicon.read(column.name)):
                table.person_keys.add(column.number)
            elif column.number in table.references and column.number in table.declared:
                continue
            elif (
                column.name.lower() in names
                or _names_person(column, lexicon.read(column.name), words)
                or (column.number not in table.primary and _is_called_key(column, lexicon.read(column.name)))
            ):
                table.person_keys.add(column.number)


def _is_called_key(column: Column, read: Read) -> bool:
    """Whether the lexicon has the whole name for a pseudonym."""
    return any(
        hit.value == "person_key"
        and hit.place in ("anywhere", "whole")
        and hit.how == 0
        and hit.end - hit.start == len(read.words)
        and (len(read.words) > 1 or column.type in ("integer", "bigint", "uuid", "numeric"))
        for hit in read.hits
    )


def _names_person(column: Column, read: Read, ambiguous: set[str]) -> bool:
    """Whether the name is made of a word for persons and one for keys, as patient_num is."""
    covered: set[int] = set()
    person = key = False
    for hit in read.hits:
        if (
            hit.place == "table"
            and hit.value == "person"
            and ambiguous.isdisjoint(read.words[hit.start : hit.end])
        ):
            person = True
            covered.update(range(hit.start, hit.end))
        elif (hit.how < 2 and hit.place == "key") or (hit.place == "beside" and hit.value == "key"):
            key = True
            covered.update(range(hit.start, hit.end))
    if not person or any(hit.place == "beside" and hit.value == "about" for hit in read.hits):
        return False
    if len(covered) == len(read.words):
        return key or column.type in ("integer", "bigint", "uuid")
    return (
        key
        and len(covered) == len(read.words) - 1
        and column.type in ("integer", "bigint", "uuid", "numeric")
    )


_STOPPING = ("staff", "organisation", "technical")


def _link(roots: Mapping[int, Table], persons: Sequence[Table], lexicon: Lexicon) -> None:
    for table in roots.values():
        if table.role == "person":
            table.distance, table.via = 0, table.named
        elif table.person_keys and not _is_staff(table):
            number = min(table.person_keys)
            table.distance = 1
            table.via = next(c.name for c in table.columns if c.number == number)
    for distance in range(2, _FARTHEST + 1):
        for table in roots.values():
            if table.distance < 0 and not _stops(table):
                _link_by_references(roots, table, distance, lexicon)
        for table in roots.values():
            if table.distance == distance - 1 and not _stops(table):
                _link_back(roots, table, lexicon)


def _link_by_references(roots: Mapping[int, Table], table: Table, distance: int, lexicon: Lexicon) -> None:
    for number, target_oid in table.references.items():
        target = roots[target_oid]
        if target.distance != distance - 1 or _stops(target):
            continue
        # a catalogue shares names with records; only a declared key makes it part of one
        if "reference" in table.kinds and number not in table.declared:
            continue
        column = next(c for c in table.columns if c.number == number)
        if not _beside(lexicon.read(column.name)):
            table.distance, table.via = distance, f"{column.name} -> {target.named}"
            return


def _link_back(roots: Mapping[int, Table], table: Table, lexicon: Lexicon) -> None:
    # sample_human(patient_id, sample_id): the samples are persons' as well
    if table.distance == 0:
        return
    for number, target_oid in table.references.items():
        target = roots[target_oid]
        record = target.kinds.get("record", 0.0)
        if (
            target.distance < 0
            and record
            and record == max(target.kinds.values())
            and number in table.declared
            and "reference" not in target.kinds
            and not _is_list(target, lexicon)
            and any(column.type.startswith(("date", "timestamp")) for column in target.columns)
        ):
            target.distance, target.via = table.distance + 1, f"{table.named} refers to it"


def _is_staff(table: Table) -> bool:
    kinds = table.kinds
    return kinds.get("staff", 0.0) > max(kinds.get("person", 0.0), kinds.get("record", 0.0)) and not (
        # medical notes
        "detail" in kinds and table.topics & {"free_text", "health_observation"}
    )


def _stops(table: Table) -> bool:
    kinds = table.kinds
    strongest = max(kinds.values(), default=0.0)
    return (
        bool(strongest)
        and any(kinds.get(kind, 0.0) == strongest for kind in _STOPPING)
        and kinds.get("record", 0.0) < strongest
        and not (kinds.get("staff", 0.0) == strongest and not _is_staff(table))
        and not table.person_keys
    )


def _role(table: Table, lexicon: Lexicon) -> str:
    kinds = table.kinds

    def score(kind: str) -> float:
        return kinds.get(kind, 0.0)

    if _is_staff(table) and score("reference") < 1.0:
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
        return "reference" if _is_list(table, lexicon) else "record"
    if _is_list(table, lexicon):
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


_CODES = frozenset({"code", "codigo", "kode", "kurzel", "abbreviation", "cod", "cd"})
_LABELS = frozenset(
    {
        "name",
        "label",
        "libelle",
        "lib",
        "description",
        "descripcion",
        "bezeichnung",
        "desc",
        "title",
        "term",
        "nombre",
        "nom",
        "display",
        "meaning",
        "text",
    }
)


_NAMING = frozenset({"direct_identifier", "credential", "date_of_birth", "national_id"})


def _is_list(table: Table, lexicon: Lexicon) -> bool:
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


# first words of names that mark lists: d_items, dim_drug
_LIST_MARKS = frozenset({"d", "dim", "cat", "lkp", "lov", "nom"})


def _lists(roots: Mapping[int, Table], lexicon: Lexicon) -> None:
    # what persons' rows refer to and what refers to no person is a list: allergies beside patient_allergies
    for table in roots.values():
        for target_oid in table.references.values():
            target = roots[target_oid]
            if table.linked and not target.linked and target.role == "record":
                if _is_list(target, lexicon) or _says(target, "unit", "about"):
                    target.role = "reference"
                elif table.role == "person":
                    target.role = ""
    for table in roots.values():
        named = _says(table, "unit") or (len(table.read.words) > 1 and table.read.words[0] in _LIST_MARKS)
        if table.role in ("record", "") and not table.linked and named:
            table.role = "reference"


def _says(table: Table, *beside: str) -> bool:
    return any(hit.place == "beside" and hit.value in beside for hit in table.read.hits)


def _addresses(roots: Mapping[int, Table], lexicon: Lexicon) -> None:
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
                and plain in {f"{target.named}{end}".lower().replace("_", "") for end in ("id", "fk", "key", "")}
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
        return any(hit.value in _CLINICAL and hit.end - hit.start == size for hit in table.read.hits if hit.place in PLACES)
    if table.role != "reference":
        return False
    if not _TERMS.isdisjoint(stem(word) for word in table.read.words) or "record" in table.kinds:
        return True
    said = [hit for hit in table.read.hits if hit.place == "anywhere" and hit.value in _CLINICAL]
    lists = [hit for hit in table.read.hits if hit.place == "table" and hit.value == "reference"]
    named = {number for hit in (*said, *lists) for number in range(hit.start, hit.end)}
    rest = [word for number, word in enumerate(table.read.words) if number not in named and word not in _NOISE]
    # a study of cancers is no cancer; a first word may be the program's
    return bool(said) and rest in ([], list(table.read.words[:1]))


_FINDINGS = frozenset({"health_observation", "genetic", "special_category"})
# a whole name so short is the abbreviation of a measured value
_VALUE_NAME = 4


def _is_dense(table: Table, lexicon: Lexicon) -> bool:
    """Whether much of what it holds beside keys is known to be findings, so that the rest will be too."""
    findings = others = 0
    for column in table.columns:
        if column.number in table.references or column.number in table.primary:
            continue
        read = lexicon.read(column.name)
        if any(hit.place == "beside" and hit.value in ("system", "unit", "staff") for hit in read.hits):
            continue
        others += 1
        findings += any(
            hit.value in _FINDINGS
            and hit.how < 2
            and (
                hit.place == "anywhere"
                or (hit.place == "whole_record" and hit.end - hit.start == len(read.words) and len(column.name) <= _VALUE_NAME)
            )
            for hit in read.hits
        )
    return findings >= 2 and findings * 4 >= others
