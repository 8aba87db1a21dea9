"""Tables that look like copies of sensitive tables, by their names and their columns.

No word of a name is enough by itself: a table is a copy when it holds the same columns, too.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_tables, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

Shape = tuple[tuple[str, str], ...]
_IDENTITY = frozenset({"direct_identifier", "national_id", "record_number", "date_of_birth"})
# a share of columns that chance does not give
_MOST_OF = 0.8
_FEW = 3


class Copy(NamedTuple):
    """A table taken for a copy: of which one (None: that is gone), why, and how sure.

    `certain` is false where the original is gone; `archive` tells that its name speaks of an archive.
    """

    relation: Relation
    original: Relation | None
    why: str
    certain: bool
    archive: bool


def copies(database: DatabaseSnapshot, policy: Policy) -> Iterator[Copy]:
    """The tables that look like copies of sensitive tables, one entry each.

    Partitions, inheritance children and tables that an original's triggers feed are none. Raises
    `Unread` when relations, columns, constraints, triggers or function texts could not be read.
    """
    tables = _Tables(database, policy)
    for relation in tables.candidates:
        found = _copy(tables, relation)
        if found is not None and not (found.original and tables.feeds(found.original, relation)):
            yield found


class _Words(NamedTuple):
    copy: frozenset[str]
    archive: frozenset[str]
    history: frozenset[str]
    filler: frozenset[str]


@cache
def _words() -> _Words:
    text = resources.files("pgguard").joinpath("data/copies.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return _Words(**{name: frozenset(data[name]) for name in _Words._fields})


class _Name(NamedTuple):
    """A table's name taken apart: what is left without the words of copies, the words, the digits."""

    stem: str
    copy: tuple[str, ...]
    archive: bool
    history: bool
    digits: str

    @property
    def marked(self) -> bool:
        return bool(self.copy) or self.archive


@cache
def _name(name: str) -> _Name:
    lists = _words()
    parts = words(name)
    copy = tuple(part for part in parts if part in lists.copy)
    archive = not lists.archive.isdisjoint(parts)
    digits = re.sub(r"\D", "", name)
    aside = lists.copy | lists.archive
    if copy or archive or digits:
        aside |= lists.filler
    return _Name(
        stem="".join(part.removesuffix("s") for part in parts if part not in aside),
        copy=copy,
        archive=archive,
        history=not lists.history.isdisjoint(parts),
        digits=digits,
    )


def _stems_within(stem: str) -> Iterator[str]:
    """What is left of a joined name without a word of copies at its end or start: patientbak, oldpatient."""
    affixes = _affixes()
    if not stem.endswith(affixes) and not stem.startswith(affixes):
        return
    for word in affixes:
        for rest in (stem.removesuffix(word), stem.removeprefix(word)):
            if rest != stem and len(rest) >= _FEW:
                yield rest.removesuffix("s")


@cache
def _affixes() -> tuple[str, ...]:
    return tuple(sorted(word for word in _words().copy if len(word) >= _FEW))


class _Tables:
    """What has to be known of one database, read once."""

    def __init__(self, database: DatabaseSnapshot, policy: Policy) -> None:
        self.database = database
        self.sensitive: Mapping[int, tuple[Sensitive, ...]] = sensitive_tables(database, policy)
        kept = {one.oid: one for one in database.relations if _is_table(one)}
        self.columns: dict[int, dict[str, Column]] = {}
        for column in database.columns:
            if column.relation in kept:
                self.columns.setdefault(column.relation, {})[column.name.lower()] = column
        self.keyed: set[int] = set()
        self.referenced: set[int] = set()
        for constraint in database.constraints:
            if constraint.kind in "puf":
                self.keyed.add(constraint.relation)
            if constraint.kind == "f" and constraint.references != constraint.relation:
                self.referenced.add(constraint.references)
        originals = [
            kept[oid]
            for oid in self.sensitive
            if oid in kept
            # a table that others refer to is at work, whatever its name
            and (oid in self.referenced or not (_name(kept[oid].name).marked or _schema_marked(kept[oid])))
        ]
        # of several that fit the one is named that looks most like the first of them
        originals.sort(key=lambda one: (_name(one.name).digits, one.oid not in self.keyed, one.oid))
        # hundreds of tables may differ in a number only: nothing here grows with the pairs of them
        self.by_name: dict[tuple[str, str], list[Relation]] = {}
        self.by_shape: dict[Shape, list[Relation]] = {}
        self.keyed_by_shape: dict[Shape, list[Relation]] = {}
        self.by_column: dict[str, list[Relation]] = {}
        for original in originals:
            name = _name(original.name)
            self.by_name.setdefault((name.stem, name.digits), []).append(original)
            shape = self.shape(original)
            _keep_two(self.by_shape, shape, original)
            if original.oid in self.keyed:
                _keep_two(self.keyed_by_shape, shape, original)
            for column_name in self.names_of(original):
                self.by_column.setdefault(column_name, []).append(original)
        self.candidates = [one for one in kept.values() if not self.by_column.keys().isdisjoint(self.of(one))]
        self.candidates += [
            kept[oid]
            for oid in self.sensitive
            if oid in kept and self.by_column.keys().isdisjoint(self.of(kept[oid]))
        ]
        self._texts: dict[int, str] | None = None

    def of(self, relation: Relation) -> dict[str, Column]:
        return self.columns.get(relation.oid, {})

    def names_of(self, relation: Relation) -> set[str]:
        return {one.column.name.lower() for one in self.sensitive.get(relation.oid, ())}

    def shape(self, relation: Relation) -> Shape:
        return tuple(sorted((name, column.type) for name, column in self.of(relation).items()))

    def feeds(self, original: Relation, copy: Relation) -> bool:
        """Whether a trigger of the original writes the table, or is there and the table is its history."""
        functions = {
            one.function
            for one in self.database.triggers
            if one.relation == original.oid and one.enabled != "D"
        }
        if functions and _name(copy.name).history:
            return True
        if functions and self._texts is None:
            self._texts = {
                text.oid: text.text for text in self.database.definitions if text.kind == "function"
            }
        return any(copy.name in (self._texts or {}).get(oid, "") for oid in functions)


def _keep_two(kept: dict[Shape, list[Relation]], shape: Shape, original: Relation) -> None:
    # one may be the table itself that is asked about, so that two are enough
    found = kept.setdefault(shape, [])
    if len(found) < 2:
        found.append(original)


def _is_table(relation: Relation) -> bool:
    return (
        relation.kind in "rp"
        and relation.persistence != "t"
        and not relation.system
        and not relation.extension
        and not relation.is_partition
        and not relation.parent
    )


def _schema_marked(relation: Relation) -> bool:
    return not _words().copy.isdisjoint(words(relation.schema))


def _copy(tables: _Tables, relation: Relation) -> Copy | None:
    name = _name(relation.name)
    marked = name.marked or _schema_marked(relation)
    archive = name.archive and not name.copy
    if name.history and not name.copy:
        return None
    original = _original(tables, relation, name, marked=marked)
    if original is not None:
        return Copy(relation, original, _shared(tables, relation, original), True, archive)
    columns = tables.sensitive.get(relation.oid, ())
    if (
        name.copy
        and relation.oid not in tables.referenced
        and len(columns) >= _FEW
        and not _IDENTITY.isdisjoint(one.category for one in columns)
    ):
        return Copy(relation, None, f"{len(columns)} sensitive columns", False, archive)
    return None


def _original(tables: _Tables, relation: Relation, name: _Name, *, marked: bool) -> Relation | None:
    """The table that another was copied from: of the same name, of the same columns, or of some of them."""
    same_name = [*tables.by_name.get((name.stem, name.digits), ())]
    same_name += tables.by_name.get((name.stem, ""), ()) if name.digits else ()
    for original in _others(same_name, relation):
        dated = bool(name.digits) and not _name(original.name).digits
        renewed = relation.oid in tables.referenced or _share(tables, relation, original) < _MOST_OF
        if (marked and _holds(tables, relation, original)) or (dated and not renewed):
            return original
    if not marked:
        for stem in _stems_within(name.stem):
            for original in _others(tables.by_name.get((stem, name.digits), ()), relation):
                if _share(tables, relation, original) >= _MOST_OF:
                    return original
    if len(tables.of(relation)) >= _FEW:
        same_shape: list[Relation] = []
        if marked:
            same_shape = tables.by_shape.get(tables.shape(relation), [])
        elif relation.oid not in tables.keyed:
            same_shape = tables.keyed_by_shape.get(tables.shape(relation), [])
        for original in _others(same_shape, relation):
            return original
    return _source_of_part(tables, relation) if marked else None


def _source_of_part(tables: _Tables, relation: Relation) -> Relation | None:
    """A table that has every column of another, and some sensitive ones among them."""
    own = tables.of(relation).keys()
    fitting = [tables.by_column[column] for column in own if column in tables.by_column]
    rarest = min(fitting, key=len) if fitting else []
    for original in _others(rarest, relation):
        if own <= tables.of(original).keys() and _holds(tables, relation, original):
            return original
    return None


def _others(originals: Iterable[Relation], relation: Relation) -> Iterator[Relation]:
    return (one for one in originals if one.oid != relation.oid)


def _holds(tables: _Tables, relation: Relation, original: Relation) -> bool:
    """Whether a table holds half of the original's sensitive columns, or one and no column of its own."""
    sensitive, own = tables.names_of(original), tables.of(relation).keys()
    shared = sensitive & own
    return bool(shared) and (2 * len(shared) >= len(sensitive) or own <= tables.of(original).keys())


def _share(tables: _Tables, relation: Relation, original: Relation) -> float:
    own = tables.of(relation).keys()
    return len(own & tables.of(original).keys()) / len(own) if own else 0.0


def _shared(tables: _Tables, relation: Relation, original: Relation) -> str:
    own, its = tables.of(relation).keys(), tables.of(original).keys()
    if own == its:
        return f"the same {len(own)} columns as {relation_name(original)}"
    sensitive = tables.names_of(original)
    return f"{len(sensitive & own)} of the {len(sensitive)} sensitive columns of {relation_name(original)}"
