"""Two snapshots side by side: which databases, roles and objects are the same ones.

Things are paired by their names. What was renamed is found by its oid, which is sound only inside one
cluster; two snapshots are taken for one where everything that bears the same name in both has the same oid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pgguard.model.rows import Acl, Grant
from pgguard.model.section import Missing
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function, Relation
    from pgguard.model.section import Sections

Row = TypeVar("Row")
# below this initdb made it, and every cluster has it with the same oid
_FIRST_OWN_OID = 16384
# the fields that name a role, whatever the section
_ROLE_FIELDS = ("owner", "role", "member", "grantor")


class Pair(NamedTuple):
    """One database before and after; of a new or dropped one the other side is empty."""

    before: DatabaseSnapshot
    after: DatabaseSnapshot

    @property
    def name(self) -> str:
        """Its name now, or the last that it had."""
        return self.after.name or self.before.name


class Comparison(NamedTuple):
    """Both snapshots under one policy.

    In `before` the roles bear the names of today; `as_read` is that side as it was, `renamed` leads from
    old names of roles to new ones.
    """

    before: Snapshot
    after: Snapshot
    policy: Policy
    as_read: Snapshot
    renamed: Mapping[str, str]
    same_cluster: bool
    pairs: tuple[Pair, ...]


def compared(before: Snapshot, after: Snapshot, policy: Policy) -> Comparison:
    """The comparison of two snapshots, with the databases that both sides know."""
    same = is_same_cluster(before, after)
    renamed = _renamed_roles(before, after) if same else {}
    translated = _with_roles(before, renamed) if renamed else before
    return Comparison(
        translated, after, policy, before, renamed, same, tuple(_pairs(translated, after, same))
    )


def is_same_cluster(before: Snapshot, after: Snapshot) -> bool:
    """Whether what has the same name in both has the same oid, and there is something of the kind."""
    met = False
    for section in ("roles", "databases"):
        if section in before.missing() or section in after.missing():
            return False
        known = {row.name: row.oid for row in before.rows(section)}
        for row in after.rows(section):
            oid = known.get(row.name)
            if oid is not None and oid != row.oid:
                return False
            met = met or (oid is not None and oid >= _FIRST_OWN_OID)
    return met


def not_inspected(
    before: Snapshot, after: Snapshot, only: Collection[str] | None = None
) -> Iterator[tuple[str, str]]:
    """The databases that a side has and did not look into, with the side: before, after or both.

    PostgreSQL's templates, which an inspection leaves out, are not among them; with `only` no others are.
    """
    found = _not_inspected(before, after)
    yield from ((name, side) for name, side in found if only is None or name in only)


def _not_inspected(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    if "databases" in before.missing() or "databases" in after.missing():
        return
    seen = {
        "before": {one.name for one in before.inspected},
        "after": {one.name for one in after.inspected},
    }
    had = {row.name: row for row in before.databases}
    for row in after.databases:
        if row.name in ("template0", "template1"):
            continue
        lacking = [
            side
            for side, names in seen.items()
            if row.name not in names and (side == "after" or row.name in had)
        ]
        if lacking:
            yield row.name, "both" if len(lacking) > 1 else lacking[0]
    now = {row.name for row in after.databases}
    for name in had:
        if name not in now and name not in seen["before"] and name not in ("template0", "template1"):
            yield name, "before"


def paired(
    before: Iterable[Row], after: Iterable[Row], key: Callable[[Row], Hashable]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of both sides by a key that is one row's alone; in order of the second, then what is gone."""
    old = {key(row): row for row in before}
    for row in after:
        yield old.pop(key(row), None), row
    for gone in old.values():
        yield gone, None


def relations(comparison: Comparison, pair: Pair) -> Sequence[tuple[Relation | None, Relation | None]]:
    """The relations of both sides, also those that were renamed."""
    return _objects(comparison, pair, "relations", lambda row: (row.schema, row.name, row.kind == "S"))


def functions(comparison: Comparison, pair: Pair) -> Sequence[tuple[Function | None, Function | None]]:
    """The functions of both sides, also those that were renamed."""
    return _objects(comparison, pair, "functions", lambda row: (row.schema, row.name, row.arguments))


def _objects(
    comparison: Comparison, pair: Pair, section: str, key: Callable[[Any], Hashable]
) -> list[tuple[Any, Any]]:
    memo = pair.after._memo.setdefault(("drift pairs", section), {})
    known: list[tuple[Any, Any]] | None = memo.get(id(pair.before))
    if known is None:
        rows = list(paired(pair.before.rows(section), pair.after.rows(section), key))
        known = memo[id(pair.before)] = _with_renamed(rows) if comparison.same_cluster else rows
    return known


def _with_renamed(rows: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    gone = {old.oid: old for old, new in rows if new is None}
    come = {new.oid for old, new in rows if old is None}
    moved = gone.keys() & come
    if not moved:
        return rows
    return [
        (gone[new.oid] if new is not None and old is None and new.oid in moved else old, new)
        for old, new in rows
        if not (new is None and old.oid in moved)
    ]


def unchanged(pair: Pair, *sections: str) -> bool:
    """Whether sections of one database hold the same on both sides, counts of rows and pages aside."""
    return all(_content(pair.before, name) == _content(pair.after, name) for name in sections)


def same_cluster_sections(comparison: Comparison, *sections: str) -> bool:
    """Whether sections of the cluster hold the same on both sides."""
    return all(comparison.before.rows(name) == comparison.after.rows(name) for name in sections)


def same_shape(pair: Pair) -> bool:
    """Whether both sides have the same tables and columns, whoever owns them or has something granted."""
    return bool(_shape(pair.before) == _shape(pair.after))


def _shape(database: DatabaseSnapshot) -> Any:
    key = "drift shape"
    if key not in database._memo:
        relations = tuple(
            (row.oid, row.schema, row.name, row.kind, row.parent, row.is_partition, row.extension)
            for row in database.relations
        )
        database._memo[key] = relations, tuple(row._replace(acl="") for row in database.columns)
    return database._memo[key]


def _content(sections: Sections, name: str) -> Any:
    rows = sections.rows(name)
    if name != "relations":
        return rows
    key = "relations without counts"
    if key not in sections._memo:
        sections._memo[key] = tuple(row._replace(estimated_rows=0.0, pages=0) for row in rows)
    return sections._memo[key]


def _pairs(before: Snapshot, after: Snapshot, same_cluster: bool) -> Iterator[Pair]:
    old = {one.name: one for one in before.inspected}
    names = {} if not same_cluster else _renamed(before.databases, after.databases)
    former = {new: name for name, new in names.items()}
    known = "databases" not in before.missing() and "databases" not in after.missing()
    had = {row.name for row in before.databases} if known else set()
    has = {row.name for row in after.databases} if known else set()
    for one in after.inspected:
        was = old.pop(former.get(one.name, one.name), None)
        if was is not None:
            yield Pair(was, one)
        elif known and one.name not in had and one.name not in former:
            yield Pair(_empty(""), one)
    for name, was in old.items():
        if known and name not in has:
            yield Pair(was, _empty(""))


def _empty(name: str) -> DatabaseSnapshot:
    return DatabaseSnapshot(dict.fromkeys(DatabaseSnapshot.section_types(), ()), name)


def _renamed_roles(before: Snapshot, after: Snapshot) -> Mapping[str, str]:
    return _renamed(before.roles, after.roles)


def _renamed(before: Iterable[Any], after: Iterable[Any]) -> dict[str, str]:
    """From the old names to the new ones, of rows that kept their oid."""
    now = {row.oid: row.name for row in after}
    names = set(now.values())
    was = {row.oid: row.name for row in before}
    known = set(was.values())
    return {
        name: now[oid]
        for oid, name in was.items()
        if oid in now and name not in names and now[oid] not in known
    }


def _with_roles(snapshot: Snapshot, renamed: Mapping[str, str]) -> Snapshot:
    """The snapshot with roles under other names, in all that names a role but pg_hba.conf."""
    inspected = []
    for one in snapshot.inspected:
        found = DatabaseSnapshot(_translated(one, renamed), one.name)
        inspected.append(found if one.samples is None else found.sampled(one.samples))
    return Snapshot(_translated(snapshot, renamed), inspected, snapshot.target)


def _translated(sections: Sections, renamed: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    missing = sections.missing()
    for name, row in sections.section_types().items():
        if name in missing:
            found[name] = Missing(missing[name])
            continue
        rows = sections.rows(name)
        if row is Acl:
            found[name] = tuple(_acl(one, renamed) for one in rows)
            continue
        fields = [field for field in _ROLE_FIELDS if field in row._fields]
        if name == "roles":
            fields = ["name"]
        if name == "memberships":
            fields = ["role", "member", "grantor"]
        if fields:
            rows = tuple(_renamed_row(one, fields, renamed) for one in rows)
        if name == "row_policies":
            rows = tuple(
                one._replace(roles=tuple(renamed.get(role, role) for role in one.roles)) for one in rows
            )
        found[name] = rows
    return found


def _renamed_row(row: Any, fields: Sequence[str], renamed: Mapping[str, str]) -> Any:
    changed = {field: renamed[getattr(row, field)] for field in fields if getattr(row, field) in renamed}
    return row._replace(**changed) if changed else row


def _acl(acl: Acl, renamed: Mapping[str, str]) -> Acl:
    return Acl(
        acl.key,
        tuple(
            Grant(
                renamed.get(one.grantee, one.grantee),
                one.privilege,
                one.grantable,
                renamed.get(one.grantor, one.grantor),
            )
            for one in acl.grants
        ),
    )
