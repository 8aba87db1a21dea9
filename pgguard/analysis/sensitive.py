"""Which columns hold personal or health data.

The policy's `[[column]]` entries decide. Where the policy has none for a database, a small lexicon
of unmistakable names (data/lexicon.toml) stands in, so that a first inspection can tell a table of
patients from a table of postcodes; what rests on it says so.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.policy import NOT_SENSITIVE
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

# camelCase, digits and separators all end a word: patFName2 is pat, f, name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\u00df-\u00ff]+")
STORED = frozenset("rpmf")


class Sensitive(NamedTuple):
    """A column taken for sensitive: its category, and whether the policy says so or only its name."""

    relation: Relation
    column: Column
    category: str
    declared: bool


def sensitive_columns(database: DatabaseSnapshot, policy: Policy) -> tuple[Sensitive, ...]:
    """The sensitive columns of tables, materialized views and foreign tables of one database.

    Raises `Unread` when relations or columns could not be read.
    """
    key = ("sensitive", id(policy))
    known: tuple[Sensitive, ...] | None = database._memo.get(key)
    if known is None:
        known = database._memo[key] = tuple(_find(database, policy))
    return known


def sensitive_tables(database: DatabaseSnapshot, policy: Policy) -> Mapping[int, tuple[Sensitive, ...]]:
    """The sensitive columns by the oid of their table."""
    tables: dict[int, tuple[Sensitive, ...]] = {}
    for one in sensitive_columns(database, policy):
        tables[one.relation.oid] = (*tables.get(one.relation.oid, ()), one)
    return tables


def sensitive_views(database: DatabaseSnapshot, policy: Policy) -> frozenset[int]:
    """The oids of the views that read a sensitive column, directly or through other views.

    Raises `Unread` when the views' dependencies could not be read.
    """
    sensitive = {(one.relation.oid, one.column.number) for one in sensitive_columns(database, policy)}
    tables = {oid for oid, _ in sensitive}
    found: set[int] = set()
    grown = True
    while grown:
        before = len(found)
        for used in database.view_columns:
            if (
                (used.relation, used.number) in sensitive
                or (used.number == 0 and used.relation in tables)
                or used.relation in found
            ):
                found.add(used.view)
        grown = len(found) > before
    return frozenset(found)


def _find(database: DatabaseSnapshot, policy: Policy) -> list[Sensitive]:
    declared = {
        entry.name: entry.category for entry in policy.column if entry.database in ("", database.name)
    }
    relations = {
        relation.oid: relation
        for relation in database.relations
        if relation.kind in STORED and not relation.system and not relation.extension
    }
    columns: dict[int, list[Column]] = {}
    for column in database.columns:
        if column.relation in relations:
            columns.setdefault(column.relation, []).append(column)
    found: list[Sensitive] = []
    for oid, relation in relations.items():
        guess = _guesses(relation, columns.get(oid, [])) if not declared else {}
        for column in columns.get(oid, []):
            category = declared.get(qualified(relation.schema, relation.name, column.name))
            if category is not None and category not in NOT_SENSITIVE:
                found.append(Sensitive(relation, column, category, True))
            elif category is None and column.number in guess:
                found.append(Sensitive(relation, column, guess[column.number], False))
    return found


class _Lexicon(NamedTuple):
    tables: frozenset[str]
    alone: Mapping[tuple[str, ...], str]
    in_person_table: Mapping[tuple[str, ...], str]


@cache
def _lexicon() -> _Lexicon:
    text = resources.files("pgguard").joinpath("data/lexicon.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)

    def entries(section: str) -> dict[tuple[str, ...], str]:
        return {
            tuple(phrase.split()): category
            for category, phrases in data[section].items()
            for phrase in phrases
        }

    return _Lexicon(frozenset(data["person_tables"]["words"]), entries("alone"), entries("in_person_table"))


def words(name: str) -> tuple[str, ...]:
    """The words of an SQL name in lower case."""
    return tuple(part.lower() for part in _WORD.findall(name))


def _guesses(relation: Relation, columns: list[Column]) -> dict[int, str]:
    lexicon = _lexicon()
    about_persons = not lexicon.tables.isdisjoint(_singular(words(relation.name)))
    guesses: dict[int, str] = {}
    for column in columns:
        parts = words(column.name)
        category = _lookup(parts, lexicon.alone)
        if category is None and about_persons:
            category = _lookup(parts, lexicon.in_person_table)
        if category is not None:
            guesses[column.number] = category
    return guesses


def _lookup(parts: tuple[str, ...], phrases: Mapping[tuple[str, ...], str]) -> str | None:
    for size in (3, 2, 1):
        for start in range(len(parts) - size + 1):
            category = phrases.get(parts[start : start + size])
            if category is not None:
                return category
    return None


def _singular(parts: tuple[str, ...]) -> set[str]:
    return {*parts, *(part.removesuffix("s") for part in parts)}
