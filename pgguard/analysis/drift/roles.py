"""Logins and roles: new, gone, renamed, what they may now that they might not, and who is a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.drift.comparison import paired
from pgguard.analysis.drift.difference import Area, Difference, Direction, narrowed
from pgguard.analysis.membership import all_roles
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.model.rows import Membership, Role, Verifier
    from pgguard.model.snapshot import Snapshot

_OPTIONS_SINCE = 16
# the weakest first; of other kinds nothing is known
_KINDS = ("md5", "scram-sha-256")
_POWERS = {
    "superuser": ("SUPERUSER", Severity.CRITICAL),
    "replication": ("REPLICATION", Severity.HIGH),
    "bypassrls": ("BYPASSRLS", Severity.HIGH),
    "createrole": ("CREATEROLE", Severity.HIGH),
    "createdb": ("CREATEDB", Severity.MEDIUM),
}
# what a member of these can do everywhere (manual, 22.5 Predefined Roles)
_BROAD = frozenset(
    {"pg_read_all_data", "pg_write_all_data", "pg_execute_server_program", "pg_read_server_files"}
    | {"pg_write_server_files", "pg_maintain", "pg_create_subscription"}
)


def logins(comparison: Comparison) -> Iterator[Difference]:
    """What changed about roles themselves. Needs roles and memberships."""
    yield from (
        _role("role", (new,), "was called", Direction.NEUTRAL, Severity.LOW, what=(ident(old),), area="login")
        for old, new in comparison.renamed.items()
    )
    for before, after in paired(comparison.before.roles, comparison.after.roles, lambda one: one.name):
        if before is None and after is not None:
            yield from _new(comparison.after, after)
        elif after is None and before is not None:
            noun = "login" if before.login else "role"
            yield _role(noun, (before.name,), "is gone", Direction.NARROWED, Severity.LOW)
        elif before is not None and after is not None and before != after:
            yield from _changed(before, after)


def passwords(comparison: Comparison) -> Iterator[Difference]:
    """How passwords are stored. Needs verifiers."""
    for before, after in paired(
        comparison.before.verifiers, comparison.after.verifiers, lambda one: one.role
    ):
        if before is None or after is None:
            # a role that is new or gone is told as such; one that never had a password has no row
            known = comparison.before if before is None else comparison.after
            row = after or before
            if row is None or known.role(row.role) is None:
                continue
            missing = "none"
            was = before.kind if before else missing
            now = after.kind if after else missing
        else:
            was, now = before.kind, after.kind
        named = after or before
        assert named is not None  # noqa: S101 - a pair has one side at least
        role = named.role
        if was != now:
            yield _password(role, was, now)
        elif before and after and before.iterations != after.iterations:
            yield _iterations(before, after)


def members(comparison: Comparison) -> Iterator[Difference]:
    """Memberships with their options. Needs roles and memberships."""
    by_grantor = min(comparison.before.major, comparison.after.major) >= _OPTIONS_SINCE
    old = _edges(comparison.before, by_grantor=by_grantor)
    new = _edges(comparison.after, by_grantor=by_grantor)
    known = {one.name for one in comparison.before.roles}
    left = {one.name for one in comparison.after.roles}
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if was is None and now is not None:
            if now.role in known or now.member in known:
                yield _joined(comparison.after, now)
        elif now is None and was is not None:
            if was.role in left and was.member in left:
                yield _membership(
                    comparison.before, was, "is no longer a member of", Direction.NARROWED, Severity.LOW
                )
        elif was is not None and now is not None and _options(was) != _options(now):
            yield _other_options(comparison, was, now)


class _Edge(NamedTuple):
    role: str
    member: str
    grantor: str


def _edges(snapshot: Snapshot, *, by_grantor: bool) -> Mapping[_Edge, Membership]:
    return {
        _Edge(one.role, one.member, one.grantor if by_grantor else ""): one for one in snapshot.memberships
    }


def _options(edge: Membership) -> tuple[bool, bool, bool]:
    return edge.admin, edge.inherit, edge.set


def _joined(snapshot: Snapshot, edge: Membership) -> Difference:
    return _membership(
        snapshot, edge, "is now a member of", Direction.WIDENED, _weight(snapshot, edge), tail=_told(edge)
    )


def _other_options(comparison: Comparison, was: Membership, now: Membership) -> Difference:
    gained = any(new and not old for old, new in zip(_options(was), _options(now), strict=True))
    direction = Direction.WIDENED if gained else Direction.NARROWED
    return _membership(
        comparison.after,
        now,
        "is a member with other options of",
        direction,
        narrowed(_weight(comparison.after, now), direction),
        tail=f"({_spelled(now)}; before: {_spelled(was)})",
    )


def _told(edge: Membership) -> str:
    said = [word for word, is_so in (("WITH ADMIN OPTION", edge.admin),) if is_so]
    if not edge.set and not edge.inherit:
        said.append("neither INHERIT nor SET")
    elif not edge.inherit:
        said.append("by SET ROLE only")
    return f"({', '.join(said)})" if said else ""


def _spelled(edge: Membership) -> str:
    pairs = (("ADMIN", edge.admin), ("INHERIT", edge.inherit), ("SET", edge.set))
    return ", ".join(f"{name} {'TRUE' if value else 'FALSE'}" for name, value in pairs)


def _weight(snapshot: Snapshot, edge: Membership) -> Severity:
    """How much a membership hands over: what the role, and those that it is a member of, can do."""
    reached = all_roles(snapshot, edge.role)
    rows = [row for name in reached if (row := snapshot.role(name)) is not None]
    if any(row.superuser for row in rows):
        return Severity.CRITICAL
    if not _BROAD.isdisjoint(reached) or any(row.createrole or row.bypassrls for row in rows):
        return Severity.HIGH
    return Severity.HIGH if edge.admin else Severity.MEDIUM


def _membership(
    snapshot: Snapshot,
    edge: Membership,
    does: str,
    direction: Direction,
    severity: Severity,
    *,
    tail: str = "",
) -> Difference:
    row = snapshot.role(edge.member)
    noun = "login" if row is not None and row.login else "role"
    return _role(
        noun,
        (edge.member,),
        does,
        direction,
        severity,
        what=(ident(edge.role),),
        what_noun="role",
        tail=tail,
        area="membership",
    )


def _new(snapshot: Snapshot, role: Role) -> Iterator[Difference]:
    powers = [word for field, (word, _) in _POWERS.items() if getattr(role, field)]
    severity = max((weight for field, (_, weight) in _POWERS.items() if getattr(role, field)), default=None)
    groups = sorted(ident(name) for name in all_roles(snapshot, role.name) if name != role.name)
    if role.predefined:
        # they come with a new version of PostgreSQL
        yield _role("role", (role.name,), "came with PostgreSQL", Direction.NEUTRAL, Severity.LOW)
        return
    noun = "login" if role.login else "role"
    said = [*powers, *([f"member of {', '.join(groups[:4])}"] if groups else [])]
    usual = Severity.HIGH if role.login else Severity.LOW
    yield _role(
        noun,
        (role.name,),
        f"is a new {noun}",
        Direction.WIDENED,
        max(severity or usual, usual),
        tail=f"({'; '.join(said)})" if said else "",
    )


def _changed(before: Role, after: Role) -> Iterator[Difference]:
    for field, (word, severity) in _POWERS.items():
        was, now = getattr(before, field), getattr(after, field)
        if was != now:
            direction = Direction.WIDENED if now else Direction.NARROWED
            does = f"has {word} now" if now else f"has {word} no longer"
            yield _role(_noun(after), (after.name,), does, direction, narrowed(severity, direction))
    if before.login != after.login:
        direction = Direction.WIDENED if after.login else Direction.NARROWED
        does = "may log in now" if after.login else "may log in no longer"
        yield _role("role", (after.name,), does, direction, narrowed(Severity.HIGH, direction))
    if before.inherit != after.inherit:
        direction = Direction.WIDENED if after.inherit else Direction.NARROWED
        does = "has INHERIT now" if after.inherit else "has NOINHERIT now"
        yield _role(_noun(after), (after.name,), does, direction, Severity.LOW)
    if before.valid_until != after.valid_until:
        yield _until(before, after)
    if before.connection_limit != after.connection_limit:
        yield _limit(before, after)


def _until(before: Role, after: Role) -> Difference:
    was, now = before.valid_until, after.valid_until
    # a year may have five digits; without a date a password never ends
    longer = not now or (bool(was) and (len(now), now) > (len(was), was))
    direction = Direction.WIDENED if longer else Direction.NARROWED
    does = f"has a password until {now[:10]}" if now else "has a password without an end"
    tail = f"(before: until {was[:10]})" if was else "(before: without an end)"
    return _role(
        _noun(after), (after.name,), does, direction, narrowed(Severity.MEDIUM, direction), tail=tail
    )


def _limit(before: Role, after: Role) -> Difference:
    was, now = before.connection_limit, after.connection_limit
    wider = now < 0 or 0 <= was < now
    direction = Direction.WIDENED if wider else Direction.NARROWED
    shown = {True: "no connection limit", False: f"a connection limit of {now}"}[now < 0]
    severity = Severity.HIGH if was == 0 else Severity.LOW
    tail = "(before: none)" if was < 0 else f"(before: {was})"
    return _role(
        _noun(after), (after.name,), f"has {shown}", direction, narrowed(severity, direction), tail=tail
    )


def _password(role: str, was: str, now: str) -> Difference:
    if "none" in (was, now):
        # without a password no password method lets it in
        direction = Direction.WIDENED if was == "none" else Direction.NARROWED
        does = f"has a password now ({now})" if was == "none" else "has no password any more"
        return _role("login", (role,), does, direction, narrowed(Severity.MEDIUM, direction))
    weaker = was in _KINDS and now in _KINDS and _KINDS.index(now) < _KINDS.index(was)
    stronger = was in _KINDS and now in _KINDS and not weaker
    direction = Direction.WIDENED if weaker else Direction.NARROWED if stronger else Direction.CHANGED
    does = f"has a password stored as {now} now"
    return _role(
        "login", (role,), does, direction, narrowed(Severity.HIGH, direction), tail=f"(before: {was})"
    )


def _iterations(before: Verifier, after: Verifier) -> Difference:
    fewer = after.iterations < before.iterations
    direction = Direction.WIDENED if fewer else Direction.NARROWED
    return _role(
        "login",
        (after.role,),
        f"has a password of {after.iterations} iterations now",
        direction,
        narrowed(Severity.MEDIUM, direction),
        tail=f"(before: {before.iterations})",
    )


def _noun(role: Role) -> str:
    return "login" if role.login else "role"


def _role(
    noun: str,
    names: tuple[str, ...],
    does: str,
    direction: Direction,
    severity: Severity,
    *,
    what: tuple[str, ...] = (),
    what_noun: str = "role",
    tail: str = "",
    area: Area = "login",
) -> Difference:
    who = tuple(map(ident, names))
    return Difference(area, direction, severity, noun, who, does, what, what_noun, tail)
