"""Finds the object that a person names: `lab.patient.nir`, `lab.f(integer)`, `database lab`.

Names are read as SQL reads them: folded to lower case unless quoted, `""` for a quote within quotes;
a name that exists only as it was typed is taken so, too. The schema may be left out where one object
fits. What does not exist is an error that lists near names.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.names import function_name, relation_name, shorten
from pgguard.analysis.privileges import (
    PRIVILEGES,
    of_cluster,
    of_column,
    of_function,
    of_other,
    of_relation,
    of_schema,
)
from pgguard.analysis.who_can import Target
from pgguard.errors import Unread, UsageError
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

ALIASES: Mapping[str, str] = {"READ": "SELECT", "WRITE": "UPDATE", "TEMP": "TEMPORARY", "RUN": "EXECUTE"}
# what people write before a name, and which kinds of PRIVILEGES it means
_WORDS: Mapping[str, tuple[str, ...]] = {
    "foreign data wrapper": ("foreign data wrapper",),
    "materialized view": ("table", "column"),
    "foreign server": ("foreign server",),
    "large object": ("large object",),
    "foreign table": ("table", "column"),
    "tablespace": ("tablespace",),
    "parameter": ("parameter",),
    "procedure": ("function",),
    "function": ("function",),
    "database": ("database",),
    "language": ("language",),
    "sequence": ("sequence",),
    "routine": ("function",),
    "server": ("foreign server",),
    "column": ("column",),
    "schema": ("schema",),
    "table": ("table", "column"),
    "view": ("table", "column"),
}
_SINCE: Mapping[str, int] = {"MAINTAIN": 17, "SET": 15, "ALTER SYSTEM": 15}
_RELATIONS = ("table", "column", "sequence")
# names of types that the server prints in full
_TYPES: Mapping[str, str] = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "float4": "real",
    "float8": "double precision",
    "decimal": "numeric",
    "varchar": "character varying",
    "char": "character",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
}


class Part(NamedTuple):
    """One part of a dotted name as it was typed, and whether it was quoted."""

    text: str
    quoted: bool

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names that it may mean, the likelier first."""
        folded = self.text.lower()
        return (self.text,) if self.quoted or folded == self.text else (folded, self.text)


def privilege(word: str) -> str:
    """The privilege that a word means, as aclexplode calls it.

    Raises `UsageError` for any other word.
    """
    wanted = " ".join(word.upper().replace("-", " ").split())
    wanted = ALIASES.get(wanted, wanted)
    known = {one for some in PRIVILEGES.values() for one in some}
    if wanted not in known:
        near = difflib.get_close_matches(wanted, [*known, *ALIASES], 3, 0.6)
        hint = f"did you mean {_listed(one.lower() for one in near)}?" if near else _all_privileges(known)
        msg = f"there is no privilege {word}: {hint}"
        raise UsageError(msg)
    return wanted


def is_kind(word: str) -> bool:
    """Whether a word is that for a kind of object, so that a name has to follow."""
    return word.lower() in _WORDS


def target(snapshot: Snapshot, text: str, wanted: str) -> Target:
    """The one object of that name on which there is the privilege `wanted`.

    Raises `UsageError` when there is none or more than one, and `Unread` when it may be in what could
    not be read.
    """
    since = _SINCE.get(wanted, 0)
    if snapshot.major < since:
        msg = f"PostgreSQL has the privilege {wanted} from version {since} on; this is {snapshot.major}"
        raise UsageError(msg)
    kinds, rest = _kinds(text, wanted)
    found: list[tuple[str, Target]] = []
    places: list[tuple[str, Callable[[], Iterator[Target]]]] = [
        ("", lambda: _in_cluster(snapshot, kinds, rest))
    ]
    for database in snapshot.inspected:
        places.append((database.name, _search(database, kinds, rest)))
    unread: Unread | None = None
    for name, look in places:
        try:
            found += [(name, one) for one in look()]
        except Unread as error:
            unread = error
    if len(found) == 1:
        return found[0][1]
    if found:
        raise UsageError(_ambiguous(text, found))
    if unread is not None:
        raise unread
    raise UsageError(_unknown(snapshot, kinds, rest, text))


def parts(text: str) -> tuple[Part, ...]:
    """A dotted name in its parts.

    Raises `UsageError` for an empty part or a quote without its end.
    """
    found: list[Part] = []
    position = 0
    while True:
        if text[position : position + 1] == '"':
            name, position = _quoted(text, position + 1)
            found.append(Part(name, True))
        else:
            end = text.find(".", position)
            end = len(text) if end < 0 else end
            found.append(Part(text[position:end].strip(), False))
            position = end
        if not found[-1].text or text[position : position + 1] not in ("", "."):
            msg = f'{text} is not a name: write schema.table.column, each part in "..." where SQL needs it'
            raise UsageError(msg)
        if position >= len(text):
            return tuple(found)
        position += 1


def _quoted(text: str, position: int) -> tuple[str, int]:
    name = ""
    while position < len(text):
        if text[position] == '"':
            if text[position + 1 : position + 2] != '"':
                return name, position + 1
            position += 1
        name += text[position]
        position += 1
    return "", position


def _kinds(text: str, wanted: str) -> tuple[tuple[str, ...], str]:
    words = " ".join(text.split())
    able = tuple(kind for kind, some in PRIVILEGES.items() if wanted in some)
    for word, kinds in _WORDS.items():
        if words.lower().startswith(word + " "):
            chosen = tuple(kind for kind in kinds if kind in able)
            if not chosen:
                msg = f"a {word} has no privilege {wanted}; {', '.join(able)} have it"
                raise UsageError(msg)
            return chosen, words[len(word) + 1 :].strip()
    return able, words


def _search(database: DatabaseSnapshot, kinds: tuple[str, ...], text: str) -> Callable[[], Iterator[Target]]:
    return lambda: _in_database(database, kinds, text)


def _in_cluster(snapshot: Snapshot, kinds: tuple[str, ...], text: str) -> Iterator[Target]:
    spellings = parts(text)[0].spellings if "(" not in text else ()
    if "database" in kinds:
        for one in snapshot.databases:
            if one.name in spellings:
                yield Target(of_cluster(snapshot, "database", one.name, one.owner, one.acl))
    if "tablespace" in kinds:
        for space in snapshot.tablespaces:
            if space.name in spellings:
                yield Target(of_cluster(snapshot, "tablespace", space.name, space.owner, space.acl))
    if "parameter" in kinds:
        granted = {one.name.lower(): one.acl for one in snapshot.parameter_acls}
        known = {one.name.lower(): one.name for one in snapshot.settings}
        name = text.lower()
        if name in granted or name in known:
            yield Target(of_cluster(snapshot, "parameter", known.get(name, name), "", granted.get(name, "")))


def _in_database(database: DatabaseSnapshot, kinds: tuple[str, ...], text: str) -> Iterator[Target]:
    if "function" in kinds:
        yield from _functions(database, text)
    if "(" in text:
        return
    if "large object" in kinds and text.isdigit():
        yield from _large_objects(database, text)
        return
    names = parts(text)
    if any(kind in kinds for kind in _RELATIONS):
        yield from _relations(database, kinds, names)
    if len(names) > 1:
        return
    (only,) = names
    if "schema" in kinds:
        for schema in database.schemas:
            if schema.name in only.spellings:
                yield Target(of_schema(database, schema.name, schema.owner, schema.acl), database)
    for kind, rows in (
        ("language", lambda: database.languages),
        ("foreign data wrapper", lambda: database.foreign_data_wrappers),
        ("foreign server", lambda: database.foreign_servers),
    ):
        if kind in kinds:
            for row in rows():
                if row.name in only.spellings:
                    thing = of_other(database, kind, ident(row.name), row.owner, row.acl)
                    yield Target(thing, database)


def _relations(
    database: DatabaseSnapshot, kinds: tuple[str, ...], names: tuple[Part, ...]
) -> Iterator[Target]:
    found = list(_tables_and_columns(database, kinds, names))
    if not found and len(names) > 2 and database.name in names[0].spellings:
        # written with the database before the schema
        found = list(_tables_and_columns(database, kinds, names[1:]))
    yield from found


def _tables_and_columns(
    database: DatabaseSnapshot, kinds: tuple[str, ...], names: tuple[Part, ...]
) -> Iterator[Target]:
    wholes = [one for one in _named_relations(database, names) if _kind(one) in kinds]
    yield from (Target(of_relation(database, one), database, one) for one in wholes)
    if wholes or "column" not in kinds or len(names) == 1:
        return
    for relation in _named_relations(database, names[:-1]):
        for column in catalog.columns(database, relation.oid):
            if column.name in names[-1].spellings:
                thing = of_column(database, relation, column)
                yield Target(thing, database, relation, column.number)


def _named_relations(database: DatabaseSnapshot, names: tuple[Part, ...]) -> list[Relation]:
    if len(names) == 2:
        found = [
            catalog.relation_named(database, schema, name)
            for schema in names[0].spellings
            for name in names[1].spellings
        ]
        return [one for one in found if one is not None][:1]
    if len(names) > 1:
        return []
    for name in names[0].spellings:
        fitting = [one for one in database.relations if one.name == name]
        if fitting:
            return fitting
    return []


def _kind(relation: Relation) -> str:
    return "sequence" if relation.kind == "S" else "table"


def _functions(database: DatabaseSnapshot, text: str) -> Iterator[Target]:
    written, bracket, arguments = text.partition("(")
    names = parts(written.strip())
    wanted = _signature(arguments.rstrip().removesuffix(")"))
    for function in database.functions:
        if function.name not in names[-1].spellings:
            continue
        if len(names) > 2 or (len(names) == 2 and function.schema not in names[0].spellings):
            continue
        if not bracket or _signature(function.arguments) == wanted:
            yield Target(of_function(database, function), database, function=function)


def _signature(arguments: str) -> tuple[str, ...]:
    types = (" ".join(one.split()) for one in arguments.split(","))
    return tuple(_full_type(one) for one in types if one)


def _full_type(name: str) -> str:
    bare = name.removesuffix("[]")
    return _TYPES.get(bare.lower(), bare if '"' in bare else bare.lower()) + name[len(bare) :]


def _large_objects(database: DatabaseSnapshot, text: str) -> Iterator[Target]:
    # the snapshot counts them by owner and ACL, and names one of each
    for group in database.large_objects:
        if str(group.example) == text:
            yield Target(of_other(database, "large object", text, group.owner, group.acl), database)


def _ambiguous(text: str, found: Sequence[tuple[str, Target]]) -> str:
    databases = sorted({name for name, _ in found})
    names = sorted({f"{one.thing.kind} {one.thing.name}" for _, one in found})
    if len(databases) > 1 and len(names) == 1:
        return f"{text} is in databases {_listed(databases)}: choose one with --database"
    return f"{text} may be {shorten(names, 6)}: name it in full, if need be with its kind before it"


def _unknown(snapshot: Snapshot, kinds: tuple[str, ...], rest: str, text: str) -> str:
    names = parts(rest.partition("(")[0].strip())
    near = list(dict.fromkeys(_near(snapshot, kinds, names)))
    hint = f"did you mean {shorten(near, 6)}?" if near else _nothing_near(snapshot, kinds)
    return f"there is no {_either(kinds)} {text}: {hint}"


def _nothing_near(snapshot: Snapshot, kinds: tuple[str, ...]) -> str:
    if kinds == ("database",):
        return f"there are {_listed(ident(one.name) for one in snapshot.databases)}"
    schemas = sorted({ident(one.name) for database in snapshot.inspected for one in database.schemas})
    where = f"the schemas are {shorten(schemas, 8)}" if schemas else "the snapshot holds no schema"
    return f"{where} (those of PostgreSQL itself are not looked at)"


def _near(snapshot: Snapshot, kinds: tuple[str, ...], names: tuple[Part, ...]) -> Iterator[str]:
    if "database" in kinds and len(names) == 1:
        yield from map(ident, _close(names[0], (one.name for one in snapshot.databases)))
    for database in snapshot.inspected:
        try:
            yield from _near_in(database, kinds, names)
        except Unread:
            # near names are a help, not an answer
            continue


def _near_in(database: DatabaseSnapshot, kinds: tuple[str, ...], names: tuple[Part, ...]) -> Iterator[str]:
    if "function" in kinds:
        same = [one for one in database.functions if one.name in names[-1].spellings]
        close = _close(names[-1], {one.name for one in database.functions}) if not same else []
        yield from (function_name(one) for one in same)
        yield from (function_name(one) for one in database.functions if one.name in close)
    if any(kind in kinds for kind in _RELATIONS):
        yield from _near_relations(database, kinds, names)
    if "schema" in kinds and len(names) == 1:
        yield from map(ident, _close(names[0], (one.name for one in database.schemas)))


def _near_relations(
    database: DatabaseSnapshot, kinds: tuple[str, ...], names: tuple[Part, ...]
) -> Iterator[str]:
    if len(names) > 1 and "column" in kinds:
        for relation in _named_relations(database, names[:-1]):
            columns = (one.name for one in catalog.columns(database, relation.oid))
            for column in _close(names[-1], columns):
                yield qualified(relation.schema, relation.name, column)
    table = names[1] if len(names) > 2 else names[-1]
    inside = names[0].spellings if len(names) > 1 else ()
    relations = [one for one in database.relations if _kind(one) in kinds or "column" in kinds]
    here = [one for one in relations if one.schema in inside] or relations
    # the same name in another schema is the likeliest
    elsewhere = [one for one in relations if one.name in table.spellings and one.schema not in inside]
    yield from (relation_name(one) for one in elsewhere)
    close = _close(table, {one.name for one in here})
    yield from (relation_name(one) for one in here if one.name in close)


def _close(part: Part, names: Iterable[str]) -> list[str]:
    by_folded = {name.lower(): name for name in names}
    near = difflib.get_close_matches(part.text.lower(), by_folded, 4, 0.6)
    return [by_folded[one] for one in near]


def _either(kinds: tuple[str, ...]) -> str:
    shown = [kind for kind in kinds if kind != "large object"] or list(kinds)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _listed(names: Iterable[str]) -> str:
    return shorten(sorted(names), 8)


def _all_privileges(known: Iterable[str]) -> str:
    return f"there are {', '.join(sorted(one.lower() for one in known))}"
