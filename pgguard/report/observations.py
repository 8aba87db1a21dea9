"""What observing came to, in a few lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.observation import Coverage, LoginFailure, SessionSeen

_MOST = 20


def render_summary(
    sessions: Iterable[SessionSeen], failures: Iterable[tuple[LoginFailure, int]], coverages: list[Coverage]
) -> str:
    """Who was seen in the whole store: a line a login, the refusals, and what was watched how."""
    logins: Counter[str] = Counter()
    places: dict[str, set[str]] = {}
    identities: dict[str, set[str]] = {}
    for one in sessions:
        logins[one.role] += 1
        places.setdefault(one.role, set()).add(one.address or "local socket")
        if one.identity and one.identity != one.role:
            identities.setdefault(one.role, set()).add(one.identity)
    refused: Counter[str] = Counter()
    for failure, times in failures:
        refused[failure.role] += times
    lines = [f"{plural(len(logins), 'login')} seen"]
    for role, count in logins.most_common(_MOST):
        told = f"  {ident(role)}: {plural(count, 'session')} from {plural(len(places[role]), 'place')}"
        if role in identities:
            told += f", {len(identities[role])} authenticated as somebody of another name"
        lines.append(visible(told))
    if len(logins) > _MOST:
        lines.append(f"  and {len(logins) - _MOST} more")
    if refused:
        shown = ", ".join(
            f"{ident(role) if role else 'nobody'} {count}" for role, count in refused.most_common(5)
        )
        lines.append(visible(f"{plural(refused.total(), 'refused login')}: {shown}"))
    lines += [visible(_window(one)) for one in coverages[-_MOST:]]
    return "\n".join(lines) + "\n"


def _window(one: Coverage) -> str:
    lacks = []
    if one.means == "log":
        lacks += [] if one.connections else ["connections are not logged"]
        lacks += [] if one.disconnections else ["their ends are not logged"]
        lacks += [] if one.identities else ["no authenticated identity is logged"]
    elif one.means == "sample":
        lacks.append("short sessions are missed")
    if one.gaps:
        lacks.append(f"{plural(one.gaps, 'line')} could not be read")
    return f"watched {one.since} to {one.until} by {one.means}" + (f": {', '.join(lacks)}" if lacks else "")
