"""Bytes to look for: the values of columns in the forms that PostgreSQL stores, and one automaton for all.

A value of fewer than 6 bytes, and a binary form with fewer than 6 that tell something, would be met by chance
and is left out. Of a long value a fragment stands for the whole: one from its first chunk (manual, 73.2), of
characters that no log or array writes differently, and that is in no other of the values.

The values are here, in memory, and nowhere else: nothing in this module has a repr with bytes in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, Implementation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHORTEST = 6
_LONG = 48
_FRAGMENT = 32
_STEP = 8
_FIRST_CHUNK = 1_900
# the fastest automaton needs memory for each state: beyond this a smaller one is taken
_MANY = 5_000
_TELLING = 1 << 40
_EPOCH_UNIT = 1_000_000
_ODD = frozenset(b"'\"\\") | frozenset(range(32)) | {127}


class Values:
    """The values of columns, each with the columns that it is of; canaries are a column of their own."""

    __slots__ = ("_owners", "_texts")

    def __init__(self) -> None:
        # per value: its forms; per column: the numbers of its values
        self._texts: dict[bytes, tuple[int, tuple[bytes, ...]]] = {}
        self._owners: dict[int, set[str]] = {}

    def add(self, column: str, value: bytes, form: str, encoding: str) -> tuple[int, int, int]:
        """Take up a value as the server sent it; how many of its parts are looked for, short, and weak."""
        sought = short = weak = 0
        for part, kind in _parts(value, form):
            forms = _forms(part, kind, encoding)
            if forms is None:
                weak += 1
            elif not forms:
                short += 1
            else:
                number, _ = self._texts.setdefault(part, (len(self._texts), forms))
                self._owners.setdefault(number, set()).add(column)
                sought += 1
        return sought, short, weak

    def of(self, column: str) -> int:
        """How many different values of a column are looked for."""
        return sum(column in owners for owners in self._owners.values())

    def owners(self, number: int) -> frozenset[str]:
        """The columns that a value is of."""
        return frozenset(self._owners[number])

    def needles(self) -> Iterator[tuple[bytes, int]]:
        """What is looked for, each with the number of its value."""
        everything = [form for _, forms in self._texts.values() for form in forms]
        long = [one for one in everything if len(one) > _LONG]
        for number, forms in self._texts.values():
            for form in forms:
                yield (_fragment(form, long) if len(form) > _LONG else form), number


class Seeker:
    """Finds all needles in bytes, in one pass."""

    __slots__ = ("_automaton", "_numbers", "longest")

    def __init__(self, needles: Iterable[tuple[bytes, int]]) -> None:
        numbers: dict[bytes, set[int]] = {}
        for needle, number in needles:
            numbers.setdefault(needle, set()).add(number)
        self._numbers = list(numbers.values())
        self.longest = max(map(len, numbers), default=1)
        way = Implementation.DFA if len(numbers) <= _MANY else Implementation.ContiguousNFA
        self._automaton = BytesAhoCorasick(list(numbers), implementation=way) if numbers else None

    def find(self, data: bytes) -> Iterator[tuple[int, int, frozenset[int]]]:
        """Where needles begin and end, and the numbers of the values that they stand for."""
        if self._automaton is None:
            return
        for needle, start, end in self._automaton.find_matches_as_indexes(data, overlapping=True):
            yield start, end, frozenset(self._numbers[needle])


def _parts(value: bytes, form: str) -> Iterator[tuple[bytes, str]]:
    """What is stored in one piece: the strings in documents and arrays are pieces of their own."""
    if form in ("jsonb", "array"):
        try:
            document = json.loads(value)
        except ValueError:
            return
        for text in _strings(document):
            yield text.encode("utf-8", "surrogatepass"), "text"
    else:
        yield value, form


def _strings(document: object) -> Iterator[str]:
    todo = [document]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case list() as items:
                todo.extend(items)
            case dict() as pairs:
                todo.extend(pairs.values())


def _forms(value: bytes, form: str, encoding: str) -> tuple[bytes, ...] | None:
    """The bytes that a value may stand in; none where it is short, None where they would prove nothing.

    `value` is the text in UTF-8, or what the type's send function gives (big-endian).
    """
    match form:
        case "text":
            return _texts(value, encoding)
        case "bytea":
            return _long_enough((value, value.hex().encode()) if len(value) >= SHORTEST else ())
        case "uuid":
            digits = value.hex()
            parted = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
            return value, parted.encode()
        case "int8":
            number = int.from_bytes(value, "big", signed=True)
            return (value[::-1], str(number).encode()) if abs(number) >= _TELLING else None
        case "timestamp" | "timestamptz":
            number = int.from_bytes(value, "big", signed=True)
            return (value[::-1],) if number % _EPOCH_UNIT else None
        case "numeric":
            return _numeric(value)
    return None


def _texts(value: bytes, encoding: str) -> tuple[bytes, ...]:
    """A text as it is, in capitals and in small letters, as indexes may keep it; quotes doubled."""
    text = value.decode("utf-8", "surrogateescape").rstrip(" ")
    found: dict[bytes, None] = {}
    for one in (text, text.lower(), text.upper()):
        for written in (one, one.replace("'", "''")):
            for name in dict.fromkeys((encoding, "utf-8")):
                try:
                    found[written.encode(name, "surrogateescape")] = None
                except UnicodeError:
                    continue
    return _long_enough(tuple(found))


def _long_enough(forms: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(one for one in forms if len(one) >= SHORTEST)


def _numeric(value: bytes) -> tuple[bytes, ...] | None:
    # numeric_send: count, weight, sign, scale, then digits of base 10,000, two bytes each
    digits = [int.from_bytes(value[at : at + 2], "big") for at in range(8, len(value), 2)]
    if len(digits) < 4 or digits[0] < 10:
        return None
    return (b"".join(digit.to_bytes(2, "little") for digit in digits),)


def _fragment(value: bytes, others: Sequence[bytes]) -> bytes:
    """A piece of a long value that is in no other one."""
    end = min(len(value), _FIRST_CHUNK)
    pieces = [value[at : at + _FRAGMENT] for at in range(0, max(1, end - _FRAGMENT + 1), _STEP)]
    plain = [one for one in pieces if _ODD.isdisjoint(one) and len(set(one)) > SHORTEST] or pieces
    for one in plain:
        if not any(one in other for other in others if other != value and not _same(value, other)):
            return one
    return plain[len(plain) // 2]


def _same(value: bytes, other: bytes) -> bool:
    # forms of one value share what is neither quoted nor a letter
    return value.lower().replace(b"''", b"'") == other.lower().replace(b"''", b"'")
