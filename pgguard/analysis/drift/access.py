"""Who can now read, write or call what, by which way, and who no longer can: in sentences, told together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.drift.causes import LOGIN_ITSELF, explained
from pgguard.analysis.drift.difference import Difference, Direction, listed
from pgguard.analysis.drift.reach import Names, logins
from pgguard.analysis.drift.sensitive import names as sensitive_names
from pgguard.analysis.drift.shifts import Level
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.analysis.drift.shifts import Found, Shift

_VERBS = {
    "SELECT": "read",
    "INSERT": "insert into",
    "UPDATE": "update",
    "DELETE": "delete from",
    "TRUNCATE": "truncate",
    "EXECUTE": "call",
    "CONNECT": "connect to",
    "USAGE": "use",
    "CREATE": "create objects in",
    "TEMPORARY": "create temporary tables in",
    "REFERENCES": "reference",
    "TRIGGER": "put triggers on",
    "MAINTAIN": "maintain",
    "SET": "set",
    "ALTER SYSTEM": "set for the whole server",
}
_ORDER = tuple(_VERBS)
_DEFINER = "SECURITY DEFINER function"
_ON_ROWS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"})
_LOW = frozenset({"REFERENCES", "TEMPORARY", "MAINTAIN"})
# of more ways in than these only some are named
_MOST_WAYS = 3


class _Key(NamedTuple):
    """What is told together: one change of level, for one reason, of the same logins."""

    was: Level
    now: Level
    words: str
    public: bool
    kind: str
    logins: Names


class _Told(NamedTuple):
    """The objects by how they are reached ("" for directly)."""

    by_way: dict[str, dict[str, None]]


# the views and functions that are told with what they open, by the logins and the reason
_Openings = dict[tuple[Names, str, str], set[str]]


def find(comparison: Comparison, found: Found, database: str | None) -> Iterator[Difference]:
    """The differences that the shifts of one database, or of the cluster, come to."""
    told: dict[_Key, dict[str, _Told]] = {}
    openings: _Openings = {}
    for shift in found.shifts:
        for cause, names in explained(shift).items():
            key = _Key(shift.was, shift.now, cause.words, cause.public, _noun(shift), frozenset(names))
            by_privilege = told.setdefault(key, {})
            by_way = by_privilege.setdefault(shift.privilege, _Told({})).by_way
            by_way.setdefault(cause.through, {}).update(dict.fromkeys(shift.names))
            if cause.opening:
                openings.setdefault((key.logins, cause.words, cause.by), set()).update(cause.opening)
    sensitive = _Sensitive(comparison, found)
    for key, by_privilege in told.items():
        yield from _of_key(key, by_privilege, openings, sensitive, database)
    yield from _waiting(comparison, found, database)


def _of_key(
    key: _Key,
    by_privilege: dict[str, _Told],
    openings: _Openings,
    sensitive: _Sensitive,
    database: str | None,
) -> Iterator[Difference]:
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for privilege in sorted(by_privilege, key=_ORDER.index):
        told = by_privilege[privilege]
        together: dict[tuple[str, ...], dict[str, None]] = {}
        ways = [way for way in told.by_way if way]
        opened = openings.get((key.logins, key.words, privilege), set())
        for way, names in told.by_way.items():
            # a view that was opened is told with what it shows
            kept = names if way else {name: None for name in names if name not in opened}
            if kept:
                at = (way,) if way and len(ways) <= _MOST_WAYS else tuple(ways) if way else ()
                together.setdefault(at, {}).update(kept)
        for at, names in together.items():
            groups.setdefault((tuple(names), at), []).append(privilege)
    for (objects, at), privileges in groups.items():
        # what everybody may do is no news of a login that came or went, nor what serves for nothing yet
        if key.words in LOGIN_ITSELF and (
            Level.HELD in key[:2] or (key.public and not any(map(sensitive.holds, objects)))
        ):
            continue
        yield _difference(key, privileges, objects, at, sensitive, database)


def _difference(
    key: _Key,
    privileges: Sequence[str],
    names: Sequence[str],
    ways: Sequence[str],
    sensitive: _Sensitive,
    database: str | None,
) -> Difference:
    widened = key.now > key.was
    marked = [name for name in names if sensitive.holds(name)]
    reasons = [key.words] if key.words else []
    if key.was is Level.HELD and widened and not key.words:
        reasons.append("it can get there now")
    if key.now is Level.PART and widened:
        reasons.append("some rows only")
    if marked and len(marked) < len(names):
        reasons.append(f"{len(marked)} of them sensitive")
    elif marked:
        reasons.append("sensitive")
    through = f"through {listed(ways)} " if ways else ""
    tail = f"{through}({'; '.join(reasons)})" if reasons else through.strip()
    ordered = (*marked, *(name for name in names if name not in set(marked))) if marked else tuple(names)
    return Difference(
        "access",
        Direction.WIDENED if widened else Direction.NARROWED,
        _severity(key, privileges, sensitive=bool(marked)) if widened else Severity.LOW,
        "login",
        tuple(sorted(ident(name) for name in key.logins)),
        _does(key, privileges),
        ordered,
        key.kind,
        tail,
        database,
    )


def _does(key: _Key, privileges: Sequence[str]) -> str:
    verbs = [_VERBS[one] for one in privileges]
    phrase = verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"
    holds = f"{', '.join(privileges)} on"
    match key.was, key.now:
        case Level.NOTHING, Level.HELD:
            return f"now holds, without a way to it yet, {holds}"
        case Level.HELD, Level.NOTHING:
            return f"no longer holds {holds}"
        case Level.PART, Level.WHOLE:
            return f"can now {phrase} every row of"
        case Level.WHOLE, Level.PART:
            return f"can now {phrase} only some rows of"
    return f"can now {phrase}" if key.now > key.was else f"can no longer {phrase}"


def _severity(key: _Key, privileges: Sequence[str], *, sensitive: bool) -> Severity:
    if key.now is Level.HELD:
        return Severity.MEDIUM if sensitive and key.public else Severity.LOW
    if sensitive and not _ON_ROWS.isdisjoint(privileges):
        return Severity.CRITICAL if key.public else Severity.HIGH
    if key.kind == "parameter":
        return Severity.HIGH
    if key.kind in ("function", "sequence", "language") or set(privileges) <= _LOW:
        return Severity.LOW
    return Severity.MEDIUM


def _noun(shift: Shift) -> str:
    side = shift.after or shift.before
    assert side is not None  # noqa: S101 - a shift has one side at least
    if side.column:
        return "column"
    if side.relation is not None:
        kinds = {"v": "view", "m": "view", "S": "sequence"}
        return kinds.get(side.relation.kind, "table")
    if side.function is not None and side.function.definer:
        return _DEFINER
    return side.thing.kind


def _waiting(comparison: Comparison, found: Found, database: str | None) -> Iterator[Difference]:
    """Roles that hold something anew while no login gained by it: it waits for a member."""
    people = logins(comparison.after) | logins(comparison.before)
    both = {one.name for one in comparison.before.roles} & {one.name for one in comparison.after.roles}
    for shift in found.holding:
        for names, does, direction in (
            (shift.gained, "now holds", Direction.WIDENED),
            (shift.lost, "no longer holds", Direction.NARROWED),
        ):
            roles = names & both
            if roles and names.isdisjoint(people):
                yield Difference(
                    "access",
                    direction,
                    Severity.LOW,
                    "role",
                    tuple(sorted(map(ident, roles))),
                    f"{does} {shift.privilege} on",
                    tuple(shift.names),
                    "object",
                    "(no login has its rights)",
                    database,
                )


class _Sensitive:
    """Which names are those of sensitive columns, or of tables that have some; asked only when needed."""

    def __init__(self, comparison: Comparison, found: Found) -> None:
        self._comparison = comparison
        self._pair = next((one.pair for one in found.shifts if one.pair is not None), None)

    def holds(self, name: str) -> bool:
        return self._pair is not None and name in sensitive_names(self._comparison, self._pair)
