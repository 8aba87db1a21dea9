"""What can be wrong in a policy file, as far as the file alone shows it.

It works on the data as it was written and not on a `Policy`, so that one mistake hides no other. Values
are not repeated in what is said, but for names and addresses: somebody may have pasted a secret.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import ipaddress
import json
import math
import os.path
import re
import types
import typing
import zoneinfo
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.model.policy import Policy
from pgguard.store.alert_address import secret_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.store.toml_lines import Place

# what makes two entries of a section the same entry
_KEYS: dict[str, tuple[str, ...]] = {
    "service": ("role",),
    "column": ("database", "name"),
    "encrypt": ("database", "column"),
    "encrypt_table": ("database", "table"),
    "audit_table": ("database", "table"),
    "audit_column": ("database", "column"),
    "alert_channel": ("name",),
    "site_check": ("file",),
    "setting": ("role", "database", "name"),
    "publication": ("database", "name"),
    "staging": ("database", "table"),
    "database": ("name",),
    "retention": ("database", "table", "age_column"),
    "hold": ("database", "rows", "table"),
    "data_subject": ("database", "table"),
    "subject_column": ("database", "column"),
    "mandate": ("name",),
    "mandate_table": ("mandate", "table"),
    "folder": ("path",),
    "controller": ("name",),
    "processor": ("name",),
    "certificate": ("processor", "name"),
    "contract": ("name",),
    "activity": ("name",),
    "account": ("role",),
    "breakglass": ("role",),
}
# keys whose values are dotted names, with the names they are made of
SHAPES = {
    ("column", "name"): "schema.table.column",
    ("encrypt", "column"): "schema.table.column",
    ("audit_column", "column"): "schema.table.column",
    ("encrypt_table", "table"): "schema.table",
    ("audit_table", "table"): "schema.table",
    ("retention", "table"): "schema.table",
    ("staging", "table"): "schema.table",
    ("retention", "copies"): "schema.table",
    ("hold", "table"): "schema.table",
    ("data_subject", "table"): "schema.table",
    ("subject_column", "column"): "schema.table.column",
    ("mandate_table", "table"): "schema.table",
    ("mandate", "staging"): "schema.table",
    ("activity", "tables"): "schema.table",
    ("activity", "columns"): "schema.table.column",
}
_DOTTED = re.compile(r'(?:"(?:[^"]|"")+"|[^".\s]+)(?:\.(?:"(?:[^"]|"")+"|[^".\s]+))*\Z')
_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')
# what init and roster draft put where only a person can say it
_OPEN = re.compile(r"\?(?:\s|\Z)")
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})\Z")
_PROVIDER = re.compile(r"(?:file|env|command):\s*\S|prompt\Z")
_SECRET = re.compile(r"://[^/?#@\s:]*:[^/?#@\s]+@|\b(?:ssl)?password\s*=", re.IGNORECASE)
_WORDS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number, as in 90",
    float: "a number, as in 0.9",
    datetime.date: "a date, as in 2027-06-30",
}
# PostgreSQL's own integers end here, and sums of days beyond it mean nothing
MOST = 2**31 - 1


class Mistake(NamedTuple):
    """A mistake: where, what is expected there, and where the other one stands that it contradicts."""

    place: Place
    what: str
    other: Place = ()


def mistakes(data: dict[str, Any]) -> Iterator[Mistake]:
    """Every mistake in the data of a policy file."""
    yield from _of_types(data)
    for place, value in _values(data, ()):
        yield from _of_value(place, value)
    for section, number, entry in _entries(data):
        yield from _of_dates(section, number, entry)
    yield from _of_networks(data)
    yield from _of_roster(data)
    yield from _of_waivers(data)
    yield from _of_observation(data)
    yield from _of_folders(data)
    yield from _of_channels(data)
    for section, keys in _KEYS.items():
        yield from _repeated(data, section, keys)


def accepted(data: dict[str, Any]) -> Policy:
    """The policy of data without a mistake.

    Raises pydantic's `ValidationError` for others.
    """
    policy: Policy = adapter().validate_json(_as_json(data))
    return policy


@cache
def adapter() -> Any:
    """What pydantic makes of `Policy`: no key that it has not, and no value of another type."""
    # imported late: an inspection without a policy file has no use for it
    from pydantic import ConfigDict, TypeAdapter

    # the option stands on every dataclass, because pydantic does not hand it down
    for kind in {Policy, *_dataclasses(Policy)}:
        kind.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    return TypeAdapter(Policy)


def near(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean ...?` for the nearest known name, empty where none is as like as `cutoff` (0 to 1)."""
    found = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f"; did you mean {found[0]}?" if found else ""


def dotted(place: Place) -> str:
    """A place as people write it: service.role."""
    return ".".join(str(step) for step in place if isinstance(step, str))


def entry_texts(entry: dict[str, Any], *keys: str) -> tuple[str, ...]:
    """The texts under these keys, empty where there is none."""
    return tuple(value if isinstance(value := entry.get(key), str) else "" for key in keys)


def section_entries(data: dict[str, Any], section: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of an array of tables with their positions, without what is no table."""
    found = data.get(section)
    for number, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield number, entry


def texts(data: dict[str, Any], *pattern: str) -> Iterator[tuple[Place, str]]:
    """The texts at places such as ("service", "*", "origins", "*")."""
    for place, value in _matching(data, (), pattern):
        if isinstance(value, str):
            yield place, value


def _matching(value: Any, place: Place, pattern: tuple[str, ...]) -> Iterator[tuple[Place, Any]]:
    if not pattern:
        yield place, value
        return
    first, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        for key in value if first == "*" else [first] if first in value else []:
            yield from _matching(value[key], (*place, key), rest)
    elif isinstance(value, list) and first == "*":
        for number, one in enumerate(value):
            yield from _matching(one, (*place, number), rest)


def _as_json(data: dict[str, Any]) -> str:
    # as JSON, pydantic takes a list for a tuple and a date for a date, and still no text for a number
    return json.dumps(data, default=lambda value: value.isoformat())


def _of_types(data: dict[str, Any]) -> Iterator[Mistake]:
    from pydantic import ValidationError

    try:
        adapter().validate_json(_as_json(data))
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            place = tuple(one["loc"])
            yield Mistake(place, _expected(data, place, one["type"]))


def _expected(data: dict[str, Any], place: Place, kind: str) -> str:
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        known = [field.name for field in dataclasses.fields(_hint(place[:-1]))]
        return "unknown key" + (near(str(place[-1]), known) or f"; known are {', '.join(known)}")
    hint_of_value = _hint(place)
    if kind == "missing":
        return f"is required: {_words(hint_of_value, place)}"
    said = f"expected {_words(hint_of_value, place)}"
    if kind == "literal_error":
        value: Any = data
        for step in place:
            value = value[step]
        said += near(value, typing.get_args(hint_of_value), 0.5) if isinstance(value, str) else ""
    return said


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _hint(place: Place) -> Any:
    """The type that a place is declared to have."""
    kind: Any = Policy
    for step in place:
        kind = typing.get_args(kind)[0] if isinstance(step, int) else _hints(kind)[step]
        if isinstance(kind, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


def _words(kind: Any, place: Place) -> str:
    if dataclasses.is_dataclass(kind):
        return f"a table [{place[0]}]" if len(place) == 1 else "a table of keys and values"
    if typing.get_origin(kind) is typing.Literal:
        *others, last = (json.dumps(one) for one in typing.get_args(kind))
        return f"{', '.join(others)} or {last}" if others else str(last)
    if typing.get_origin(kind) is tuple:
        if dataclasses.is_dataclass(typing.get_args(kind)[0]):
            return f"tables [[{place[0]}]], one for each entry"
        return 'a list in brackets, as in ["one", "two"]'
    return _WORDS[kind]


def _dataclasses(kind: Any) -> Iterator[Any]:
    for hint in typing.get_type_hints(kind).values():
        for part in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(part):
                yield part
                yield from _dataclasses(part)


def _values(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Everything at known places, outermost first."""
    yield place, value
    if isinstance(value, dict):
        try:
            hints = _hints(_hint(place))
        except (KeyError, IndexError, TypeError):
            return
        for key, one in value.items():
            if key in hints:
                yield from _values(one, (*place, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _values(one, (*place, number))


def _of_value(place: Place, value: Any) -> Iterator[Mistake]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            yield Mistake(place, "must not be negative")
        elif not math.isfinite(value) or value > MOST:
            yield Mistake(place, f"expected a number up to {MOST}")
    elif isinstance(value, list):
        first: dict[str, int] = {}
        for number, one in enumerate(value):
            if isinstance(one, str) and first.setdefault(one, number) != number:
                yield Mistake((*place, number), "is in the list already", (*place, first[one]))
    elif isinstance(value, str):
        yield from _of_text(place, value)


def _of_text(place: Place, text: str) -> Iterator[Mistake]:
    if not text.strip() and (isinstance(place[-1], int) or _is_required(place)):
        yield Mistake(place, "must say something")
    elif _OPEN.match(text):
        yield Mistake(place, "is still to be filled in: replace what begins with ?")
    elif "\x00" in text:
        yield Mistake(place, "holds a NUL character, which no name of PostgreSQL can")
    elif _SECRET.search(text):
        yield Mistake(
            place, "a password does not belong in the policy: ~/.pgpass, a service file or a variable"
        )
    keys = tuple(step for step in place if isinstance(step, str))
    shape = SHAPES.get((keys[0], keys[-1]))
    if shape and text.strip():
        parts = len(_PART.findall(text)) if _DOTTED.match(text) else 0
        if parts != shape.count(".") + 1:
            yield Mistake(place, f"expected {shape}")
    if keys == ("administrators", "hours") and text:
        told = _HOURS.match(text)
        if not told or not int(told[1]) < int(told[2]) <= 24:
            yield Mistake(place, "expected whole hours of a day, as in 7-20")
    if keys == ("administrators", "timezone") and not _is_zone(text):
        yield Mistake(place, "expected a time zone, as in Europe/Paris, that this machine knows")
    if keys == ("keys", "provider") and text and not _PROVIDER.match(text):
        yield Mistake(place, "expected file:PATH, env:NAME, command:PROGRAM or prompt, never the key itself")


def _is_zone(text: str) -> bool:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_required(place: Place) -> bool:
    owner = _hint(place[:-1])
    return dataclasses.is_dataclass(owner) and any(
        field.name == place[-1] and field.default is dataclasses.MISSING
        for field in dataclasses.fields(owner)
    )


def _entries(data: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for section in data:
        for number, entry in section_entries(data, section):
            yield section, number, entry


def _of_dates(section: str, number: int, entry: dict[str, Any]) -> Iterator[Mistake]:
    for first, last in (("since", "until"), ("start", "end")):
        begin, end = entry.get(first), entry.get(last)
        if isinstance(begin, datetime.date) and isinstance(end, datetime.date):
            try:
                ends_first = end < begin
            except TypeError:
                continue
            if ends_first:
                yield Mistake(
                    (section, number, last), f"must not be before {first}", (section, number, first)
                )


def _of_networks(data: dict[str, Any]) -> Iterator[Mistake]:
    lists: dict[Place, list[tuple[Place, Any, str]]] = {}
    for pattern in (("networks", "*", "*"), ("service", "*", "origins", "*")):
        for place, text in texts(data, *pattern):
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                yield Mistake(place, f"expected a network as in 10.20.0.0/16: {error}")
                continue
            if network.prefixlen == 0:
                yield Mistake(place, f"{network} is everybody's address: name the networks that are meant")
                continue
            lists.setdefault(place[:-1], []).append((place, network, text))
    for members in lists.values():
        yield from _overlapping(members)


def _overlapping(members: list[tuple[Place, Any, str]]) -> Iterator[Mistake]:
    # networks overlap only by one holding the other, so that in this order the holder comes first
    ordered = sorted(
        members, key=lambda one: (one[1].version, int(one[1].network_address), one[1].prefixlen, one[0][-1])
    )
    holder: tuple[Place, Any, str] | None = None
    for place, network, text in ordered:
        if holder is not None and holder[1].version == network.version and holder[1].overlaps(network):
            # the very same text is said of every list
            if holder[2] != text:
                yield Mistake(place, f"{network} lies in {holder[1]} of the same list", holder[0])
        else:
            holder = (place, network, text)


def _of_channels(data: dict[str, Any]) -> Iterator[Mistake]:
    for number, entry in section_entries(data, "alert_channel"):
        if len([one for one in ("url", "url_from") if entry.get(one)]) != 1:
            yield Mistake(("alert_channel", number), "expected url or url_from, one of them")
        elif secret_in(entry_texts(entry, "url")[0]):
            at = ("alert_channel", number, "url")
            yield Mistake(at, "holds what looks like a password or token: url_from = env:NAME or file:PATH")


def _of_folders(data: dict[str, Any]) -> Iterator[Mistake]:
    for pattern in (("folder", "*", "path"), ("files", "*", "*"), ("mandate", "*", "folder")):
        for place, text in texts(data, *pattern):
            if text.strip() and not text.startswith("/"):
                yield Mistake(place, "expected an absolute path, as in /srv/exports")
            elif text.strip() and os.path.normpath(text).lstrip("/") == "":
                yield Mistake(place, "expected a folder, not the whole machine")


def _of_roster(data: dict[str, Any]) -> Iterator[Mistake]:
    services: dict[str, Place] = {}
    for number, entry in section_entries(data, "service"):
        services.setdefault(entry_texts(entry, "role")[0], ("service", number, "role"))
    roles: dict[str, int] = {}
    people: dict[tuple[str, str], int] = {}
    for number, entry in section_entries(data, "person"):
        role, name, function = entry_texts(entry, "role", "name", "function")
        if role and role in services:
            yield Mistake(("person", number, "role"), f"{role} is declared as a service too", services[role])
        if role and roles.setdefault(role, number) != number:
            at = ("person", number, "role")
            yield Mistake(at, f"{role} is declared twice", ("person", roles[role], "role"))
        who = (" ".join(name.split()).casefold(), function.casefold())
        if who[0] and not _OPEN.match(name) and people.setdefault(who, number) != number:
            yield Mistake(
                ("person", number, "name"),
                f"{name} is declared twice: tell namesakes apart by name or function",
                ("person", people[who], "name"),
            )


def _of_waivers(data: dict[str, Any]) -> Iterator[Mistake]:
    from pgguard.checks import all_checks

    ids: list[str] = []
    for place, text in texts(data, "waiver", "*", "check"):
        ids = ids or [check.id for check in all_checks()]
        if text not in ids:
            yield Mistake(place, f"there is no check {text}{near(text, ids)}")
    earlier: dict[tuple[str, ...], list[tuple[int, Any, Any]]] = {}
    for number, entry in section_entries(data, "waiver"):
        which = entry_texts(entry, "check", "database", "subject")
        since, until = entry.get("since", datetime.date.min), entry.get("until", datetime.date.max)
        if type(since) is not datetime.date or type(until) is not datetime.date or not which[-1].strip():
            continue
        # one may follow another, with a reason and an owner of its own
        for first, begin, end in earlier.get(which, ()):
            if since <= end and begin <= until:
                said = f"{which[-1]} is waived twice for the same days"
                yield Mistake(("waiver", number, "subject"), said, ("waiver", first, "subject"))
        earlier.setdefault(which, []).append((number, since, until))


def _of_observation(data: dict[str, Any]) -> Iterator[Mistake]:
    section = data.get("observation")
    if not isinstance(section, dict):
        return
    default = Policy().observation
    learn = section.get("learn_days", default.learn_days)
    keep = section.get("keep_days", default.keep_days)
    if isinstance(learn, int) and isinstance(keep, int) and learn > keep >= 0:
        where = "learn_days" if "learn_days" in section else "keep_days"
        yield Mistake(
            ("observation", where), f"learn_days ({learn}) must not be more than keep_days ({keep})"
        )


def _repeated(data: dict[str, Any], section: str, keys: tuple[str, ...]) -> Iterator[Mistake]:
    first: dict[tuple[str, ...], int] = {}
    for number, entry in section_entries(data, section):
        named = entry_texts(entry, *keys)
        if named[-1].strip() and first.setdefault(named, number) != number:
            said = f"{named[-1]} is declared twice"
            yield Mistake((section, number, keys[-1]), said, (section, first[named], keys[-1]))
