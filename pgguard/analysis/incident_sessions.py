"""Sessions of a breach file: whose they are, and what about them was never seen before the window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.incident_scope import person_of
from pgguard.model.incident import SessionTold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.incident import Seen, SessionGroup
    from pgguard.model.policy import Policy

# versions and titles of windows change with every update
_WORDS = re.compile(r"[^\d()-]+")


def told(one: SessionGroup, seen: Seen | None, policy: Policy) -> SessionTold:
    """One line about sessions, with the person behind the login and what was never seen before."""
    return SessionTold(
        login=one.login,
        person=person_of(policy, one.login),
        identity=one.identity,
        database=one.database,
        application=one.application,
        address=one.address,
        tls=one.tls,
        sessions=one.sessions,
        first=one.first,
        last=one.last,
        open=one.open,
        example=one.example,
        new=tuple(_new(one, seen)) if seen is not None and seen.known_since else (),
    )


def _new(one: SessionGroup, seen: Seen) -> Iterator[str]:
    habit = seen.habits.get(one.login)
    if habit is None:
        yield "the login was never seen before"
        return
    if one.address not in habit.addresses:
        yield "never seen before from this address"
    if _program(one.application) not in {_program(name) for name in habit.applications}:
        yield "never seen before with this application"
    hour = int(one.first[11:13])
    if hour not in habit.hours:
        yield f"never seen before at {hour:02d} h UTC"


def _program(name: str) -> str:
    words = _WORDS.match(name)
    return words[0].strip() if words else ""
