"""A mandate held against a database's catalog: what it would open, and every reason not to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.mandate_doors import doors, is_public
from pgguard.analysis.mandate_looks import looked_at
from pgguard.analysis.personal import classify
from pgguard.analysis.predicate import predicate_misfits, read_predicate
from pgguard.analysis.register import table_names
from pgguard.model.category import NOT_SENSITIVE
from pgguard.model.mandate_names import view_of
from pgguard.model.mandate_scope import Look, Scope, ScopeTable, Standing, policies_of
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from pgguard.model.classification import Classified
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.model.mandate_scope import Form
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation, RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_LONGEST = 63
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}


def mandate_database(snapshot: Snapshot, policy: Policy, mandate: Mandate) -> tuple[str, str]:
    """The database of a mandate, or empty and the reason why it is not known."""
    known = [one.name for one in snapshot.inspected]
    if mandate.database:
        if mandate.database in known:
            return mandate.database, ""
        return "", f"there is no database {ident(mandate.database)} here, or it was not read"
    wanted = [one.table for one in policy.mandate_table if one.mandate == mandate.name]
    fitting = [one.name for one in snapshot.inspected if any(_table(one, name) for name in wanted)]
    if len(fitting) == 1:
        return fitting[0], ""
    if not fitting and len(known) == 1:
        return known[0], ""
    where = "several databases have" if fitting else "no database has"
    return "", f"{where} its tables: name the database in the mandate"


def scope_of(
    snapshot: Snapshot, policy: Policy, mandate: Mandate, standing: Standing, today: datetime.date
) -> Scope:
    """What the mandate comes to, and all reasons against it.

    The snapshot has the documents (`documented`). Raises `Unread` when roles, relations, columns or
    definitions could not be read.
    """
    name, missing = mandate_database(snapshot, policy, mandate)
    reasons = list(_of_paper(snapshot, policy, mandate, today))
    reasons += _of_role(snapshot, mandate, standing)
    superuser, opener = snapshot.server.superuser, snapshot.server.inspected_as
    if missing:
        return Scope(mandate, "", (), (), (*reasons, missing), False, superuser, opener)
    database = next(one for one in snapshot.inspected if one.name == name)
    if standing.schema and not standing.own_schema:
        reasons.append("its schema is there already and is not its own: drop it, or name the mandate anew")
    reader = _Reader(database, policy, mandate, standing)
    tables = tuple(one for entry in reader.entries if (one := reader.table(entry)) is not None)
    reasons += reader.reasons
    reasons += _of_contract(policy, mandate, tables, reader.categories)
    closed = doors(snapshot, policy, name, tables, mandate.name, standing.several)
    row = next(one for one in snapshot.databases if one.name == name)
    connects = not is_public(snapshot.grants(row.acl), "CONNECT")
    return Scope(mandate, name, tables, closed, tuple(reasons), connects, superuser, opener)


def _of_paper(snapshot: Snapshot, policy: Policy, mandate: Mandate, today: datetime.date) -> Iterator[str]:
    if mandate.until < today:
        yield f"its window ended on {mandate.until}"
    if mandate.instructed_on > today:
        yield f"it was not instructed before {mandate.instructed_on}"
    if mandate.document:
        found = (snapshot.documents or {}).get(mandate.document)
        if found is None:
            yield f"nobody looked at the instruction {mandate.document}"
        elif found.reason:
            yield f"the instruction {mandate.document} cannot be read: {found.reason}"
        elif found.sha256 != mandate.sha256:
            yield f"the instruction {mandate.document} is not the one whose sha256 was declared"
    else:
        yield "it names no document with the instruction"
    contract = next((one for one in policy.contract if one.name == mandate.contract), None)
    if contract is None:
        yield f"the register has no contract {mandate.contract}"
    elif not contract.holds_on(max(today, mandate.start)) or not contract.holds_on(mandate.until):
        yield f"the contract {mandate.contract} is not in force from today to the end of the window"


def _of_contract(
    policy: Policy, mandate: Mandate, tables: tuple[ScopeTable, ...], categories: dict[tuple[str, str], str]
) -> Iterator[str]:
    contract = next((one for one in policy.contract if one.name == mandate.contract), None)
    if contract is None:
        return
    beyond: dict[str, list[str]] = {}
    for table in tables:
        for column in table.columns:
            category = categories.get((table.table, column), "none")
            if category not in NOT_SENSITIVE and category not in contract.data_types:
                beyond.setdefault(category, []).append(f"{table.table}.{ident(column)}")
    for category, columns in sorted(beyond.items()):
        yield f"the contract {mandate.contract} is not about {category}: {', '.join(columns)}"


def _of_role(snapshot: Snapshot, mandate: Mandate, standing: Standing) -> Iterator[str]:
    role = mandate.role
    if (
        role.startswith("pg_")
        or role in ("public", "none")
        or len(role.encode()) > _LONGEST
        or "\x00" in role
    ):
        yield "its role has a name that no role can be given"
    elif (standing.role or snapshot.role(role) is not None) and not standing.own_role:
        yield f"there is a role {ident(role)} already, and it is not this mandate's"


class _Reader:
    """Reads the tables of a mandate and gathers what is wrong with them."""

    def __init__(
        self, database: DatabaseSnapshot, policy: Policy, mandate: Mandate, standing: Standing
    ) -> None:
        self.database = database
        self.mandate = mandate
        self.standing = standing
        self.entries = [one for one in policy.mandate_table if one.mandate == mandate.name]
        self.reasons: list[str] = []
        self.categories: dict[tuple[str, str], str] = {}
        self._classified: dict[tuple[int, int], Classified] = {
            (one.relation.oid, one.column.number): one for one in classify(database, policy)
        }
        self._schemas = {one.name: one for one in database.schemas}
        if not self.entries:
            self.reasons.append("no [[mandate_table]] says what it takes")
        views: dict[str, str] = {}
        for entry in self.entries:
            other = views.setdefault(view_of(entry.table), entry.table)
            if other != entry.table or sum(one.table == entry.table for one in self.entries) > 1:
                self.reasons.append(f"{entry.table}: it is there twice, or its view has the name of another")

    def table(self, entry: MandateTable) -> ScopeTable | None:
        relation = _table(self.database, entry.table)
        if relation is None:
            self.reasons.append(f"there is no table {entry.table}: give schema.table")
            return None
        if relation.kind not in "rp" or relation.system:
            kind = _KINDS.get(relation.kind, "the system's")
            self.reasons.append(f"{entry.table} is {kind}: a mandate is about tables")
            return None
        known = {one.name: one for one in catalog.columns(self.database, relation.oid)}
        columns = [_column(known, name) for name in entry.columns]
        missing = [name for name, one in zip(entry.columns, columns, strict=True) if one is None]
        self.reasons += [f"{entry.table} has no column {name}" for name in missing]
        found = [one for one in columns if one is not None]
        if len({one.name for one in found}) < len(found):
            self.reasons.append(f"{entry.table}: a column is named twice")
        if (self.database.name, relation.schema, relation.name) in self.standing.several:
            said = "tables inherit from it and from others: which rows are its own cannot be followed"
            self.reasons.append(f"{entry.table}: {said}")
        rows = self._rows(entry, known)
        form, why = self._form(entry, relation)
        names = [one.name for one in found]
        row = self._schemas.get(relation.schema)
        return ScopeTable(
            written=entry.table,
            schema=relation.schema,
            name=relation.name,
            owner=relation.owner,
            columns=tuple(names),
            rows=rows,
            ceiling=entry.ceiling,
            form=form,
            why=why,
            encloses=form == "policy" and not self._was_secured(relation),
            names_schema=row is not None and not is_public(self.database.grants(row.acl), "USAGE"),
            parts=len(catalog.children(self.database, relation.oid)),
            looks=tuple(self._looks(entry, relation, found, names)),
        )

    def _rows(self, entry: MandateTable, known: dict[str, Column]) -> str:
        if not entry.rows.strip():
            return ""
        try:
            predicate = read_predicate(entry.rows)
        except Unparsable as error:
            self.reasons.append(f"{entry.table}: the condition on its rows is refused: {error}")
            return ""
        misfits = predicate_misfits(predicate, {name: one.type for name, one in known.items()})
        self.reasons += [f"{entry.table}: the condition on its rows does not fit: {one}" for one in misfits]
        return predicate.sql

    def _looks(
        self, entry: MandateTable, relation: Relation, found: list[Column], names: list[str]
    ) -> Iterator[Look]:
        for column in found:
            judged = self._classified.get((relation.oid, column.number))
            category: str = judged.category if judged else "none"
            self.categories[f"{ident(relation.schema)}.{ident(relation.name)}", column.name] = category
            decided = judged is not None and judged.decided_by != "detector"
            reason = looked_at(self.database, column, category, names, decided=decided)
            if reason:
                seen = any(one in (column.name, ident(column.name)) for one in entry.reviewed)
                yield Look(column.name, reason, seen)

    def _was_secured(self, relation: Relation) -> bool:
        """Whether row security was on before the mandate."""
        others = policies_of(self.mandate.name)[2]
        return relation.row_security and others not in {one.name for one in self._policies(relation)}

    def _policies(self, relation: Relation) -> list[RowPolicy]:
        return [one for one in self.database.row_policies if one.relation == relation.oid]

    def _form(self, entry: MandateTable, relation: Relation) -> tuple[Form, str]:
        own = policies_of(self.mandate.name)
        policies = [one for one in self._policies(relation) if one.name not in own]
        foreign = [
            one for one in policies if one.name.startswith("mandate_") and one.name.endswith("_others")
        ]
        if foreign:
            self.reasons.append(
                f"{entry.table}: another mandate switched row security on ({foreign[0].name}): close it first"
            )
        if self._was_secured(relation):
            if entry.form == "view":
                self.reasons.append(
                    f"{entry.table} has row security, which the owner of a view may pass by: use policy"
                )
            restrictive = [ident(one.name) for one in policies if not one.permissive and PUBLIC in one.roles]
            more = f"; {', '.join(restrictive)} may keep mandated rows back" if restrictive else ""
            return "policy", f"it has row security already, which the owner of a view may pass by{more}"
        if entry.form == "policy":
            # only its own, when it is open already
            forced = relation.force_row_security and len(policies) == len(self._policies(relation))
            if forced:
                self.reasons.append(f"{entry.table} has row security forced and not switched on: use view")
            if policies:
                self.reasons.append(
                    f"{entry.table} has policies and no row security: switching it on would wake them up: "
                    "use view"
                )
            return "policy", "asked for by the mandate"
        return "view", "it has no row security; nobody else notices a view"


def _table(database: DatabaseSnapshot, name: str) -> Relation | None:
    known: dict[str, Relation] | None = database._memo.get("relations by written name")
    if known is None:
        known = {}
        for one in database.relations:
            for written in table_names(one):
                known.setdefault(written, one)
        database._memo["relations by written name"] = known
    return known.get(name)


def _column(known: dict[str, Column], name: str) -> Column | None:
    if name in known:
        return known[name]
    return next((one for written, one in known.items() if ident(written) == name), None)
