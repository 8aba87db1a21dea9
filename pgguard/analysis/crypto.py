"""Calls of pgcrypto in stored SQL: where their keys come from, and how strong what they do is.

PostgreSQL manual, F.26 pgcrypto. A function of the database that passes its own argument on as a key
(a wrapper) is followed to its callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import Argument, Call, calls, calls_in_text
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.plpgsql_source import arguments
from pgguard.analysis.sqltree import constant, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.sqltree import Called
    from pgguard.model.rows import Definition, Function
    from pgguard.model.snapshot import DatabaseSnapshot

# which arguments, counted from 0, are keys or passphrases; public keys are none
KEYS: Mapping[str, tuple[int, ...]] = {
    "pgp_sym_encrypt": (1,),
    "pgp_sym_encrypt_bytea": (1,),
    "pgp_sym_decrypt": (1,),
    "pgp_sym_decrypt_bytea": (1,),
    "pgp_pub_decrypt": (1, 2),
    "pgp_pub_decrypt_bytea": (1, 2),
    "encrypt": (1,),
    "decrypt": (1,),
    "encrypt_iv": (1,),
    "decrypt_iv": (1,),
    "hmac": (1,),
}
# pgcrypto's own names say enough; these are other people's too
_COMMON = frozenset({"encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac", "digest", "crypt", "gen_salt"})
_PGCRYPTO = "pgcrypto"


class KeyUse(NamedTuple):
    """A constant that a call of pgcrypto takes for a key: the call and the argument."""

    call: Call
    argument: Argument
    through: str = ""


def key_uses(database: DatabaseSnapshot) -> tuple[KeyUse, ...]:
    """The keys that stand in stored SQL.

    Raises `Unread` when functions, definitions or extensions could not be read.
    """
    known: tuple[KeyUse, ...] | None = database._memo.get("key uses")
    if known is None:
        known = database._memo["key uses"] = tuple(_key_uses(database))
    return known


def tracked_keys(database: DatabaseSnapshot) -> Iterator[tuple[str, str]]:
    """The roles whose tracked statements hold a key, and the function that they give it to.

    Raises `Unread` when the statements could not be read.
    """
    for statement in database.statements:
        for call in _tracked(statement.query):
            if any(
                place < len(call.arguments) and constant(call.arguments[place]) is not None
                for place in KEYS[call.name]
            ):
                yield statement.role, call.name


def pgcrypto_calls(database: DatabaseSnapshot, names: frozenset[str]) -> Iterator[Call]:
    """The calls of pgcrypto's functions of these names in stored SQL.

    Functions of the same name that somebody wrote are not meant.
    """
    installed = any(one.name == _PGCRYPTO for one in database.extensions)
    for call in calls(database, names):
        if call.name in _COMMON and (not installed or _is_own(database, call)):
            continue
        yield call


def _is_own(database: DatabaseSnapshot, call: Call) -> bool:
    """Whether a function of the database that pgcrypto did not bring is meant."""
    for function in database.functions:
        if function.name == call.name and not function.extension and call.schema in ("", function.schema):
            return True
    return False


def _key_uses(database: DatabaseSnapshot) -> Iterator[KeyUse]:
    wrappers: dict[str, set[int]] = {}
    for call in pgcrypto_calls(database, frozenset(KEYS)):
        yield from _constant_keys(call, KEYS[call.name], "")
        for position in _passed_on(database, call, KEYS[call.name]):
            wrappers.setdefault(_function(database, call.definition).name, set()).add(position)
    seen: set[str] = set()
    while wrappers.keys() - seen:
        names = wrappers.keys() - seen
        seen |= names
        for call in list(calls(database, names)):
            places = tuple(sorted(wrappers[call.name]))
            yield from _constant_keys(call, places, call.name)
            for position in _passed_on(database, call, places):
                wrappers.setdefault(_function(database, call.definition).name, set()).add(position)


def _constant_keys(call: Call, places: tuple[int, ...], through: str) -> Iterator[KeyUse]:
    for number, argument in enumerate(call.arguments):
        is_key = number in places if not argument.name else argument.name in ("key", "psw", "cle")
        if is_key and argument.constant:
            yield KeyUse(call, argument, through)


def _passed_on(database: DatabaseSnapshot, call: Call, places: tuple[int, ...]) -> Iterator[int]:
    """The inputs, counted from 0, that the function around a call gives it for a key."""
    if call.definition.kind != "function":
        return
    own = [one for one in arguments(_function(database, call.definition)) if one.input]
    for number in places:
        node = call.nodes[number] if number < len(call.nodes) else None
        while isinstance(node, dict) and "TypeCast" in node:
            node = node["TypeCast"].get("arg")
        if not isinstance(node, dict):
            continue
        name = words(node.get("ColumnRef", {}).get("fields"))[-1:]
        place = f"${node['ParamRef'].get('number', 0)}" if "ParamRef" in node else ""
        for position, one in enumerate(own):
            if (one.name and name == (one.name,)) or (place and one.place == place):
                yield position


def _function(database: DatabaseSnapshot, definition: Definition) -> Function:
    return catalog.functions(database)[definition.oid]


def _tracked(query: str) -> list[Called]:
    try:
        return list(calls_in_text(query, KEYS))
    except (Unparsable, RecursionError):
        # a statement that was cut off, or whose masking left no SQL, is not stored code
        return []
