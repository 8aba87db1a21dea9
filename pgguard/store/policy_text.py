"""A policy as TOML or JSON, in the order of its fields: what it says with all defaults, or beside them."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any

from pgguard.model.policy import Policy

if TYPE_CHECKING:
    from pgguard.store.policy_file import LoadedPolicy


_NOTHING = object()


def as_toml(loaded: LoadedPolicy, *, effective: bool) -> str:
    """The policy as a file that reads back as the same policy; `effective` with every default.

    What may be left out and is not given (a date, a score) is left out, and the register stands in it.
    """
    parts = [f"# {_where(loaded)}\n"]
    for section, value, default in _sections(loaded.policy):
        if isinstance(value, tuple):
            parts += [f"[[{section}]]\n{_keys(entry, None)}" for entry in value]
        elif text := _keys(value, None if effective else default):
            parts.append(f"[{section}]\n{text}")
    return "\n".join(parts)


def as_json(loaded: LoadedPolicy, *, effective: bool) -> str:
    """The same as JSON, with the file's name and the digest of its bytes."""
    policy: dict[str, Any] = {}
    for section, value, default in _sections(loaded.policy):
        if isinstance(value, tuple):
            entries = [dict(_pairs(entry, None)) for entry in value]
            if entries or effective:
                policy[section] = entries
        elif pairs := dict(_pairs(value, None if effective else default)):
            policy[section] = pairs
    document: dict[str, Any] = {"file": loaded.file or None, "sha256": loaded.sha256 or None}
    if loaded.register_file:
        document["register"] = {"file": loaded.register_file, "sha256": loaded.register_sha256}
    document["policy"] = policy
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain) + "\n"


def toml(value: Any) -> str:
    """One value of a policy as TOML; characters that cannot be seen are spelled out."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml(one) for one in value)}]"
    return str(value)


def _text(text: str) -> str:
    # a JSON string is a basic string of TOML, but for what TOML wants spelled out
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        one if one.isprintable() else f"\\u{ord(one):04x}" if ord(one) < 1 << 16 else f"\\U{ord(one):08x}"
        for one in quoted
    )


def _where(loaded: LoadedPolicy) -> str:
    if not loaded.file:
        return "no policy file: the defaults"
    register = f"; {_text(loaded.register_file)}, sha256 {loaded.register_sha256}"
    return f"{_text(loaded.file)}, sha256 {loaded.sha256}{register if loaded.register_file else ''}"


def _sections(policy: Policy) -> list[tuple[str, Any, Any]]:
    default = Policy()
    return [
        (field.name, getattr(policy, field.name), getattr(default, field.name))
        for field in dataclasses.fields(policy)
    ]


def _keys(entry: Any, default: Any) -> str:
    return "".join(f"{key} = {toml(value)}\n" for key, value in _pairs(entry, default) if value is not None)


def _pairs(entry: Any, default: Any) -> list[tuple[str, Any]]:
    """The keys of a table with their values; without those that are as the default has them."""
    return [
        (field.name, value)
        for field in dataclasses.fields(entry)
        if (value := getattr(entry, field.name)) != (getattr(default, field.name) if default else _NOTHING)
    ]


def _plain(value: Any) -> str:
    return str(value.isoformat())
