"""Whose login it is: a person's, a program's, or everybody's, as far as names and the policy tell."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.analysis.sensitive import words

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Role, Session
    from pgguard.model.snapshot import Snapshot


@cache
def _names(file: str) -> Any:
    return tomllib.loads(resources.files("pgguard").joinpath("data", file).read_text(encoding="utf-8"))


def is_collective(name: str) -> bool:
    """Whether a login's name stands for a place, a team or a function instead of a person."""
    lists = _names("role_names.toml")["collective"]
    parts = _parts(name)
    anywhere = lists["anywhere"]
    known = {*anywhere, *lists["alone"]}
    if is_program(name) and not parts <= known:
        return False
    return bool(parts) and (not parts.isdisjoint(anywhere) or parts <= known)


def is_program(name: str) -> bool:
    """Whether a login's name is that of a program."""
    return not _parts(name).isdisjoint(_names("role_names.toml")["service"]["words"])


def personal_logins(snapshot: Snapshot, policy: Policy) -> tuple[Role, ...]:
    """The logins of single persons: the roster's, or without a roster those that are nothing else.

    Left out are superusers, declared accounts, collective names, names of programs, and accounts
    with REPLICATION.
    """
    if policy.person:
        return tuple(role for role in snapshot.roles if role.login and policy.is_person(role.name))
    return tuple(
        role
        for role in snapshot.roles
        if role.login
        and not role.superuser
        and not role.replication
        and not role.predefined
        and not policy.is_declared(role.name)
        and not is_collective(role.name)
        and not is_program(role.name)
    )


def is_interactive(session: Session) -> bool:
    """Whether a session's application is a program that a person sits at."""
    return client_kind(session.application) == "interactive"


def client_kind(application: str) -> str:
    """The list of data/client_tools.toml that knows the application name, empty for none.

    The longest start that fits decides: psqlODBC is not psql.
    """
    name = application.strip().lower()
    fits = [(len(start), kind) for start, kind in _tools() if name.startswith(start)]
    return max(fits, key=lambda one: one[0])[1] if fits else ""


@cache
def _tools() -> tuple[tuple[str, str], ...]:
    return tuple(
        (start.lower(), kind) for kind, starts in _names("client_tools.toml").items() for start in starts
    )


def _parts(name: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return set(words(plain)) | set(re.findall(r"[a-z]+", plain.lower()))
