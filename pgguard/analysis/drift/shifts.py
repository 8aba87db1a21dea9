"""Whose access to which object changed, and from what to what: two profiles held against each other."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.drift.comparison import functions, paired, relations, same_cluster_sections, unchanged
from pgguard.analysis.drift.reach import NOBODY, NOTHING, Parts, Reaches, of_thing, opening, together
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.privileges import (
    Securable,
    of_cluster,
    of_column,
    of_function,
    of_other,
    of_relation,
    of_schema,
)
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.analysis.drift.reach import Names, Opening, Profile, Reached
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what has to be equal on both sides for nobody's access to have changed
_OF_CLUSTER = ("roles", "memberships", "databases", "cluster_acls")
_OF_DATABASE = (
    "acls",
    "schemas",
    "relations",
    "columns",
    "functions",
    "languages",
    "foreign_data_wrappers",
    "foreign_servers",
    "large_objects",
)
ROUTES = ("view_columns", "definitions", "rules", "triggers")
ROW_SECURITY = ("row_policies", "definitions")
_MAINTAIN_SINCE = 17
# the profile of what is not there; one value, so that new objects that are alike are told together
_NONE: Profile = {}


class Level(enum.IntEnum):
    """How far a login's privilege carries: not at all, on paper, to some rows, to all of it."""

    NOTHING = 0
    HELD = 1
    PART = 2
    WHOLE = 3


class Side(NamedTuple):
    """An object as one side has it: how its grants are asked about, and the ways to it."""

    snapshot: Snapshot
    thing: Securable
    ways: Callable[[str], tuple[Opening, ...]]
    relation: Relation | None = None
    column: str = ""
    function: Function | None = None


class Shift(NamedTuple):
    """Logins whose access by one privilege went from one level to another, on objects that are all alike.

    `names` are the objects; `before` and `after` stand for them all, None where there was or is none.
    `snapshots` are both sides as wholes.
    """

    privilege: str
    was: Level
    now: Level
    logins: Names
    names: list[str]
    before: Side | None
    after: Side | None
    pair: Pair | None
    snapshots: tuple[Snapshot, Snapshot]


class HeldShift(NamedTuple):
    """Roles of which the server began or ceased to say that they have a privilege, on objects all alike."""

    privilege: str
    gained: Names
    lost: Names
    names: list[str]


class Found(NamedTuple):
    """All that changed in one database (or in the cluster)."""

    shifts: list[Shift]
    holding: list[HeldShift]


class _Object(NamedTuple):
    name: str
    before: Profile
    after: Profile
    side_before: Callable[[str], Side] | None
    side_after: Callable[[str], Side] | None
    columns: frozenset[str]


def in_database(comparison: Comparison, pair: Pair, parts: Parts) -> Found:
    """What changed on the objects of one database.

    Raises `Unread` when roles, memberships, databases, schemas, relations, columns, functions or ACLs could
    not be read on one side.
    """
    sections = list(_OF_DATABASE)
    sections += ROUTES if parts.routes else ()
    sections += ROW_SECURITY if parts.row_security else ()
    if same_cluster_sections(comparison, *_OF_CLUSTER) and unchanged(pair, *sections):
        return Found([], [])
    return _compared(comparison, pair, _objects(comparison, pair, parts))


def in_cluster(comparison: Comparison) -> Found:
    """What changed on databases, tablespaces and parameters."""
    if same_cluster_sections(comparison, *_OF_CLUSTER, "tablespaces", "parameter_acls"):
        return Found([], [])
    return _compared(comparison, None, _cluster_objects(comparison))


def _compared(comparison: Comparison, pair: Pair | None, objects: Iterable[_Object]) -> Found:
    classes: dict[tuple[int, int, frozenset[str]], list[str]] = {}
    found = Found([], [])
    # ids are those of values that live as long as the profiles' owner, which the objects hold
    kept: list[_Object] = []
    for one in objects:
        key = (id(one.before), id(one.after), one.columns)
        names = classes.get(key)
        if names is not None:
            names.append(one.name)
            continue
        names = classes[key] = [one.name]
        kept.append(one)
        if one.before is not one.after:
            _compare(comparison, pair, one, names, found)
    return found


def _compare(comparison: Comparison, pair: Pair | None, one: _Object, names: list[str], found: Found) -> None:
    since = min(comparison.before.major, comparison.after.major)
    # columns that are reached alike share their value, and are told together
    alike: dict[tuple[str, bool, int, int], list[str]] = {}
    for privilege, column in {**one.before, **one.after}:
        if (privilege == "MAINTAIN" and since < _MAINTAIN_SINCE) or (column and column not in one.columns):
            continue
        was, now = _of(one.before, privilege, column), _of(one.after, privilege, column)
        if was != now:
            alike.setdefault((privilege, bool(column), id(was), id(now)), []).append(column)
    for (privilege, of_columns, _, _), columns in alike.items():
        shown = names
        if of_columns:
            shown = [f"{name}.{ident(column)}" for name in names for column in columns]
        was, now = _of(one.before, privilege, columns[0]), _of(one.after, privilege, columns[0])
        gained, lost = now.holding - was.holding, was.holding - now.holding
        if gained or lost:
            found.holding.append(HeldShift(privilege, gained, lost, shown))
        before = one.side_before(columns[0]) if one.side_before else None
        after = one.side_after(columns[0]) if one.side_after else None
        moved = _moved(was, now)
        if of_columns:
            # what goes for the whole object is told of it
            told = _moved(one.before.get((privilege, ""), NOTHING), one.after.get((privilege, ""), NOTHING))
            moved = {how: logins - told.get(how, NOBODY) for how, logins in moved.items()}
        both = (comparison.before, comparison.after)
        found.shifts.extend(
            Shift(privilege, level_was, level_now, logins, shown, before, after, pair, both)
            for (level_was, level_now), logins in moved.items()
            if logins
        )


def _of(profile: Profile, privilege: str, column: str) -> Reached:
    """Of a column that nothing tells apart the whole object speaks."""
    return profile.get((privilege, column)) or profile.get((privilege, ""), NOTHING)


def _moved(was: Reached, now: Reached) -> dict[tuple[Level, Level], Names]:
    levels = ((Level.WHOLE, "whole"), (Level.PART, "part"), (Level.HELD, "held"))
    found: dict[tuple[Level, Level], Names] = {}
    some_was = was.whole | was.part | was.held
    some_now = now.whole | now.part | now.held
    for level, field in levels:
        here: Names = getattr(now, field)
        new = here - some_was
        if new:
            found[Level.NOTHING, level] = new
        gone = getattr(was, field) - some_now
        if gone:
            found[level, Level.NOTHING] = gone
        for other, its in levels:
            both = getattr(was, its) & here if other is not level else NOBODY
            if both:
                found[other, level] = both
    return found


def _objects(comparison: Comparison, pair: Pair, parts: Parts) -> Iterator[_Object]:
    before = Reaches(comparison.before, pair.before, parts)
    after = Reaches(comparison.after, pair.after, parts)
    for old, new in relations(comparison, pair):
        shown = new or old
        assert shown is not None  # noqa: S101 - a pair has one side at least
        yield _Object(
            relation_name(shown),
            before.of_relation(old) if old else _NONE,
            after.of_relation(new) if new else _NONE,
            _relation_side(comparison.before, before, old) if old else None,
            _relation_side(comparison.after, after, new) if new else None,
            _shared_columns(pair, old, new, before, after),
        )
    for old_function, new_function in functions(comparison, pair):
        named = new_function or old_function
        assert named is not None  # noqa: S101 - a pair has one side at least
        yield _Object(
            function_name(named),
            before.of_function(old_function) if old_function else _NONE,
            after.of_function(new_function) if new_function else _NONE,
            _function_side(comparison.before, before, old_function) if old_function else None,
            _function_side(comparison.after, after, new_function) if new_function else None,
            frozenset(),
        )
    old_things, new_things = dict(_things(pair.before)), dict(_things(pair.after))
    yield from _other(comparison, before.of_thing, after.of_thing, old_things, new_things)
    yield from _large_objects(comparison, pair, before, after)


def _shared_columns(
    pair: Pair, old: Relation | None, new: Relation | None, before: Reaches, after: Reaches
) -> frozenset[str]:
    """The columns of a profile that both sides have: a new column is told as such, not as access."""
    if old is None or new is None:
        return before.told_apart(old) if old else after.told_apart(new) if new else frozenset()
    names = before.told_apart(old) | after.told_apart(new)
    if not names:
        return names
    return (
        names
        & {one.name for one in catalog.columns(pair.before, old.oid)}
        & {one.name for one in catalog.columns(pair.after, new.oid)}
    )


def _large_objects(comparison: Comparison, pair: Pair, before: Reaches, after: Reaches) -> Iterator[_Object]:
    """Large objects by their owner: there may be millions, and their numbers tell nothing."""

    def by_owner(database: DatabaseSnapshot) -> dict[str, list[Securable]]:
        found: dict[str, list[Securable]] = {}
        for one in database.large_objects:
            thing = of_other(database, "large object", str(one.example), one.owner, one.acl)
            found.setdefault(one.owner, []).append(thing)
        return found

    old, new = by_owner(pair.before), by_owner(pair.after)
    for owner in sorted({*old, *new}):
        was, now = old.get(owner), new.get(owner)
        yield _Object(
            f"large objects of {ident(owner)}",
            together(map(before.of_thing, was or ())),
            together(map(after.of_thing, now or ())),
            _thing_side(comparison.before, was[0]) if was else None,
            _thing_side(comparison.after, now[0]) if now else None,
            frozenset(),
        )


def _things(database: DatabaseSnapshot) -> Iterator[tuple[tuple[str, str], Securable]]:
    for schema in database.schemas:
        yield ("schema", schema.name), of_schema(database, schema.name, schema.owner, schema.acl)
    kinds = (
        ("language", database.languages),
        ("foreign data wrapper", database.foreign_data_wrappers),
        ("foreign server", database.foreign_servers),
    )
    for kind, rows in kinds:
        for row in rows:
            yield (kind, row.name), of_other(database, kind, ident(row.name), row.owner, row.acl)


def _cluster_objects(comparison: Comparison) -> Iterator[_Object]:
    def things(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], Securable]]:
        for database in snapshot.databases:
            key = ("database", database.name)
            yield key, of_cluster(snapshot, "database", database.name, database.owner, database.acl)
        for place in snapshot.tablespaces:
            key = ("tablespace", place.name)
            yield key, of_cluster(snapshot, "tablespace", place.name, place.owner, place.acl)
        for parameter in snapshot.parameter_acls:
            key = ("parameter", parameter.name)
            yield key, of_cluster(snapshot, "parameter", parameter.name, "", parameter.acl)

    before, after = comparison.before, comparison.after
    old, new = dict(things(before)), dict(things(after))
    # a parameter without an ACL of its own is in no row, and is nobody's but superusers'
    for there, other, snapshot in ((old, new, after), (new, old, before)):
        for key in there:
            if key[0] == "parameter" and key not in other:
                other[key] = of_cluster(snapshot, "parameter", key[1], "", "")
    yield from _other(
        comparison, lambda thing: of_thing(before, thing), lambda thing: of_thing(after, thing), old, new
    )


def _other(
    comparison: Comparison,
    profile_before: Callable[[Securable], Profile],
    profile_after: Callable[[Securable], Profile],
    old: dict[tuple[str, str], Securable],
    new: dict[tuple[str, str], Securable],
) -> Iterator[_Object]:
    for was, now in paired(old.items(), new.items(), lambda item: item[0]):
        shown = now or was
        assert shown is not None  # noqa: S101 - a pair has one side at least
        kind, thing = shown[0][0], shown[1]
        yield _Object(
            f"{kind} {thing.name}",
            profile_before(was[1]) if was else _NONE,
            profile_after(now[1]) if now else _NONE,
            _thing_side(comparison.before, was[1]) if was else None,
            _thing_side(comparison.after, now[1]) if now else None,
            frozenset(),
        )


def _relation_side(snapshot: Snapshot, reaches: Reaches, relation: Relation) -> Callable[[str], Side]:
    def side(column: str) -> Side:
        thing = of_relation(reaches.database, relation)
        row = catalog.column_named(reaches.database, relation.oid, column) if column else None
        if row is not None:
            thing = of_column(reaches.database, relation, row)
        return Side(
            snapshot,
            thing,
            lambda privilege: reaches.openings(relation, privilege, column),
            relation,
            column,
        )

    return side


def _function_side(snapshot: Snapshot, reaches: Reaches, function: Function) -> Callable[[str], Side]:
    thing = of_function(reaches.database, function)
    return lambda column: Side(
        snapshot, thing, lambda privilege: reaches.to_function(function), function=function
    )


def _thing_side(snapshot: Snapshot, thing: Securable) -> Callable[[str], Side]:
    return lambda column: Side(
        snapshot, thing, lambda privilege: (opening(snapshot, thing, privilege, NOBODY),)
    )
