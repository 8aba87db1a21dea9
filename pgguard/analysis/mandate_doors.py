"""The side doors of a mandate: what a fresh login without memberships reaches besides it.

Such a login has what PUBLIC has, and nothing else (manual, 5.8). Each door is named; it keeps a mandate
closed when it leads to personal data, to the mandated tables, or when nothing tells where it leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.mandate_functions import Reached, function_doors, trigger_doors
from pgguard.analysis.names import relation_name
from pgguard.analysis.own import SCHEMAS
from pgguard.analysis.personal import classify
from pgguard.analysis.secret_views import secret_views
from pgguard.analysis.sqltree import function_calls
from pgguard.analysis.views import is_invoker
from pgguard.errors import Unread
from pgguard.model.mandate_names import schema_of
from pgguard.model.mandate_scope import Door
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pgguard.model.mandate_scope import ScopeTable
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Grant, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_SECRETS = {
    "pg_authid": frozenset({"rolpassword"}),
    "pg_shadow": frozenset({"passwd"}),
    "pg_user_mapping": frozenset({"umoptions"}),
    "pg_subscription": frozenset({"subconninfo"}),
    "pg_largeobject": frozenset({"data"}),
    "pg_statistic": frozenset({f"stavalues{number}" for number in range(1, 6)}),
    "pg_statistic_ext_data": frozenset({"stxdmcv", "stxdexpr"}),
}
_WRITES = ("INSERT", "UPDATE", "DELETE")
_ANY = ("SELECT", *_WRITES, "TRUNCATE", "REFERENCES", "TRIGGER")
_FROM_OUTSIDE = frozenset({"template0", "template1"})


def is_public(grants: Iterable[Grant], *privileges: str) -> bool:
    """Whether PUBLIC has one of the privileges."""
    return any(one.grantee == PUBLIC and one.privilege in privileges for one in grants)


def doors(
    snapshot: Snapshot,
    policy: Policy,
    database: str,
    tables: Sequence[ScopeTable],
    mandate: str,
    several: Collection[tuple[str, str, str]] = (),
) -> tuple[Door, ...]:
    """All doors of a fresh login that may connect to `database`, in every database that PUBLIC may enter.

    `tables` are those of the mandate there, `several` as in `Standing`. What could not be read is a door that
    refuses.
    """
    found: list[Door] = []
    inspected = {one.name: one for one in snapshot.inspected}
    for row in snapshot.databases:
        enters = row.name == database or is_public(snapshot.grants(row.acl), "CONNECT")
        if not row.allow_connections or not enters or row.connection_limit == 0:
            continue
        one = inspected.get(row.name)
        if one is not None:
            many = frozenset((schema, name) for where, schema, name in several if where == row.name)
            within = _Doors(snapshot, policy, one, tables if row.name == database else (), mandate, many)
            found += within.all()
        elif row.name in _FROM_OUTSIDE:
            said = "PUBLIC may connect to it, and nobody looked what is in it; it is empty as a rule"
            found.append(Door(f"database {ident(row.name)}", said, refuses=False))
        else:
            said = "PUBLIC may connect to it, and it was not read: inspect all databases"
            found.append(Door(f"database {ident(row.name)}", said, refuses=True))
    return tuple(dict.fromkeys(found))


class _Doors:
    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        database: DatabaseSnapshot,
        tables: Sequence[ScopeTable],
        mandate: str,
        several: frozenset[tuple[str, str]],
    ) -> None:
        self.snapshot = snapshot
        self.database = database
        self.policy = policy
        self.mandated = frozenset((one.schema, one.name) for one in tables)
        # it may name what is there by the mandate itself, and what PUBLIC has there is open to it then
        self.entered = frozenset(one.schema for one in tables if one.form == "policy")
        self.own_schema = schema_of(mandate)
        self.several = several
        self._guarded: Reached | None = None

    def all(self) -> Iterator[Door]:
        for look in (
            self._relations,
            self._secret_views,
            self._functions,
            self._large_objects,
            self._defaults,
            self._languages,
            self._servers,
            self._makes,
        ):
            try:
                yield from look()
            except Unread as unread:
                where = f"database {ident(self.database.name)}"
                yield Door(where, f"it cannot be told what the role would reach: {unread}", refuses=True)

    def guarded(self) -> Reached:
        """What must not be reached: every column of personal data, and the mandated tables whole."""
        if self._guarded is None:
            columns = {
                (one.relation.oid, one.column.number): f"it leads to {one.category}"
                for one in classify(self.database, self.policy)
                if one.sensitive
            }
            tables: dict[int, str] = {}
            for schema, name in self.mandated:
                relation = catalog.relation_named(self.database, schema, name)
                if relation is not None:
                    tables[relation.oid] = "it leads to a mandated table"
                    for oid in self._below(relation):
                        tables[oid] = "it leads to a part of a mandated table"
            for schema, name in self.several:
                relation = catalog.relation_named(self.database, schema, name)
                if relation is not None:
                    said = "tables inherit from it and from others, which is not followed"
                    tables.setdefault(relation.oid, said)
            self._guarded = Reached(self.database, columns, tables)
        return self._guarded

    def _below(self, relation: Relation) -> Iterator[int]:
        for child in catalog.children(self.database, relation.oid):
            yield child.oid
            yield from self._below(child)

    def named(self, schema: str) -> bool:
        """Whether the role may name what is in a schema."""
        known: dict[str, bool] = self.database._memo.setdefault("schemas of PUBLIC", {})
        if not known:
            known.update(
                {one.name: is_public(self.database.grants(one.acl), "USAGE") for one in self.database.schemas}
            )
            known["pg_catalog"] = True
        return schema in self.entered or known.get(schema, False)

    def _place(self, name: str) -> str:
        return f"{name} in database {ident(self.database.name)}"

    def _relations(self) -> Iterator[Door]:
        harmless: list[str] = []
        for relation in self.database.relations:
            if relation.kind == "S" or relation.schema == self.own_schema:
                continue
            # pg_stats shows values of whatever one has SELECT on, whether or not one may name it
            if relation.kind == "v" and not self.named(relation.schema):
                continue
            if relation.system:
                yield from self._system(relation)
                continue
            held = self._held(relation)
            if not held:
                continue
            numbers = held.get("SELECT", frozenset())
            why = self._leads(relation, numbers) or self._written(relation, held)
            if why:
                what = "reads" if numbers else f"has {', '.join(sorted(held))} on"
                yield Door(self._place(relation_name(relation)), f"PUBLIC {what} it, and {why}", refuses=True)
                continue
            harmless.append(relation_name(relation))
            if held.keys() & set(_WRITES):
                yield from trigger_doors(self.snapshot, self.guarded(), relation)
        for name in harmless:
            yield Door(self._place(name), "PUBLIC has rights on it; no personal data is known there", False)

    def _held(self, relation: Relation) -> dict[str, frozenset[int]]:
        """What PUBLIC has on a relation, and on which columns."""
        whole = self.database.grants(relation.acl)
        columns = catalog.columns(self.database, relation.oid)
        found: dict[str, frozenset[int]] = {}
        for privilege in _ANY:
            if is_public(whole, privilege):
                found[privilege] = frozenset(one.number for one in columns)
                continue
            some = {
                one.number
                for one in columns
                if one.acl and is_public(self.database.grants(one.acl), privilege)
            }
            if some:
                found[privilege] = frozenset(some)
        return found

    def _leads(self, relation: Relation, numbers: frozenset[int]) -> str:
        """Where a relation that PUBLIC reads leads, where that matters; empty otherwise."""
        guarded = self.guarded()
        if is_invoker(relation):
            return ""
        if relation.kind == "m" and (why := self._made_by_code(relation)):
            return why
        return guarded.through(relation, numbers)

    def _written(self, relation: Relation, held: dict[str, frozenset[int]]) -> str:
        """Why it matters that PUBLIC writes to a relation, or hangs something on it."""
        others = frozenset().union(*(numbers for name, numbers in held.items() if name != "SELECT"))
        if held.keys() - {"SELECT"} and (why := self.guarded().through(relation, others)):
            return why
        if held.keys() & set(_WRITES) and any(
            one.relation == relation.oid and one.enabled != "D" for one in self.database.rules
        ):
            return "its rules act with its owner's rights"
        return ""

    def _made_by_code(self, view: Relation) -> str:
        text = next(
            (one.text for one in self.database.definitions if one.kind == "view" and one.oid == view.oid), ""
        )
        own = {one.name for one in self.database.functions if not one.system}
        try:
            called = {one.name for tree in statements(text) for one in function_calls(tree)}
        except Unparsable:
            return "it is not known what it was made from"
        return "it was made by functions, and it is not known from what" if called & own or not text else ""

    def _system(self, relation: Relation) -> Iterator[Door]:
        if relation.name in _SECRETS and "SELECT" in self._held(relation):
            columns = {
                one.number
                for one in catalog.columns(self.database, relation.oid)
                if one.name in _SECRETS[relation.name]
            }
            whole = is_public(self.database.grants(relation.acl), "SELECT")
            if whole or columns & self._held(relation)["SELECT"]:
                yield Door(self._place(relation_name(relation)), "PUBLIC reads it", refuses=True)

    def _secret_views(self) -> Iterator[Door]:
        for view, _ in secret_views(self.snapshot, self.database, _SECRETS):
            if self.named(view.schema) and "SELECT" in self._held(view):
                said = "PUBLIC reads it, and it shows what the catalog keeps from logins"
                yield Door(self._place(relation_name(view)), said, refuses=True)

    def _functions(self) -> Iterator[Door]:
        for function in self.database.functions:
            if not self.named(function.schema) or function.schema in SCHEMAS:
                continue
            if is_public(self.database.grants(function.acl), "EXECUTE"):
                yield from function_doors(self.snapshot, self.guarded(), function)

    def _large_objects(self) -> Iterator[Door]:
        groups = self.database.large_objects
        if not groups:
            return
        if self.snapshot.setting("lo_compat_privileges").value == "on":
            said = "lo_compat_privileges is on: every login reads them"
            yield Door(self._place("large objects"), said, refuses=True)
        for group in groups:
            if is_public(self.database.grants(group.acl), "SELECT", "UPDATE"):
                name = self._place(f"large object {group.example}")
                more = f" (and {group.objects - 1} like it)" if group.objects > 1 else ""
                yield Door(name, f"PUBLIC reads or writes it{more}, and nothing tells what it holds", True)

    def _defaults(self) -> Iterator[Door]:
        for one in self.database.default_acls:
            if one.kind == "r" and is_public(self.database.grants(one.acl), *_ANY):
                where = f" in schema {ident(one.schema)}" if one.schema else ""
                name = self._place(f"default privileges of {ident(one.role)}{where}")
                yield Door(name, "whatever table it creates is open to PUBLIC", refuses=True)

    def _languages(self) -> Iterator[Door]:
        for one in self.database.languages:
            if (
                one.name in ("c", "internal")
                and one.trusted
                and is_public(self.database.grants(one.acl), "USAGE")
            ):
                name = self._place(f"language {ident(one.name)}")
                yield Door(name, "everybody may write functions in it, which do anything", refuses=True)

    def _servers(self) -> Iterator[Door]:
        mapped = {one.server for one in self.database.user_mappings if one.role == PUBLIC}
        for one in self.database.foreign_servers:
            if one.name in mapped and is_public(self.database.grants(one.acl), "USAGE"):
                name = self._place(f"foreign server {ident(one.name)}")
                yield Door(name, "PUBLIC reaches it with a mapping of its own", refuses=True)
        for wrapper in self.database.foreign_data_wrappers:
            if is_public(self.database.grants(wrapper.acl), "USAGE"):
                name = self._place(f"foreign data wrapper {ident(wrapper.name)}")
                yield Door(name, "everybody may make servers of it", refuses=True)

    def _makes(self) -> Iterator[Door]:
        for one in self.database.schemas:
            if is_public(self.database.grants(one.acl), "CREATE"):
                said = "PUBLIC may create objects in it, which others may take for their own"
                yield Door(self._place(f"schema {ident(one.name)}"), said, refuses=False)
