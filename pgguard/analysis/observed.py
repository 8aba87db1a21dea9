"""Observations as checks ask for them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import rules
from pgguard.analysis.sharing import Known, assess_all
from pgguard.model.finding import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.observation import Assessment, Coverage, Observations
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

_OPTION = "map="
# a quiet server writes nothing for a while, between two pieces of its log too
_PAUSE = datetime.timedelta(minutes=15)
_CAPTURED = "\\1"


def observed(snapshot: Snapshot) -> Observations:
    """What was seen of the sessions over time.

    Raises `NotApplicable` when nobody has given it.
    """
    if snapshot.observations is None:
        msg = "no observations are given: keep them with `pgguard observe`, name them in [observation] store"
        raise NotApplicable(msg)
    return snapshot.observations


def logged_through(coverage: Iterable[Coverage], since: datetime.datetime, until: datetime.datetime) -> bool:
    """Whether logs of connections were read for all of that time, in one piece or in several on end."""
    reached = since
    for one in sorted(coverage, key=lambda one: one.since):
        if one.means == "log" and one.connections:
            begins, ends = map(datetime.datetime.fromisoformat, (one.since, one.until))
            if begins <= reached + _PAUSE:
                reached = max(reached, ends)
    return reached >= until


def assessments(snapshot: Snapshot, policy: Policy) -> tuple[Assessment, ...]:
    """The grade of every login that is not a declared service.

    Raises `NotApplicable` when there are no observations, `Unread` when roles could not be read.
    """
    seen = observed(snapshot)
    logins = [role.name for role in snapshot.roles if role.login and not role.predefined]
    groups = frozenset(one.role for one in snapshot.memberships) & frozenset(logins)
    return assess_all(logins, seen.sessions, seen.coverage, policy, Known(_mapped(snapshot), groups))


def _mapped(snapshot: Snapshot) -> dict[str, int]:
    """For roles that several system users may take by an ident map in use, how many; patterns are many."""
    if {"hba_rules", "ident_rules"} & set(snapshot.missing()):
        return {}
    used = {
        option.removeprefix(_OPTION)
        for rule in rules(snapshot)
        for option in rule.options
        if option.startswith(_OPTION)
    }
    users: dict[str, set[str]] = {}
    for entry in snapshot.ident_rules:
        if entry.map in used and not entry.error and _CAPTURED not in entry.database_user:
            # a pattern lets in as many as fit it: two stand for all of them
            found = users.setdefault(entry.database_user, set())
            found |= (
                {entry.system_user, f"{entry.system_user} "}
                if entry.system_user[:1] == "/"
                else {entry.system_user}
            )
    return {role: len(found) for role, found in users.items()}
