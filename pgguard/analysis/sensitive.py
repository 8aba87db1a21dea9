"""Which columns hold personal or health data.

The policy's `[[column]]` entries decide for every table that they name. For the other tables a small
lexicon of unmistakable names (data/lexicon.toml) stands in, so that a first inspection can tell a
table of patients from a table of postcodes, and a new copy of patients is not overlooked because the
policy does not know it yet; `Sensitive.declared` tells the two apart.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.catalog import columns
from pgguard.model.policy import NOT_SENSITIVE
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

# camelCase, digits and separators all end a word: patFName2 is pat, f, name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST = 4
STORED = frozenset("rpmf")
# starts of type names as format_type gives them
_TEXT = ("text", "character", "varchar", "citext", "name", "json", "xml", "bytea")
_MOMENTS = ("date", "time", "interval")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double", "uuid", "oid")
# categories by what type can hold them
_DATES = frozenset({"date_of_birth", "death"})
_TEXTS = frozenset({"direct_identifier", "free_text", "credential", "staff_identity"})
_NUMBERED = frozenset({"contact", "national_id", "record_number"})


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
    key = ("sensitive", policy.column)
    known: tuple[Sensitive, ...] | None = database._memo.get(key)
    if known is None:
        known = database._memo[key] = tuple(_find(database, policy))
    return known


def sensitive_tables(database: DatabaseSnapshot, policy: Policy) -> Mapping[int, tuple[Sensitive, ...]]:
    """The sensitive columns by the oid of their table."""
    key = ("sensitive tables", policy.column)
    known: dict[int, tuple[Sensitive, ...]] | None = database._memo.get(key)
    if known is None:
        tables: dict[int, list[Sensitive]] = {}
        for one in sensitive_columns(database, policy):
            tables.setdefault(one.relation.oid, []).append(one)
        known = database._memo[key] = {oid: tuple(columns) for oid, columns in tables.items()}
    return known


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
    found: list[Sensitive] = []
    for relation in database.relations:
        if relation.kind not in STORED or relation.system or relation.extension:
            continue
        own = columns(database, relation.oid)
        decisions = _decisions(relation, own, declared) if declared else {}
        categories = decisions or _guesses(relation, own)
        for column in own:
            category = categories.get(column.number)
            if category is not None and category not in NOT_SENSITIVE:
                found.append(Sensitive(relation, column, category, bool(decisions)))
    return found


def _decisions(relation: Relation, columns: Sequence[Column], declared: Mapping[str, str]) -> dict[int, str]:
    names = {column.number: qualified(relation.schema, relation.name, column.name) for column in columns}
    return {number: declared[name] for number, name in names.items() if name in declared}


Phrases = Mapping[str, str]


class _Lexicon(NamedTuple):
    """data/lexicon.toml: words of tables, and phrases, their words joined, with their category."""

    person: frozenset[str]
    record: frozenset[str]
    staff: frozenset[str]
    reference: frozenset[str]
    key: frozenset[str]
    beside: frozenset[str]
    beside_key: frozenset[str]
    anywhere: Phrases
    whole: Phrases
    records: Phrases
    persons: Phrases
    persons_whole: Phrases


@cache
def _lexicon() -> _Lexicon:
    text = resources.files("pgguard").joinpath("data/lexicon.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)

    def phrases(section: str) -> dict[str, str]:
        return {
            phrase.replace(" ", ""): category for category, some in data[section].items() for phrase in some
        }

    def table_words(kind: str) -> frozenset[str]:
        return frozenset(data["tables"][kind])

    return _Lexicon(
        person=table_words("person"),
        record=table_words("record"),
        staff=table_words("staff"),
        reference=table_words("reference"),
        key=table_words("key"),
        beside=frozenset(data["beside"]["words"]),
        beside_key=frozenset(data["beside"]["key"]),
        anywhere=phrases("anywhere"),
        whole=phrases("whole"),
        records=phrases("records"),
        persons=phrases("persons"),
        persons_whole=phrases("persons_whole"),
    )


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of an SQL name in lower case without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return tuple(part.lower() for part in _WORD.findall(plain))


def _guesses(relation: Relation, columns: Sequence[Column]) -> dict[int, str]:
    lexicon = _lexicon()
    table = set(words(relation.name))
    reference = not table.isdisjoint(lexicon.reference)
    staff = not reference and not table.isdisjoint(lexicon.staff)
    person = not reference and (staff or not table.isdisjoint(lexicon.person))
    record = not reference and (
        person
        or not table.isdisjoint(lexicon.record)
        or any(_is_person_key(words(column.name)) for column in columns)
    )
    guesses: dict[int, str] = {}
    for column in columns:
        category = _category(column.name, column.type, person=person, record=record)
        if category is None or ((reference or staff) and category == "health_observation"):
            # codes of diseases, parameters of users
            continue
        if staff and category in ("direct_identifier", "contact"):
            category = "staff_identity"
        guesses[column.number] = category
    return guesses


def _is_person_key(parts: tuple[str, ...]) -> bool:
    lexicon = _lexicon()
    return (
        len(parts) > 1 and not lexicon.person.isdisjoint(parts) and not lexicon.key.isdisjoint(parts)
    ) or (len(parts) == 1 and parts[0] in lexicon.person)


@cache
def _category(name: str, kind: str, *, person: bool, record: bool) -> str | None:
    """What a column of that name and type holds, in a table about persons or of something of theirs."""
    lexicon = _lexicon()
    parts = words(name)
    joined = "".join(parts)
    for phrases in (lexicon.whole, lexicon.persons_whole) if person else (lexicon.whole,):
        if joined in phrases and _plausible(phrases[joined], kind, ()):
            return phrases[joined]
    sources = [lexicon.anywhere]
    sources += [lexicon.records] if record else []
    sources += [lexicon.persons] if person else []
    for size in range(min(_LONGEST, len(parts)), 0, -1):
        for start in range(len(parts) - size + 1):
            run = "".join(parts[start : start + size])
            for phrases in sources:
                if run in phrases:
                    rest = parts[:start] + parts[start + size :]
                    return phrases[run] if _plausible(phrases[run], kind, rest) else None
    return None


def _plausible(category: str, kind: str, rest: tuple[str, ...]) -> bool:
    """Whether a column of that type may hold that; `rest` are the words of its name beside the phrase."""
    lexicon = _lexicon()
    if not lexicon.beside.isdisjoint(rest):
        return False
    texts = kind.rpartition(".")[2].startswith(_TEXT)
    if not lexicon.beside_key.isdisjoint(rest[:1] + rest[-1:]) and not (texts and category in _NUMBERED):
        return False
    if kind == "boolean":
        return not rest and category not in _TEXTS
    if kind.startswith(_MOMENTS):
        return category in _DATES
    return texts or category not in _TEXTS or not kind.startswith(_NUMBERS)
