"""A PL/pgSQL function put so that the parser takes it.

The parser (libpg_query) has no catalog. It knows no types outside of pg_catalog, so that they are replaced
before it sees them; it does not say which variable is returned, so that `RETURN v` becomes `RETURN (v)`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.expression import Unparsable, tokens
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.expression import Token
    from pgguard.model.rows import Function

_TAG = "$pgguard$"
# the grammar calls a token of one letter by its number
_DOT, _PERCENT, _SEMICOLON, _EQUALS = "ASCII_46", "ASCII_37", "ASCII_59", "ASCII_61"
_OPEN, _CLOSE, _BRACKET, _UNBRACKET, _COMMA = "ASCII_40", "ASCII_41", "ASCII_91", "ASCII_93", "ASCII_44"
_LEVELS = frozenset({"debug", "log", "info", "notice", "warning", "exception"})
_AFTER_TYPE = frozenset({"COLLATE", "NOT", "DEFAULT", "COLON_EQUALS", _EQUALS, _SEMICOLON})
_TRIGGERS = frozenset({"trigger", "event_trigger"})


class Argument(NamedTuple):
    """One argument: its name or its place ($1), its type as format_type gives it, whether it is an input."""

    name: str
    place: str
    type: str
    input: bool


def arguments(function: Function) -> tuple[Argument, ...]:
    """The arguments of a function, results (OUT, TABLE) too, in order."""
    types = split_types(function.arguments)
    modes = function.argument_modes or ("i",) * len(types)
    names = function.argument_names or ("",) * len(modes)
    found: list[Argument] = []
    inputs = 0
    for mode, name in zip(modes, names, strict=False):
        is_input = mode in "ibv"
        kind = types[inputs] if is_input and inputs < len(types) else ""
        inputs += is_input
        found.append(Argument(name, f"${inputs}" if is_input else "", kind, is_input))
    return tuple(found)


def split_types(text: str) -> list[str]:
    """The types of a signature: commas inside of quotes part nothing."""
    found, inside = [""], False
    for letter in text:
        inside ^= letter == '"'
        if letter == "," and not inside:
            found.append("")
        else:
            found[-1] += letter
    return [one.strip() for one in found if one.strip()]


def sources(function: Function, body: str) -> Iterator[str]:
    """The function as CREATE FUNCTION in ways that the parser may take, the likeliest first.

    Raises `Unparsable` when the body is not even a sequence of SQL tokens.
    """
    if _TAG in body:
        msg = "it holds what pgguard quotes it with"
        raise Unparsable(msg)
    found = tokens(body)
    fields = _with_fields(found)
    plain = _rewritten(body, found, fields)
    for results in dict.fromkeys((_results(function), " RETURNS SETOF text", " RETURNS void", "")):
        keep_outputs = results != " RETURNS void"
        inputs = ", ".join(
            _parameter(one, mode, fields)
            for one, mode in zip(arguments(function), _modes(function), strict=False)
            if one.input or keep_outputs
        )
        is_trigger = function.returns in _TRIGGERS
        head = f"CREATE FUNCTION {ident(function.name)}({'' if is_trigger else inputs}){results}"
        for text in dict.fromkeys((plain, body)):
            yield f"{head} LANGUAGE plpgsql AS {_TAG}{text}{_TAG}"


def _modes(function: Function) -> tuple[str, ...]:
    return function.argument_modes or ("i",) * len(split_types(function.arguments))


def _parameter(one: Argument, mode: str, fields: frozenset[str]) -> str:
    kind = "record" if one.name in fields else "text[]" if one.type.endswith("[]") else "text"
    if one.type == "refcursor":
        kind = one.type
    word = {"o": "OUT ", "b": "INOUT ", "t": "OUT "}.get(mode, "")
    return f"{word}{ident(one.name) + ' ' if one.name else ''}{kind}"


def _results(function: Function) -> str:
    outputs = sum(mode in "obt" for mode in _modes(function))
    returns = function.returns
    if returns in _TRIGGERS or returns == "void":
        return f" RETURNS {returns}"
    if returns.startswith(("SETOF ", "TABLE(")):
        return " RETURNS SETOF " + ("record" if outputs > 1 else "text")
    return "" if outputs else " RETURNS void" if function.kind == "p" else " RETURNS text"


def _with_fields(found: list[Token]) -> frozenset[str]:
    """The names that stand before a dot."""
    return frozenset(one.name for one, after in pairwise(found) if after.kind == _DOT and one.name)


def _rewritten(body: str, found: list[Token], fields: frozenset[str]) -> str:
    changes: list[tuple[int, int, str]] = []
    inside = False
    place = 0
    while place < len(found):
        here = found[place]
        if here.kind == "DECLARE":
            inside = True
        elif here.kind == "BEGIN_P":
            inside = False
        elif inside:
            place = _declaration(found, place, fields, changes)
        elif here.kind == "RETURN":
            _returned(found, place, changes)
        elif here.kind == "IDENT" and here.text == "raise":
            _raised(found, place, changes)
        place += 1
    text = body
    for start, end, new in reversed(changes):
        text = text[:start] + new + text[end:]
    return text


def _declaration(
    found: list[Token], place: int, fields: frozenset[str], changes: list[tuple[int, int, str]]
) -> int:
    """Replaces the type of one declaration; gives the place of its last token, the semicolon."""
    start = place + 2 if place + 1 < len(found) and found[place + 1].text == "constant" else place + 1
    end, depth = start, 0
    while end < len(found) and (depth or found[end].kind not in _AFTER_TYPE):
        depth += (found[end].kind == _OPEN) - (found[end].kind == _CLOSE)
        end += 1
    kinds = [one.kind for one in found[start:end]]
    words = [one.text for one in found[start:end]]
    if words[:2] == ["alias", "for"] and end < len(found):
        # the parser does not say what an alias stands for
        changes.append((found[start].start, found[start + 1].end, "text :="))
    elif kinds and "cursor" not in words:
        name = found[place].name
        of_table = _PERCENT in kinds and "rowtype" in words
        if of_table or (_DOT in kinds and _PERCENT not in kinds) or (name in fields and words != ["record"]):
            kind = "record" if of_table or name in fields else "text[]" if _BRACKET in kinds else "text"
            changes.append((found[start].start, found[end - 1].end, kind))
    depth = 0
    while end < len(found) and (depth or found[end].kind != _SEMICOLON):
        depth += (found[end].kind == _OPEN) - (found[end].kind == _CLOSE)
        end += 1
    return end


def _returned(found: list[Token], place: int, changes: list[tuple[int, int, str]]) -> None:
    start = place + 1
    if start < len(found) and found[start].text == "next":
        start += 1
    if start + 1 < len(found) and found[start].name and found[start + 1].kind == _SEMICOLON:
        one = found[start]
        changes.append((one.start, one.end, f"({one.written})"))


def _raised(found: list[Token], place: int, changes: list[tuple[int, int, str]]) -> None:
    """Gives the message of RAISE, which is masked, as many places as there are values."""
    start = place + 1
    if start < len(found) and found[start].text in _LEVELS:
        start += 1
    if start >= len(found) or found[start].kind != "SCONST":
        return
    values = depth = 0
    for one in found[start + 1 :]:
        depth += (one.kind in (_OPEN, _BRACKET)) - (one.kind in (_CLOSE, _UNBRACKET))
        if depth == 0 and (one.kind == _SEMICOLON or one.text == "using"):
            break
        values += depth == 0 and one.kind == _COMMA
    changes.append((found[start].start, found[start].end, "'" + "% " * values + "'"))
