"""The server or its sessions load a library that is not on the list of known ones.

Why it matters: such a library runs inside the server with all its rights: it can read every patient's
record and every password that is typed.

How to fix: find out who installed it and what it does; take it out of the parameter, or declare it in
the policy ([allow] libraries).

Silent when: PostgreSQL's own libraries, widely used ones, and those that the policy declares, by name
or from a folder of the system.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject, shorten
from pgguard.analysis.settings import entries
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("PostgreSQL manual, 19.11.3 Shared Library Preloading",)
_PARAMETERS = ("shared_preload_libraries", "session_preload_libraries", "local_preload_libraries")
# a folder that only the machine's administrator writes to, or the server's own
_SYSTEM = ("/usr/", "/opt/", "/nix/", "$libdir")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    known = _known() | frozenset(policy.allow.libraries)
    for parameter in _PARAMETERS:
        found = _unknown(snapshot.setting(parameter).value, known)
        for one in snapshot.role_settings:
            if one.name == parameter and not one.masked:
                whose = f"for {ident(one.role)}" if one.role else "for everybody"
                whose += f" in {ident(one.database)}" if one.database else ""
                found += [f"{library} {whose}" for library in _unknown(one.value, known)]
        if found:
            yield Finding(setting_subject(parameter), f"{parameter} loads {shorten(found)}")


def _unknown(value: str, known: frozenset[str]) -> list[str]:
    return [entry for entry in entries(value) if not _is_known(entry, known)]


def _is_known(entry: str, known: frozenset[str]) -> bool:
    path = PurePosixPath(entry)
    if path.name.removesuffix(".so") not in known:
        return False
    # a known name does not make a file in /tmp the known library
    return path.name == entry or entry.startswith(_SYSTEM)


@cache
def _known() -> frozenset[str]:
    text = resources.files("pgguard").joinpath("data/libraries.toml").read_text(encoding="utf-8")
    return frozenset(name for names in tomllib.loads(text).values() for name in names)
