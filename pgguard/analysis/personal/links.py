"""Whose rows they are: keys of persons, declared and by name, and the tables that they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.personal.roles import beside, is_list, is_staff
from pgguard.analysis.personal.table import KEY_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.analysis.personal.lexicon import Lexicon, Read
    from pgguard.analysis.personal.table import Table
    from pgguard.model.rows import Column, Constraint

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
# words for people that more often stand for something else when they are part of a key
_TWO_MEANINGS = frozenset({"parent", "child", "member", "party", "client", "contact", "family", "person"})
_FARTHEST = 5
_MOST_OWNERS = 3
_STOPPING = ("staff", "organisation", "technical")


def references(roots: Mapping[int, Table], constraints: Sequence[Constraint], lexicon: Lexicon) -> None:
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
            name = next((plain(c.name) for c in table.columns if c.number == table.primary[0]), "")
            if name and not is_common(name) and not says_more(lexicon.read(name)):
                primary.setdefault(name, []).append(table)
    # columns that share the distinctive name of another table's primary key
    for oid, table in roots.items():
        for column in table.columns:
            others = [one for one in primary.get(plain(column.name), ()) if one.relation.oid != oid]
            if 0 < len(others) <= _MOST_OWNERS and column.number not in table.references:
                own = set(lexicon.read(column.name).words)
                owner = max(others, key=lambda one: len(own & set(one.read.words)))
                table.references[column.number] = owner.relation.oid
                owner.referenced_by += 1


def says_more(read: Read) -> bool:
    # an address or a national number may be a key and is no pseudonym
    return any(
        hit.place == "anywhere" and hit.value in ("contact", "national_id", "direct_identifier")
        for hit in read.hits
    )


def plain(name: str) -> str:
    return name.lower().replace("_", "")


def is_common(name: str) -> bool:
    return name.replace("_", " ") in _COMMON_KEYS


def keys(roots: Mapping[int, Table], persons: Sequence[Table], lexicon: Lexicon) -> None:
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
            if name and not is_common(name):
                names.add(name)
    person_oids = {table.relation.oid for table in persons}
    for table in roots.values():
        for column in table.columns:
            if table.references.get(column.number) in person_oids and not beside(lexicon.read(column.name)):
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


def link(roots: Mapping[int, Table], persons: Sequence[Table], lexicon: Lexicon) -> None:
    for table in roots.values():
        if table.role == "person":
            table.distance, table.via = 0, table.named
        elif table.person_keys and not is_staff(table):
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
        if not beside(lexicon.read(column.name)):
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
            and not is_list(target, lexicon)
            and any(column.type.startswith(("date", "timestamp")) for column in target.columns)
        ):
            target.distance, target.via = table.distance + 1, f"{table.named} refers to it"


def _stops(table: Table) -> bool:
    kinds = table.kinds
    strongest = max(kinds.values(), default=0.0)
    return (
        bool(strongest)
        and any(kinds.get(kind, 0.0) == strongest for kind in _STOPPING)
        and kinds.get("record", 0.0) < strongest
        and not (kinds.get("staff", 0.0) == strongest and not is_staff(table))
        and not table.person_keys
    )
