"""pg_hba.conf by its first match: which rule decides for whom, and which never does.

PostgreSQL manual, 20.1: the first rule whose type, database, user and address fit decides, and
nothing falls through. What the snapshot cannot tell stays open: a host name, the server's own
networks or a pattern that only PostgreSQL understands may match, and takes nothing away from the
rules below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.decisions import decisions
from pgguard.analysis.hba.rules import (
    PLAIN,
    authenticates,
    beyond_loopback,
    require_loaded,
    rules,
    ways,
)
from pgguard.analysis.hba.shadow import shadowed
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.analysis.hba.decisions import Entry
    from pgguard.analysis.logins import Logins
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot


def deciding(snapshot: Snapshot, wanted: Callable[[HbaRule], bool]) -> dict[HbaRule, list[Entry]]:
    """The entries of the rules asked for, by rule in the file's order; without rules that decide nothing."""
    found: dict[HbaRule, list[Entry]] = {}
    for entry in decisions(snapshot):
        if wanted(entry.rule):
            found.setdefault(entry.rule, []).append(entry)
    return dict(sorted(found.items(), key=lambda item: item[0].number))


def in_force(snapshot: Snapshot, wanted: Callable[[HbaRule], bool]) -> Iterator[tuple[HbaRule, list[Entry]]]:
    """The rules asked for, each with what it decides; without those that earlier rules cover.

    A rule that fits no login of today comes with no entries: it waits for one. Raises `Unread` at the
    end when the file is not what the server has loaded, so that nobody takes the answer for whole.
    """
    found = deciding(snapshot, wanted)
    dead = {rule.number for rule, _ in shadowed(snapshot)}
    for rule in rules(snapshot):
        if wanted(rule) and rule.number not in dead:
            yield rule, found.get(rule, [])
    require_loaded(snapshot)


def unauthenticated(snapshot: Snapshot) -> tuple[Entry, ...]:
    """Everything that is let in without any authentication, in the file's order."""
    found = deciding(snapshot, lambda rule: not authenticates(rule))
    return tuple(entry for entries in found.values() for entry in entries)


def logins_of(entries: Sequence[Entry]) -> Logins | None:
    """The logins of all entries together; None where there are no entries."""
    together: Logins | None = None
    for entry in entries:
        together = entry.logins if together is None else together | entry.logins
    return together


def login_names(entries: Sequence[Entry]) -> list[str]:
    """The logins of entries, in order of name."""
    together = logins_of(entries)
    return [] if together is None else list(together)


def who(entries: Sequence[Entry], most: int = 4) -> str:
    """The logins of a rule's entries in prose."""
    names = login_names(entries)
    if not names:
        return "no login of today"
    listed = ", ".join(ident(name) for name in names[:most]) + (" ..." if len(names) > most else "")
    return f"{len(names)} login{'s' if len(names) > 1 else ''} ({listed})"


def clear_text(entries: Sequence[Entry], rule: HbaRule) -> bool:
    """Whether the rule serves clients of other machines without encryption."""
    if not entries:
        return PLAIN in ways(rule) and beyond_loopback(rule)
    return any(PLAIN in entry.ways and entry.remote for entry in entries)
