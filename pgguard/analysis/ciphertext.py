"""Whether a sensitive column is stored encrypted, and what stored SQL opens or digests of it.

Nothing is decrypted here. A column counts as encrypted when pgguard marked it, or when stored SQL gives
it to pgcrypto's functions that decrypt (PostgreSQL manual, F.26), directly or through a function that
passes its argument on to them.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import accesses, calls
from pgguard.analysis.crypto import pgcrypto_calls
from pgguard.analysis.patterns import all_encrypted, by_column
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.sqltree import called, operands, walk, words
from pgguard.analysis.views import VIEWS, shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.bodies import Call
    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Column, Definition, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

SCHEMA = "pgguard"
_MARK = "encrypted"
_INLET = "inlet"
_DECRYPTS = frozenset(
    {"pgp_sym_decrypt", "pgp_sym_decrypt_bytea", "pgp_pub_decrypt", "pgp_pub_decrypt_bytea"}
    | {"decrypt", "decrypt_iv"}
)
# what is given to these comes out with a key only
_BLINDS = frozenset(
    {"hmac", "crypt", "encrypt", "encrypt_iv", "pgp_sym_encrypt", "pgp_sym_encrypt_bytea"}
    | {"pgp_pub_encrypt", "pgp_pub_encrypt_bytea"}
)
_DIGESTS = frozenset(
    {"digest", "md5", "sha224", "sha256", "sha384", "sha512", "hashtext", "hashtextextended"}
)
_HASHES = frozenset({"crypt"})

ColumnKey = tuple[int, int]


class Stored(enum.Enum):
    """How the values of a column are kept; UNKNOWN where only looking at them would tell."""

    CLEAR = "clear"
    ENCRYPTED = "encrypted"
    HASHED = "hashed"
    UNKNOWN = "unknown"


class Shown(NamedTuple):
    """What an expression gives away of columns, by their names: in clear, or as a digest without a key."""

    clear: bool
    names: frozenset[str]


def stored(snapshot: Snapshot, database: DatabaseSnapshot, relation: Relation, column: Column) -> Stored:
    """How a sensitive column is stored.

    Bytes that nothing tells about are unknown: they may be ciphertext, or a picture of a document. Raises
    `Unread` when columns, functions, definitions or pgguard's marks could not be read.
    """
    key = (relation.oid, column.number)
    is_bytes = column.type == "bytea"
    if column.type.startswith(f"{SCHEMA}.") or (is_bytes and key in _marked(database)):
        return Stored.ENCRYPTED
    if key in _inlets(database):
        return Stored.ENCRYPTED
    if key in opened(snapshot, database).get("", ()):
        return Stored.ENCRYPTED
    if key in _compared(snapshot, database):
        return Stored.HASHED
    looked_at = all_encrypted(by_column(database).get(key, []))
    if looked_at is not None and (looked_at or is_bytes):
        return Stored.ENCRYPTED if looked_at else Stored.CLEAR
    return Stored.UNKNOWN if is_bytes else Stored.CLEAR


def opened(snapshot: Snapshot, database: DatabaseSnapshot) -> Mapping[object, frozenset[ColumnKey]]:
    """The columns that stored SQL decrypts: by the oid of the view that does, and all of them under "".

    Raises `Unread` when relations, columns, functions or definitions could not be read.
    """
    known: dict[object, frozenset[ColumnKey]] | None = database._memo.get("opened columns")
    if known is None:
        found: dict[object, set[ColumnKey]] = {"": set()}
        for call in _calls(database, _DECRYPTS, 0):
            columns = set(_columns(snapshot, database, call.definition, _column_names(_given(call, 0))))
            found[""] |= columns
            if call.definition.kind == "view":
                found.setdefault(call.definition.oid, set()).update(columns)
        bytes_columns = {(one.relation, one.number) for one in database.columns if one.type == "bytea"}
        for statistics in database.extended_statistics:
            if decrypts(database, statistics.functions):
                keys = {(statistics.relation, number) for number in statistics.expression_columns}
                found[""] |= keys & bytes_columns
        known = {name: frozenset(columns) for name, columns in found.items()}
        database._memo["opened columns"] = known
    return known


def gives(database: DatabaseSnapshot, tree: object) -> Iterator[Shown]:
    """What an expression gives away of what it decrypts or digests.

    A digest with a key (hmac, or a function's result beside the value) gives nothing away.
    """
    decrypts, digests = _names(database, "decrypts"), _names(database, "digests")
    blinds = _names(database, "blinds")
    todo: list[Any] = [tree]
    while todo:
        here = todo.pop()
        if isinstance(here, list):
            todo.extend(here)
            continue
        if not isinstance(here, dict):
            continue
        if "FuncCall" in here:
            call = called(here["FuncCall"])
            if call.name in blinds or (call.name in digests and _is_keyed(call)):
                continue
            if call.name in digests or call.name in decrypts:
                yield Shown(call.name in decrypts, _column_names(call.arguments[:1]))
                continue
        todo.extend(here.values())


def digested(database: DatabaseSnapshot, tree: object) -> frozenset[str]:
    """The names of the columns of which an expression holds a digest without a key."""
    return frozenset[str]().union(*(one.names for one in gives(database, tree) if not one.clear))


def decrypts(database: DatabaseSnapshot, functions: Iterable[int]) -> bool:
    """Whether one of these functions (oids) decrypts what it is given."""
    known = catalog.functions(database)
    names = _names(database, "decrypts")
    return any(oid in known and known[oid].name in names for oid in functions)


def _marked(database: DatabaseSnapshot) -> frozenset[ColumnKey]:
    known: frozenset[ColumnKey] | None = database._memo.get("marked columns")
    if known is None:
        known = frozenset((one.relation, one.number) for one in database.column_settings if one.mark == _MARK)
        database._memo["marked columns"] = known
    return known


def _inlets(database: DatabaseSnapshot) -> frozenset[ColumnKey]:
    """The columns that take what is written and keep nothing: pgguard's mark and a valid CHECK say so."""
    known: frozenset[ColumnKey] | None = database._memo.get("inlets")
    if known is None:
        marked = {(one.relation, one.number) for one in database.column_settings if one.mark == _INLET}
        empty = {
            (one.relation, one.columns[0])
            for one in (database.constraints if marked else ())
            if one.kind == "c" and one.validated and len(one.columns) == 1 and one.name.endswith(f"_{_INLET}")
        }
        known = database._memo["inlets"] = frozenset(marked & empty)
    return known


def _compared(snapshot: Snapshot, database: DatabaseSnapshot) -> frozenset[ColumnKey]:
    """The columns with hashes of passwords: `hash = crypt(password, hash)`."""
    known: frozenset[ColumnKey] | None = database._memo.get("compared columns")
    if known is None:
        known = frozenset(
            column
            for call in pgcrypto_calls(database, _HASHES)
            for column in _columns(snapshot, database, call.definition, _column_names(_given(call, 1)))
        )
        database._memo["compared columns"] = known
    return known


def _calls(database: DatabaseSnapshot, names: frozenset[str], place: int) -> Iterator[Call]:
    """The calls of pgcrypto's functions of these names, and of those that pass an argument on to them."""
    yield from pgcrypto_calls(database, names)
    wrappers = _wrappers(database, names, place)
    if wrappers:
        yield from calls(database, wrappers)


def _names(database: DatabaseSnapshot, kind: str) -> frozenset[str]:
    """The names of all functions that decrypt, blind or digest their first argument."""
    names = {"decrypts": _DECRYPTS, "blinds": _BLINDS, "digests": _DIGESTS}[kind]
    return names | _wrappers(database, names, 0)


def _wrappers(database: DatabaseSnapshot, names: frozenset[str], place: int) -> frozenset[str]:
    """The functions of a database that give an argument of their own to one of these functions."""
    memo: dict[frozenset[str], frozenset[str]] = database._memo.setdefault("wrappers", {})
    if names in memo:
        return memo[names]
    found = {one.name for one in database.functions if names == _DECRYPTS and _is_ours(one.schema, one.name)}
    todo = names
    while todo:
        met = {
            name
            for call in (pgcrypto_calls(database, todo) if todo == names else calls(database, todo))
            for name in _passing_on(database, call, place)
        }
        todo = frozenset(met - found - names)
        found |= todo
    memo[names] = frozenset(found)
    return memo[names]


def _is_ours(schema: str, name: str) -> bool:
    return schema == SCHEMA and name.startswith("decrypt")


def _passing_on(database: DatabaseSnapshot, call: Call, place: int) -> Iterator[str]:
    function = catalog.functions(database).get(call.definition.oid)
    if call.definition.kind != "function" or function is None or function.returns == "trigger":
        return
    if call.name in _DIGESTS and _is_keyed_by(call.nodes[:1]):
        return
    given = _given(call, place)
    own = {text for one in arguments(function) if one.input for text in (one.name, one.place) if text}
    if own & (_column_names(given) | _places(given)):
        yield function.name


def _given(call: Call, place: int) -> tuple[Any, ...]:
    """The argument at a place; all of them where they are given by name."""
    if any(one.name for one in call.arguments):
        return call.nodes
    return call.nodes[place : place + 1]


def _column_names(trees: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        name
        for tree in trees
        for kind, fields in walk(tree)
        if kind == "ColumnRef"
        for name in words(fields.get("fields"))[-1:]
        if name
    )


def _places(trees: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        f"${fields.get('number', 0)}" for tree in trees for kind, fields in walk(tree) if kind == "ParamRef"
    )


def _is_keyed(call: Called) -> bool:
    return _is_keyed_by(call.arguments[:1])


def _is_keyed_by(trees: Iterable[Any]) -> bool:
    """Whether beside the value something is digested that a function gives: a salt that stands there is no
    key, for everybody reads it in the definition."""
    for tree in trees:
        parts = operands(tree)
        if len(parts) > 1 and any(
            not _column_names([part])
            and not _places([part])
            and any(kind == "FuncCall" for kind, _ in walk(part))
            for part in parts
        ):
            return True
    return False


def _columns(
    snapshot: Snapshot, database: DatabaseSnapshot, definition: Definition, names: frozenset[str]
) -> Iterator[ColumnKey]:
    """The stored columns that are meant by names in a definition."""
    for oid, number in _read_by(snapshot, database, definition):
        relation = catalog.relations(database).get(oid)
        if relation is None:
            continue
        for column in catalog.columns(database, oid):
            if column.name in names and number in (0, column.number):
                yield from _origins(database, relation, column)


def _origins(database: DatabaseSnapshot, relation: Relation, column: Column) -> Iterator[ColumnKey]:
    if relation.kind not in VIEWS:
        yield relation.oid, column.number
        return
    for origins in shows(database, relation).columns[column.number - 1 : column.number]:
        yield from origins


def _read_by(snapshot: Snapshot, database: DatabaseSnapshot, definition: Definition) -> Iterator[ColumnKey]:
    """What a definition reads: columns, or whole relations (number 0)."""
    match definition.kind:
        case "view":
            for used in catalog.uses(database, definition.oid):
                yield used.relation, used.number
        case "function":
            function = catalog.functions(database).get(definition.oid)
            if function is not None:
                yield from accesses(snapshot, database, function).reads
                for trigger in catalog.triggers_calling(database, function.oid):
                    yield trigger.relation, 0
        case "default":
            yield definition.oid, 0
        case "index" | "check" | "policy-using" | "policy-check":
            relation = _tables(database).get(definition.oid)
            if relation is not None:
                yield relation, 0


def _tables(database: DatabaseSnapshot) -> Mapping[int, int]:
    """The tables of indexes, constraints and row policies, by the oids of these."""
    known: dict[int, int] | None = database._memo.get("tables of definitions")
    if known is None:
        known = {one.oid: one.relation for one in database.indexes}
        known |= {one.oid: one.relation for one in database.constraints}
        known |= {one.oid: one.relation for one in database.row_policies}
        database._memo["tables of definitions"] = known
    return known
