"""What the role of a mandate can do in a database beyond the mandate: columns, rows, writing.

Every way counts that `routes` knows: grants, PUBLIC, memberships, SET ROLE, views, definer functions,
inheritance and partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.function_use import opaque
from pgguard.analysis.granted import of_column as granted_on_column
from pgguard.analysis.granted import of_relation as granted_on_relation
from pgguard.analysis.mandated import given, own_view, staging, tables, using
from pgguard.analysis.mandated_rows import compared, is_held, view_is_same, wanted
from pgguard.analysis.membership import heirs
from pgguard.analysis.names import function_name, relation_name
from pgguard.analysis.privileges import holder_names, of_column, of_function, of_relation
from pgguard.analysis.readers import is_public
from pgguard.analysis.routes import stands_alone, to_columns
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.analysis.mandated import Taken
    from pgguard.analysis.mandated_rows import Form
    from pgguard.analysis.privileges import Securable
    from pgguard.analysis.routes import Route
    from pgguard.model.finding import Change
    from pgguard.model.mandate import Mandate
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_ON = frozenset({"true", "on", "yes", "1"})


class Beyond(NamedTuple):
    """What goes beyond a mandate on one table.

    `columns` are readable and not in it, `through` what they are read through (empty: by a right on the
    table); `sensitive` says whether one of them is. `rows` says how other rows are reached,
    `writes` what may be done besides reading. `fix` takes back what the role itself was granted on the table.
    """

    relation: Relation
    columns: tuple[str, ...]
    sensitive: bool
    through: str
    rows: str
    writes: tuple[str, ...]
    fix: tuple[Change, ...] = ()


class Reach:
    """The reach of some roles, those that the role of a mandate acts as, in one database.

    `unknown` says in sentences what could not be told, once `beyond` is through. Raises `Unread` when what it
    takes could not be read.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        database: DatabaseSnapshot,
        policy: Policy,
        mandate: Mandate,
        who: frozenset[str],
    ) -> None:
        self.snapshot = snapshot
        self.database = database
        self.policy = policy
        self.mandate = mandate
        self.who = who
        self.unknown: list[str] = []
        self.taken = tables(database, policy, mandate)
        self._given = given(database, self.taken)
        self._staging = staging(database, mandate)

    def beyond(self) -> Iterator[Beyond]:
        """What goes beyond the mandate, table by table."""
        sensitive = sensitive_tables(self.database, self.policy)
        mandated = {one.relation.oid: one for one in self.taken}
        found: set[int] = set()
        for relation in self.database.relations:
            oid = relation.oid
            if (oid not in sensitive and oid not in mandated) or oid in self._staging:
                continue
            numbers = frozenset(one.column.number for one in sensitive.get(oid, ()))
            one = self._of_table(relation, numbers, mandated.get(oid), is_part=relation.parent in found)
            if one is not None:
                found.add(oid)
                yield one
        self._opaque(sensitive)

    def large_objects(self) -> int:
        """How many large objects the roles may read; of PUBLIC's grant-public-large-object tells."""
        return sum(
            group.objects
            for group in self.database.large_objects
            if any(
                grant.privilege == "SELECT"
                and grant.grantee != PUBLIC
                and not self.who.isdisjoint(heirs(self.snapshot, grant.grantee, self.database.name))
                for grant in self.database.grants(group.acl)
            )
        )

    def _of_table(
        self, relation: Relation, sensitive: frozenset[int], taken: Taken | None, *, is_part: bool
    ) -> Beyond | None:
        allowed = self._given.get(relation.oid, frozenset())
        read = {
            column.number: way
            for column in catalog.columns(self.database, relation.oid)
            if column.number not in allowed
            and (way := self._way(relation, column, only_direct=is_part)) is not None
            # what everybody may read of a table without personal data is nobody's secret
            and (
                sensitive
                or not is_public(self.database, of_column(self.database, relation, column), "SELECT")
            )
        }
        columns = [one for one in catalog.columns(self.database, relation.oid) if one.number in read]
        rows = self._rows(taken) if taken is not None else ""
        writes = tuple(self._writes(relation, taken))
        if not columns and not rows and not writes:
            return None
        return Beyond(
            relation,
            tuple(ident(one.name) for one in columns),
            not sensitive.isdisjoint(read),
            next((way for way in read.values() if way), "") if all(read.values()) else "",
            rows,
            writes,
            # where rows are at fault the mandate has to be opened anew
            () if rows else tuple(self._take_back(relation, read)),
        )

    def _take_back(self, relation: Relation, outside: Mapping[int, str]) -> Iterator[Change]:
        role, name = self.mandate.role, self.database.name
        granted = granted_on_relation(self.database, relation)
        yield from granted.take_back(role, ("SELECT", *_WRITES), database=name)
        for column in catalog.columns(self.database, relation.oid):
            if column.acl:
                wanted = ("SELECT", *_WRITES) if column.number in outside else _WRITES
                one = granted_on_column(self.database, relation, column)
                yield from one.take_back(role, wanted, database=name)

    def _way(self, relation: Relation, column: Column, *, only_direct: bool = False) -> str | None:
        """What a column is read through: empty by a right on the table, None where it is not read."""
        thing = of_column(self.database, relation, column)
        if self._uses(thing, "SELECT"):
            return ""
        if self._holds(thing, "SELECT") and not relation.row_security:
            # which shows values to whoever has SELECT, though without USAGE on the schema (manual, 53.27)
            return "pg_catalog.pg_stats"
        if only_direct or stands_alone(self.snapshot, self.database, relation):
            return None
        return next((one.steps[0].source for one in self._routes(relation, column.number)), None)

    def _routes(self, relation: Relation, number: int) -> Iterator[Route]:
        for route in to_columns(self.snapshot, self.database, relation, frozenset({number}), "SELECT"):
            users = self._uses(route.thing, route.privilege)
            if users if route.users is None else users & route.users:
                yield route

    def _holds(self, thing: Securable, privilege: str) -> frozenset[str]:
        return holder_names(self.snapshot, thing, privilege) & self.who

    def _uses(self, thing: Securable, privilege: str) -> frozenset[str]:
        return using(self.snapshot, self.database, thing, privilege, self.who)

    def _rows(self, taken: Taken) -> str:
        """How other rows of a mandated table are reached than those of the mandate; empty: not at all."""
        if not taken.entry.rows:
            return ""
        try:
            form = wanted(taken.entry.rows)
        except Unparsable:
            # it is told of the mandate itself
            return ""
        said: dict[str, None] = {}
        for column in catalog.columns(self.database, taken.relation.oid):
            if column.number in taken.columns:
                for text in self._rows_of(taken, column, form):
                    said[text] = None
        return "; ".join(said)

    def _rows_of(self, taken: Taken, column: Column, form: Form) -> Iterator[str]:
        relation = taken.relation
        for role in sorted(self._holds(of_column(self.database, relation, column), "SELECT")):
            held = is_held(self.snapshot, self.database, taken, role, form)
            if held is None:
                self.unknown.append(
                    f"whether row policies of {relation_name(relation)} say what the mandate says"
                )
            elif not held:
                yield "it reads the table itself, and no row policy holds it to the mandate's rows"
        for route in self._routes(relation, column.number):
            yield from self._through(taken, route, form)

    def _through(self, taken: Taken, route: Route, form: Form) -> Iterator[str]:
        names = [one.source for one in route.steps]
        for view in self.database.relations:
            if own_view(self.mandate, taken, view) and relation_name(view) in names:
                yield from self._own_view(taken, view, form)
                return
        yield f"it reads them through {names[0]}"

    def _own_view(self, taken: Taken, view: Relation, form: Form) -> Iterator[str]:
        shown = relation_name(view)
        texts = [one.text for one in self.database.definitions if one.kind == "view" and one.oid == view.oid]
        same = compared(self.snapshot, self.database, view.oid)
        if same is None and texts:
            same = view_is_same(texts[0], taken.relation, form)
        if same is None:
            self.unknown.append(f"whether {shown} says what the mandate says")
        elif not same:
            yield f"the condition of {shown} is not the mandate's"
        if not any(
            name == "security_barrier" and value.lower() in _ON
            for name, _, value in (option.partition("=") for option in view.options)
        ):
            yield f"{shown} is no security_barrier view: a function in a query's condition sees other rows"

    def _writes(self, relation: Relation, taken: Taken | None) -> Iterator[str]:
        things = [relation]
        if taken is not None:
            things += [one for one in self.database.relations if own_view(self.mandate, taken, one)]
        for privilege in _WRITES:
            if any(
                self._uses(of_relation(self.database, one), privilege)
                or any(
                    self._uses(of_column(self.database, one, column), privilege)
                    for column in catalog.columns(self.database, one.oid)
                    if column.acl and privilege in ("INSERT", "UPDATE")
                )
                for one in things
            ):
                yield privilege

    def _opaque(self, sensitive: Mapping[int, Sequence[object]]) -> None:
        """Functions that may lead to personal data, though their bodies do not show it."""
        known = catalog.relations(self.database)
        for one in opaque(self.snapshot, self.database):
            function = one.function
            if function.returns in ("trigger", "event_trigger"):
                continue
            if not self._uses(of_function(self.database, function), "EXECUTE"):
                continue
            if any(
                function.owner
                in holder_names(self.snapshot, of_relation(self.database, known[oid]), "SELECT")
                for oid in sensitive
            ):
                self.unknown.append(f"whether {function_name(function)} leads to personal data: {one.reason}")
