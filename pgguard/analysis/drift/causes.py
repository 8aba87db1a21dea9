"""Why a login reaches an object now and did not before (or the other way round): the link that is new.

A way is a chain: a login, the roles that it becomes or inherits from, a grant, the view or function that
opens, what that reads. The first link that the other side has not is told as the cause.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.drift.reach import acting, insiders
from pgguard.analysis.drift.shifts import Level
from pgguard.analysis.membership import DATABASE_OWNER, becomers_by_path, heirs_by_path, superusers
from pgguard.analysis.names import function_name
from pgguard.analysis.privileges import holder_names, holders, may_name, of_column, of_function, of_relation
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.drift.reach import Names, Opening
    from pgguard.analysis.drift.shifts import Shift, Side
    from pgguard.analysis.privileges import Securable, Way
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_NEW, _GONE = "new login", "the login is gone"
_LET_IN, _SHUT_OUT = "may log in now", "may log in no longer"
# causes that are the login's own coming or going
LOGIN_ITSELF = frozenset({_NEW, _GONE, _LET_IN, _SHUT_OUT})
_KINDS = {"v": "view", "m": "materialized view", "S": "sequence", "f": "foreign table"}


class Cause(NamedTuple):
    """What made the difference, in words; `public` tells that it is open to everybody.

    `through` and `opening` (its names) say which object is the way in, empty for the object itself, and
    `by` the privilege on it.
    """

    words: str
    public: bool = False
    through: str = ""
    opening: tuple[str, ...] = ()
    by: str = ""


class Chain(NamedTuple):
    """The roles from a login to the one that acts by SET ROLE, and how that one holds the privilege."""

    becoming: tuple[str, ...]
    way: Way


def explained(shift: Shift) -> dict[Cause, set[str]]:
    """The logins of a shift, superusers aside, by what made the difference for them."""
    widened = shift.now > shift.was
    here, there = (shift.after, shift.before) if widened else (shift.before, shift.after)
    assert here is not None  # noqa: S101 - somebody has access on this side
    found: dict[Cause, set[str]] = {}
    left = shift.logins - superusers(here.snapshot)
    level = max(shift.now, shift.was)
    for opening in here.ways(shift.privilege) if left else ():
        sources = opening.free if level is Level.WHOLE else opening.useful
        if level is Level.HELD:
            sources = holder_names(here.snapshot, here.thing, shift.privilege)
        served = acting(here.snapshot, sources, here.thing.database) & left
        if not served:
            continue
        left -= served
        chains = _chains(here.snapshot, opening, sources)
        explaining = _Explaining(shift, here, there, opening)
        for login in served:
            cause = explaining.cause(login, chains[login])
            if cause is not None:
                found.setdefault(cause, set()).add(login)
    return found


def _chains(snapshot: Snapshot, opening: Opening, sources: Names) -> dict[str, Chain]:
    thing = opening.thing
    memo = snapshot._memo.setdefault("drift chains", {})
    key = (thing.kind, thing.acl, thing.column_acl, thing.owner, opening.privilege, thing.database, sources)
    known: dict[str, Chain] | None = memo.get(key)
    if known is None:
        ways = holders(snapshot, thing, opening.privilege)
        known = memo[key] = {
            login: Chain(path, ways[path[-1]])
            for login, path in becomers_by_path(snapshot, sources, thing.database).items()
        }
    return known


class _Explaining:
    """What made the difference for each login that a shift serves by one opening."""

    def __init__(self, shift: Shift, here: Side, there: Side | None, opening: Opening) -> None:
        self.widened = shift.now > shift.was
        self.by_rows = Level.PART in (shift.was, shift.now)
        self.here = here
        self.there = there
        self.opening = opening
        self.other = shift.snapshots[0 if self.widened else 1]
        self.at = _same(opening, there, shift, widened=self.widened) if there is not None else None
        self.inside = insiders(there.snapshot, there.thing) if there is not None else frozenset()
        self.naming = may_name(there.snapshot, self.at) if there and self.at else frozenset()
        self.grantees = _grantees(self.at, opening.privilege) if self.at is not None else frozenset()
        self.causes: dict[tuple[str, bool], Cause] = {}
        self.through = f"{_kind(opening)} {opening.thing.whole}" if opening.route is not None else ""

    def cause(self, login: str, chain: Chain) -> Cause | None:
        """None where superuser powers are all there is to tell, which are told by themselves."""
        if chain.way.by == "superuser":
            return None
        key = (self._link(login, chain), chain.way.by == "public")
        known = self.causes.get(key)
        if known is None:
            thing = self.opening.thing
            # a grant on the whole view opens each of its columns
            names, by = ((thing.name, thing.whole), self.opening.privilege) if self.through else ((), "")
            known = self.causes[key] = Cause(*key, self.through, names, by)
        return known

    def _link(self, login: str, chain: Chain) -> str:
        widened, opening, there = self.widened, self.opening, self.there
        role = self.other.role(login)
        if role is None:
            return _NEW if widened else _GONE
        if not role.login:
            return _LET_IN if widened else _SHUT_OUT
        if there is None:
            if _is_system(self.here):
                return f"its grants are {'no longer those' if widened else 'again those'} of initdb"
            return f"new {_kind_of(self.here)}" if widened else f"the {_kind_of(self.here)} is gone"
        for member, group, by_set in _edges(chain):
            if not _is_member(self.other, member, group, there.thing.database, by_set=by_set):
                who = "" if member == login else f"{ident(member)} is "
                return f"{who}{'now' if widened else 'no longer'} a member of {ident(group)}"
        if self.at is None:
            return f"new {_kind(opening)}" if widened else f"the {_kind(opening)} is gone"
        holder = chain.way.roles[-1]
        if chain.way.by != "predefined" and self.grantees.isdisjoint((holder, PUBLIC)):
            if widened and chain.way.by == "owner":
                return f"{ident(holder)} owns it now"
            verb, preposition = ("GRANT", "to") if widened else ("REVOKE", "from")
            return f"{verb} {opening.privilege} {preposition} {grantee(holder)}"
        if login not in self.inside:
            return f"{'new' if widened else 'no more'} CONNECT to database {ident(there.thing.database)}"
        if self.at.schema and chain.becoming[-1] not in self.naming:
            return f"{'new' if widened else 'no more'} USAGE on schema {ident(self.at.schema)}"
        if opening.route is not None:
            return f"what the {_kind(opening)} does changed"
        return _of_row_security(self.here, there, login, widened=widened) if self.by_rows else ""


def _of_row_security(here: Side, there: Side, login: str, *, widened: bool) -> str:
    mine, its = here.snapshot.role(login), there.snapshot.role(login)
    if mine is not None and its is not None and mine.bypassrls != its.bypassrls:
        return "BYPASSRLS"
    one, other = here.relation, there.relation
    if one is None or other is None:
        return ""
    if one.row_security != other.row_security:
        return f"row security is {'off' if widened else 'on'} now"
    if one.force_row_security != other.force_row_security:
        return f"row security is {'no longer' if widened else 'now'} forced"
    return "the row policies changed"


def _edges(chain: Chain) -> Iterator[tuple[str, str, bool]]:
    for roles, by_set in ((chain.becoming, True), (chain.way.roles, False)):
        for member, group in pairwise(roles):
            if group != DATABASE_OWNER:
                yield member, group, by_set


def _is_member(snapshot: Snapshot, member: str, role: str, database: str, *, by_set: bool) -> bool:
    search = becomers_by_path if by_set else heirs_by_path
    memo = snapshot._memo.setdefault(("drift members", by_set), {})
    if role not in memo:
        memo[role] = frozenset(search(snapshot, [role], database))
    return member in memo[role]


def _same(opening: Opening, there: Side, shift: Shift, *, widened: bool) -> Securable | None:
    """The object that opens, as the other side has it; None where it has none."""
    route = opening.route
    if route is None:
        return there.thing
    assert shift.pair is not None  # noqa: S101 - only what is in a database has routes
    database = shift.pair.before if widened else shift.pair.after
    if route.relation is not None:
        relation = catalog.relation_named(database, route.relation.schema, route.relation.name)
        if relation is None:
            return None
        home = shift.pair.after if widened else shift.pair.before
        number = route.number
        names = {one.number: one.name for one in catalog.columns(home, route.relation.oid)}
        column = catalog.column_named(database, relation.oid, names.get(number, ""))
        return of_column(database, relation, column) if column else of_relation(database, relation)
    assert route.function is not None  # noqa: S101 - a route opens by the one or the other
    wanted = function_name(route.function)
    function = _functions(database).get(wanted)
    return of_function(database, function) if function is not None else None


def _functions(database: DatabaseSnapshot) -> dict[str, Function]:
    known: dict[str, Function] | None = database._memo.get("drift functions by name")
    if known is None:
        known = {function_name(one): one for one in database.functions}
        database._memo["drift functions by name"] = known
    return known


def _grantees(thing: Securable, privilege: str) -> frozenset[str]:
    grants = (*thing.home.grants(thing.acl), *thing.home.grants(thing.column_acl))
    return frozenset(one.grantee for one in grants if one.privilege == privilege)


def _kind(opening: Opening) -> str:
    route = opening.route
    if route is None:
        return opening.thing.kind
    if route.function is not None:
        return "function"
    return _KINDS.get(route.relation.kind, "table") if route.relation is not None else "table"


def _is_system(side: Side) -> bool:
    """Whether it is PostgreSQL's own: such an object is in a snapshot only where its grants were changed."""
    row = side.relation or side.function
    return row is not None and row.system


def _kind_of(side: Side) -> str:
    if side.relation is not None:
        return _KINDS.get(side.relation.kind, "table")
    return side.thing.kind
