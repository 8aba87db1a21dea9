"""What the tables of a database are about, by the words of their names, their references, their columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pgguard.analysis.personal.links import keys, link, references
from pgguard.analysis.personal.roles import addresses, first_roles, lists, prefixes, role
from pgguard.analysis.personal.table import KINDS, Table, optional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgguard.analysis.personal.lexicon import Lexicon, Read
    from pgguard.model.rows import Column
    from pgguard.model.snapshot import DatabaseSnapshot

# columns that make a shared first word a prefix
_MANY = 4
_FINDINGS = frozenset({"health_observation", "genetic", "special_category"})
# a whole name so short is the abbreviation of a measured value
_VALUE_NAME = 4


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
    references(roots, optional(database, "constraints"), lexicon)
    persons = first_roles(roots, lexicon, prefixes(roots))
    keys(roots, persons, lexicon)
    link(roots, persons, lexicon)
    for table in roots.values():
        table.role = role(table, lexicon)
    lists(roots, lexicon)
    addresses(roots, lexicon)
    for table in roots.values():
        table.dense = _is_dense(table, lexicon)
        table.measured = any(
            hit.place == "beside" and hit.value == "unit" and hit.end - hit.start == len(read.words)
            for column in table.columns
            for read in (lexicon.read(column.name),)
            for hit in read.beside
        )
    return found


def _shared_prefix(columns: Sequence[Column], lexicon: Lexicon) -> int:
    """1 where nearly all columns begin with the same word, which then stands for the table."""
    if len(columns) < _MANY:
        return 0
    first = Counter(words[0] for column in columns if len(words := lexicon.read(column.name).words) > 1)
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
                or (
                    hit.place == "whole_record"
                    and hit.end - hit.start == len(read.words)
                    and len(column.name) <= _VALUE_NAME
                )
            )
            for hit in read.hits
        )
    return findings >= 2 and findings * 4 >= others
