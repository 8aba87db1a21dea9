"""Steps through code that others run without meaning to: triggers, and functions inside tables and views.

Whoever may change such a function, or add a trigger, waits until a stronger role writes to the table.
That a role writes there is taken from what it owns or was granted; superusers may write everywhere, so
that only their own tables are counted as theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import calls
from pgguard.analysis.escalation.functions import sql_name
from pgguard.analysis.escalation.graph import SUPERUSER, Edge, Gate, code, rights, session
from pgguard.analysis.escalation.holders import creating, owned, owner_named, users_of_grant
from pgguard.analysis.membership import plain_logins, superusers
from pgguard.analysis.names import function_name, relation_name, shorten
from pgguard.analysis.search_path import OWN_SCHEMA, parse
from pgguard.changes.ownership import change_owner
from pgguard.changes.privileges import revoke
from pgguard.changes.roles import reset_setting
from pgguard.model.quote import grantee as quoted
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pgguard.model.finding import Change
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_WRITTEN = frozenset("rpvf")
_FIRING = frozenset("OA")


class _Place(NamedTuple):
    """One database and, by ACL, who writes."""

    snapshot: Snapshot
    database: DatabaseSnapshot
    by_acl: dict[str, Mapping[str, tuple[str, ...]]]

    def writers(self, table: Relation) -> Mapping[str, tuple[str, ...]]:
        """The roles that were granted writing, each with its privileges; owner, PUBLIC, superusers aside."""
        found = self.by_acl.get(table.acl)
        if found is None:
            held: dict[str, list[str]] = {}
            for grant in self.database.grants(table.acl):
                if grant.privilege in _WRITES and grant.grantee != PUBLIC:
                    held.setdefault(grant.grantee, []).append(grant.privilege)
            found = self.by_acl[table.acl] = {name: tuple(privileges) for name, privileges in held.items()}
        return found

    def victims(self, table: Relation) -> list[str]:
        """The roles that write to a table: its owner, and who was granted it."""
        return [table.owner, *(name for name in self.writers(table) if name != table.owner)]


def edges(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """The steps of one database that wait for a stronger role to touch something."""
    place = _Place(snapshot, database, {})
    yield from _trigger_functions(place)
    yield from _trigger_makers(place)
    yield from _table_owners(place)
    yield from _expressions(place)
    yield from _event_triggers(place)
    yield from _sessions(place)


def _trigger_functions(place: _Place) -> Iterator[Edge]:
    snapshot, database = place.snapshot, place.database
    fired: dict[tuple[int, str], dict[int, Relation]] = {}
    for trigger in database.triggers:
        function = catalog.functions(database).get(trigger.function)
        table = catalog.relations(database).get(trigger.relation)
        if function is None or table is None or trigger.enabled not in _FIRING or function.extension:
            continue
        # who owns the table too is told of in _table_owners
        if function.owner == table.owner or function.owner in superusers(snapshot):
            continue
        for victim in place.victims(table):
            if victim != function.owner:
                fired.setdefault((function.oid, victim), {})[table.oid] = table
    for (oid, victim), tables in fired.items():
        function = catalog.functions(database)[oid]
        what = f"{function_name(function)}, trigger function of {_listed(tables.values())}"
        yield from owned(
            snapshot,
            database,
            function.owner,
            function.schema,
            session(victim, database.name),
            what,
            kind="trigger",
            needs=_write(snapshot, victim, tables.values()),
            cut=(_hand_over(database, function, next(iter(tables.values())).owner),),
        )


def _trigger_makers(place: _Place) -> Iterator[Edge]:
    snapshot, database = place.snapshot, place.database
    by_acl: dict[str, list[str]] = {}
    made: dict[tuple[str, str, str], list[Relation]] = {}
    for table in database.relations:
        if table.kind not in _WRITTEN or table.system or table.extension:
            continue
        makers = by_acl.get(table.acl)
        if makers is None:
            makers = by_acl[table.acl] = [
                grant.grantee for grant in database.grants(table.acl) if grant.privilege == "TRIGGER"
            ]
        for maker in makers:
            if maker != table.owner and maker not in superusers(snapshot):
                for victim in place.victims(table):
                    if victim != maker:
                        made.setdefault((maker, table.schema, victim), []).append(table)
    for (maker, schema, victim), tables in made.items():
        cut = (revoke(["TRIGGER"], _named(tables), maker, database=database.name),)
        for user in users_of_grant(snapshot, database, maker, schema):
            yield Edge(
                "trigger",
                rights(user, database.name),
                session(victim, database.name),
                f"{quoted(user)} may add triggers to {_listed(tables)}",
                _write(snapshot, victim, tables),
                cut,
                Gate("function", database.name),
            )


def _table_owners(place: _Place) -> Iterator[Edge]:
    snapshot, database = place.snapshot, place.database
    written: dict[tuple[str, str, str], list[Relation]] = {}
    for table in database.relations:
        if table.kind not in _WRITTEN or table.system or table.extension:
            continue
        if table.owner not in superusers(snapshot):
            for writer in place.writers(table):
                if writer != table.owner:
                    written.setdefault((table.owner, table.schema, writer), []).append(table)
    for (owner, schema, writer), tables in written.items():
        for edge in owned(
            snapshot,
            database,
            owner,
            schema,
            session(writer, database.name),
            f"{_listed(tables)} and may add triggers",
            kind="trigger",
            needs=_write(snapshot, writer, tables),
            cut=tuple(_no_writing(place, tables, writer)),
        ):
            yield edge._replace(gate=Gate("function", database.name))


def _no_writing(place: _Place, tables: list[Relation], writer: str) -> Iterator[Change]:
    for privilege in _WRITES:
        held = [table for table in tables if privilege in place.writers(table)[writer]]
        if held:
            yield revoke([privilege], _named(held), writer, database=place.database.name)


def _expressions(place: _Place) -> Iterator[Edge]:
    """Functions in defaults, checks, index expressions, rules, WHEN clauses and views of others."""
    snapshot, database = place.snapshot, place.database
    changeable: dict[str, list[Function]] = {}
    for function in database.functions:
        if function.owner not in superusers(snapshot) and not function.extension and not function.system:
            changeable.setdefault(function.name.lower(), []).append(function)
    if not changeable or not plain_logins(snapshot):
        return
    places = _relations_of_definitions(database)
    seen: set[tuple[int, int, str]] = set()
    for call in calls(database, changeable.keys()):
        kind = call.definition.kind
        table = catalog.relations(database).get(places.get((kind, call.definition.oid), 0))
        if table is None or table.extension:
            continue
        for function in changeable[call.name]:
            if (call.schema and call.schema != function.schema) or table.owner == function.owner:
                continue
            victims = [table.owner] if kind in ("view", "index") else place.victims(table)
            for victim in victims:
                if victim == function.owner or (function.oid, table.oid, victim) in seen:
                    continue
                seen.add((function.oid, table.oid, victim))
                yield from owned(
                    snapshot,
                    database,
                    function.owner,
                    function.schema,
                    # maintenance runs index expressions as the owner, but not in a session of its own
                    (code if kind == "index" else session)(victim, database.name),
                    f"{function_name(function)}, which {_KINDS[kind]} {relation_name(table)} calls",
                    kind="expression",
                    needs=_use(snapshot, kind, victim, table),
                    cut=(_hand_over(database, function, table.owner),),
                )


_KINDS = {
    "view": "view",
    "default": "a default of",
    "check": "a check constraint of",
    "index": "an index of",
    "rule": "a rule of",
    "trigger": "a trigger of",
}


def _relations_of_definitions(database: DatabaseSnapshot) -> Mapping[tuple[str, int], int]:
    """The relation that a stored text belongs to, by the text's kind and oid."""
    found = {("view", row.oid): row.oid for row in database.relations}
    found |= {("default", row.oid): row.oid for row in database.relations}
    found |= {("check", row.oid): row.relation for row in database.constraints}
    found |= {("index", row.oid): row.relation for row in database.indexes}
    found |= {("rule", row.oid): row.relation for row in database.rules}
    found |= {("trigger", row.oid): row.relation for row in database.triggers}
    return found


def _use(snapshot: Snapshot, kind: str, victim: str, table: Relation) -> str:
    if kind == "index":
        return f"an ANALYZE or autovacuum of {relation_name(table)}"
    if kind == "view":
        return f"{owner_named(snapshot, victim)} to read {relation_name(table)}"
    return _write(snapshot, victim, [table])


def _event_triggers(place: _Place) -> Iterator[Edge]:
    snapshot, database = place.snapshot, place.database
    for event in database.event_triggers:
        function = catalog.functions(database).get(event.function)
        if function is None or event.enabled not in _FIRING or event.extension:
            continue
        what = "log in to" if event.event == "login" else "run DDL in"
        yield from owned(
            snapshot,
            database,
            function.owner,
            function.schema,
            SUPERUSER,
            f"{function_name(function)}, function of event trigger {ident(event.name)}",
            kind="event-trigger",
            needs=f"a superuser to {what} {ident(database.name)}",
            cut=(_hand_over(database, function, event.owner),),
        )


def _sessions(place: _Place) -> Iterator[Edge]:
    """Sessions of superusers whose search_path puts a schema of others before pg_catalog.

    Where pg_catalog is not listed it comes first of all, and hides what others name alike.
    """
    snapshot, database = place.snapshot, place.database
    settings = [
        row
        for row in snapshot.role_settings
        if row.name == "search_path" and row.database in ("", database.name) and not row.masked
    ]
    own = {row.role for row in settings if row.role}
    for setting in settings:
        path = parse(setting.value)
        victim = _searcher(snapshot, setting.role, own)
        if not victim or "pg_catalog" not in path:
            continue
        power = owner_named(snapshot, victim)
        cut = reset_setting("search_path", role=setting.role, database=setting.database, value=setting.value)
        for part in path[: path.index("pg_catalog")]:
            schema = victim if part == OWN_SCHEMA else part
            for maker in sorted(creating(snapshot, database, schema)):
                yield Edge(
                    "search-path",
                    rights(maker, database.name),
                    session(victim, database.name),
                    f"{quoted(maker)} may create in schema {ident(schema)}, which sessions of {power} search "
                    "before pg_catalog",
                    f"{power} to run a query in {ident(database.name)}",
                    (cut,),
                )


def _searcher(snapshot: Snapshot, role: str, own: Collection[str]) -> str:
    """A superuser for whom a setting counts, the one that initdb made first; empty for none."""
    for one in sorted(snapshot.roles, key=lambda one: (not one.bootstrap, one.name)):
        if one.superuser and one.login and (one.name == role or (not role and one.name not in own)):
            return one.name
    return ""


def _hand_over(database: DatabaseSnapshot, function: Function, owner: str) -> Change:
    return change_owner(sql_name(function), owner, function.owner, database=database.name)


def _write(snapshot: Snapshot, victim: str, tables: Iterable[Relation]) -> str:
    return f"{owner_named(snapshot, victim)} to write to {_listed(tables)}"


def _listed(tables: Iterable[Relation]) -> str:
    return shorten([relation_name(table) for table in tables], 2)


def _named(tables: Iterable[Relation]) -> str:
    return "TABLE " + ", ".join(relation_name(table) for table in tables)
