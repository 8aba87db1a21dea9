"""Lines of pg_hba.conf: what no SQL changes is said for the hand that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.manual import by_hand

if TYPE_CHECKING:
    from pgguard.model.finding import Change


def to_hostssl(place: str, how: str, *, ssl_is_on: bool) -> Change:
    """Turn the rule at `place` (file:line) into hostssl, as `how` says.

    While ssl is off a hostssl rule matches nobody (manual, 20.1), so that turning it on comes first.
    """
    first = "" if ssl_is_on else "set ssl = on first, or nobody gets in by it; then "
    return by_hand(f"{place}: {first}{how}")
