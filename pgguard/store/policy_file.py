"""pgguard.toml: found, read, and every mistake in it named with its line.

The keys are the fields of `pgguard.model.policy`; a key that is not one of them is an error, because
a misspelt exception would silently not be one.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import ipaddress
import re
import tomllib
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.errors import PolicyError
from pgguard.model.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "pgguard.toml"
Path_ = tuple[str | int, ...]
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column \d+\)")


class LoadedPolicy(NamedTuple):
    """A policy with where it came from: the file's name and the digest of its bytes, empty without one."""

    policy: Policy
    file: str
    sha256: str


def find(chosen: Path | None, folder: Path, environment: Mapping[str, str]) -> Path | None:
    """The policy file that counts: the one chosen, else of the folder, the user, the machine.

    Raises `PolicyError` when the chosen one is not there.
    """
    if chosen is not None:
        if not chosen.exists():
            msg = f"{chosen}: there is no such policy file"
            raise PolicyError(msg)
        return chosen
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "/")) / ".config")
    for place in (folder, Path(home) / "pgguard", Path("/etc/pgguard")):
        if (place / NAME).exists():
            return place / NAME
    return None


def load(path: Path | None) -> LoadedPolicy:
    """The policy of a file; the safe defaults without one.

    Raises `PolicyError` for a file that cannot be read and for every mistake in it at once.
    """
    if path is None:
        return LoadedPolicy(Policy(), "", "")
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        msg = f"{path}: the policy cannot be read: {error.strerror}"
        raise PolicyError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: the policy is not UTF-8 text (byte {error.start + 1})"
        raise PolicyError(msg) from None
    return LoadedPolicy(parse(text, str(path)), str(path), hashlib.sha256(content).hexdigest())


def parse(text: str, file: str) -> Policy:
    """The policy that a TOML text declares.

    Raises `PolicyError` with one line for each mistake: file, line, key, what is expected.
    """
    if not text.strip():
        return Policy()
    try:
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        said = _SYNTAX.fullmatch(str(error))
        where, what = (said[2], said[1]) if said else (str(len(text.splitlines())), str(error))
        msg = f"{file}:{where}: this is not TOML: {what}"
        raise PolicyError(msg) from None
    lines = _lines(text)
    mistakes = [*_invalid(data)]
    policy: Policy | None = None
    if not mistakes:
        policy = _adapter().validate_python(data)
        mistakes = [*_contradictions(policy)]
    if policy is None or mistakes:
        said_lines = sorted({(_line_of(lines, path), what) for path, what in mistakes})
        raise PolicyError("\n".join(f"{file}:{line}: {what}" for line, what in said_lines))
    return policy


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors that check TOML by one."""
    schema: dict[str, Any] = _adapter().json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _adapter() -> Any:
    # imported late: an inspection without a policy file has no use for it
    from pydantic import ConfigDict, TypeAdapter

    class Strict:
        __pydantic_config__ = ConfigDict(extra="forbid")

    return TypeAdapter(_strict(Policy, Strict.__pydantic_config__))


def _strict(kind: Any, config: Any) -> Any:
    # the option stands on every dataclass, because pydantic does not hand it down
    for one in _dataclasses(kind):
        one.__pydantic_config__ = config
    return kind


def _dataclasses(kind: Any) -> Iterator[Any]:
    yield kind
    for hint in typing.get_type_hints(kind).values():
        for part in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(part):
                yield from _dataclasses(part)


def _invalid(data: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    from pydantic import ValidationError

    try:
        _adapter().validate_python(data)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            path = tuple(one["loc"])
            dotted = _dotted(path)
            if one["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
                near = difflib.get_close_matches(str(path[-1]), _known(path[:-1]), 1, 0.5)
                hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(_known(path[:-1]))}"
                yield path, f"{dotted}: unknown key{hint}"
            elif one["type"] == "missing":
                yield path, f"{dotted}: is required"
            else:
                yield path, f"{dotted}: {one['msg'][:1].lower()}{one['msg'][1:]}"


def _known(path: Path_) -> list[str]:
    kind: Any = Policy
    for step in path:
        if isinstance(step, str):
            hint = typing.get_type_hints(kind)[step]
            kind = next((part for part in typing.get_args(hint) if dataclasses.is_dataclass(part)), hint)
    return [field.name for field in dataclasses.fields(kind)]


def _contradictions(policy: Policy) -> Iterator[tuple[Path_, str]]:
    from pgguard.checks import all_checks

    for field in dataclasses.fields(policy.networks):
        for text in getattr(policy.networks, field.name):
            yield from _network(text, ("networks", field.name))
    for number, service in enumerate(policy.service):
        for text in service.origins:
            yield from _network(text, ("service", number, "origins"))
    for field in dataclasses.fields(policy.thresholds):
        if getattr(policy.thresholds, field.name) < 0:
            yield ("thresholds", field.name), f"thresholds.{field.name}: must not be negative"
    ids = [check.id for check in all_checks()]
    for number, waiver in enumerate(policy.waiver):
        if waiver.check not in ids:
            near = difflib.get_close_matches(waiver.check, ids, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield ("waiver", number, "check"), f"waiver.check: there is no check {waiver.check}{hint}"
        for name in ("subject", "reason", "owner"):
            if not getattr(waiver, name).strip():
                yield ("waiver", number, name), f"waiver.{name}: must say something"
    yield from _twice("person", "role", [entry.role for entry in policy.person])
    yield from _twice("service", "role", [entry.role for entry in policy.service])
    yield from _twice("column", "name", [f"{entry.database}:{entry.name}" for entry in policy.column])
    services = {entry.role for entry in policy.service}
    for number, person in enumerate(policy.person):
        if person.role in services:
            yield ("person", number, "role"), f"person.role: {person.role} is declared as a service too"


def _network(text: str, path: Path_) -> Iterator[tuple[Path_, str]]:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        yield path, f"{_dotted(path)}: {error}"


def _twice(table: str, key: str, names: list[str]) -> Iterator[tuple[Path_, str]]:
    for number, name in enumerate(names):
        if name in names[:number]:
            yield (table, number, key), f"{table}.{key}: {name.lstrip(':')} is declared twice"


def _dotted(path: Path_) -> str:
    return ".".join(str(step) for step in path if isinstance(step, str))


def _lines(text: str) -> dict[Path_, int]:
    found: dict[Path_, int] = {}
    counts: dict[str, int] = {}
    table: Path_ = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2].strip().strip("\"'")
            table = (name,)
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (name, counts[name])
            found.setdefault(table[:1], number)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            parts = tuple(part.strip().strip("\"'") for part in key[1].split("."))
            found.setdefault((*table, *parts), number)
    return found


def _line_of(lines: dict[Path_, int], path: Path_) -> int:
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1
