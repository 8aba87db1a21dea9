"""The planner's statistics show values of a sensitive column to a login that may not read it.

Why it matters: ANALYZE copies the most frequent values of every column, names and diagnoses among them,
into pg_statistic; who reads them there, or past a view or row security, needs no grant on the table.

How to fix: ALTER TABLE ... ALTER COLUMN ... SET STATISTICS 0 and clear what was kept (queries on the column
may get slower plans), or take the grant on the catalog back; install the minor version that has the
correction.

Silent when: nothing is kept of the column (target 0, and no old rows), or only ciphertext; whoever reads the
statistics may read the column and all of its rows; declared administrators. The grant on the catalog is
told by grant-catalog-secrets whatever it shows, an old minor version by patch-outdated.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.able import able, acting_as
from pgguard.analysis.access import READ_ALL
from pgguard.analysis.bodies import parsed
from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.grouping import MOST, place
from pgguard.analysis.names import database_subject, relation_name, relation_subject, shorten
from pgguard.analysis.privileges import of_column, of_relation, of_schema
from pgguard.analysis.row_security import limits
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.sqltree import walk, words
from pgguard.analysis.versions import lacks
from pgguard.analysis.views import is_invoker, shows
from pgguard.changes.manual import by_hand
from pgguard.changes.statistics import clear_statistics, drop_statistics, set_statistics_target
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.rows import ExtendedStatistics, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 32",
    "CVE-2025-8713",
    "CVE-2019-10130",
    "CVE-2024-4317",
    "PostgreSQL manual, 14.2 Statistics Used by the Planner",
)
_KEEPING = ("pg_statistic", "pg_statistic_ext_data")
_VALUES = ("stavalues", "stxdmcv", "stxdexpr")
# kinds of extended statistics that hold values
_HOLDING = frozenset("me")

Key = tuple[int, int]


class _Seen(NamedTuple):
    """A column with the logins that see values of it which they may not read."""

    column: Sensitive
    strangers: frozenset[str]


class _Past(NamedTuple):
    """A column that a flaw of the server shows: past what, to whom, by which flaw."""

    column: Sensitive
    past: str
    strangers: frozenset[str]
    cve: str


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    administrators = frozenset(policy.administrators.roles)
    for database in snapshot.inspected:
        columns = {
            (one.relation.oid, one.column.number): one
            for one in sensitive_columns(database, policy)
            if one.category not in TRACES
            and stored(snapshot, database, one.relation, one.column) is Stored.CLEAR
        }
        if columns:
            yield from _read_in_catalog(snapshot, database, columns, administrators)
            yield from _read_past_guards(snapshot, database, columns, administrators)
            yield from _shown_by_view(snapshot, database, columns)


def _read_in_catalog(
    snapshot: Snapshot, database: DatabaseSnapshot, columns: Mapping[Key, Sensitive], aside: frozenset[str]
) -> Iterator[Finding]:
    plain, extended = (_readers(snapshot, database, name) - aside for name in _KEEPING)
    kept = _kept(database) if plain else {}
    objects = _objects(database) if extended else {}
    seen = []
    for key, one in columns.items():
        readers = (plain if key in kept else frozenset()) | (extended if key in objects else frozenset())
        strangers = _strangers(snapshot, database, one, readers)
        if strangers:
            seen.append(_Seen(one, strangers))
    tables: dict[int, list[_Seen]] = {}
    for found in seen:
        tables.setdefault(found.column.relation.oid, []).append(found)
    groups = [seen] if len(tables) > MOST else list(tables.values())
    for group in groups:
        names = [_name(one.column) for one in group]
        who = sorted(frozenset[str]().union(*(one.strangers for one in group)))
        relations = [one.column.relation for one in group]
        fixes = (change for one in group for change in _fixes(snapshot, database, one.column, kept, objects))
        yield Finding(
            place(database, (one.schema for one in relations))
            if len(tables) > MOST
            else relation_subject(database, relations[0]),
            f"{shorten([ident(name) for name in who], 3)} can read values of {shorten(names, 3)} "
            "in the planner's statistics, and may not read the column or all of its rows",
            fix=tuple(dict.fromkeys(fixes)),
        )


def _readers(snapshot: Snapshot, database: DatabaseSnapshot, name: str) -> frozenset[str]:
    """The logins that read a catalog of statistics."""
    readers: frozenset[str] = frozenset()
    relation = catalog.relation_named(database, "pg_catalog", name)
    if relation is not None:
        readers |= able(snapshot, database, of_relation(database, relation), "SELECT")
        for column in catalog.columns(database, relation.oid):
            if column.acl and column.name.startswith(_VALUES):
                readers |= able(snapshot, database, of_column(database, relation, column), "SELECT")
    if snapshot.role(READ_ALL) is not None:
        readers |= acting_as(snapshot, database, READ_ALL)
    return readers


def _strangers(
    snapshot: Snapshot, database: DatabaseSnapshot, one: Sensitive, readers: frozenset[str]
) -> frozenset[str]:
    if not readers:
        return readers
    allowed = able(snapshot, database, of_column(database, one.relation, one.column), "SELECT")
    if one.relation.row_security:
        allowed = frozenset(name for name in allowed if not limits(snapshot, database, one.relation, name))
    return readers - allowed


def _kept(database: DatabaseSnapshot) -> Mapping[Key, list[str]]:
    """The columns of which values are kept, with the indexes that keep values of an expression on them."""
    found: dict[Key, list[str]] = {
        (row.relation, number): [] for row in database.planner_statistics for number in row.columns
    }
    kept_of = {row.relation for row in database.planner_statistics}
    texts = {one.oid: one for one in database.definitions if one.kind == "index"}
    relations = catalog.relations(database)
    for index in database.indexes:
        if 0 not in index.columns or index.oid not in kept_of or index.oid not in texts:
            continue
        try:
            trees = list(parsed(database, texts[index.oid]))
        except Unparsable:
            trees = []
        names = _named(one["indexParams"] for tree in trees for one in tree.values() if "indexParams" in one)
        for column in catalog.columns(database, index.relation):
            if column.name in names:
                of = qualified(relations[index.relation].schema, index.name)
                found.setdefault((index.relation, column.number), []).append(of)
    return found


def _named(trees: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        name
        for tree in trees
        for kind, fields in walk(tree)
        if kind == "ColumnRef"
        for name in words(fields.get("fields"))[-1:]
    )


def _objects(database: DatabaseSnapshot) -> dict[Key, list[ExtendedStatistics]]:
    """The extended statistics that hold values, by the columns that they are on."""
    found: dict[Key, list[ExtendedStatistics]] = {}
    for one in database.extended_statistics:
        if not _HOLDING.isdisjoint(one.kinds):
            for number in (*one.columns, *one.expression_columns):
                found.setdefault((one.relation, number), []).append(one)
    return found


def _fixes(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    one: Sensitive,
    kept: Mapping[Key, list[str]],
    objects: Mapping[Key, list[ExtendedStatistics]],
) -> Iterator[Change]:
    key = (one.relation.oid, one.column.number)
    targets = {(row.relation, row.number): row.statistics_target for row in database.column_settings}
    if key in kept:
        target = targets.get(key, -1)
        if target != 0 and any(
            key[0] == row.relation and key[1] in row.columns for row in database.planner_statistics
        ):
            yield set_statistics_target(
                relation_name(one.relation), one.column.name, 0, target, database=database.name
            )
        for row in database.planner_statistics:
            if row.relation == one.relation.oid and one.column.number in row.columns:
                yield clear_statistics(
                    one.relation.schema,
                    one.relation.name,
                    one.column.name,
                    inherited=row.inherited,
                    major=snapshot.major,
                    database=database.name,
                )
    for index in kept.get(key, ()):
        yield by_hand(f"drop index {index}, or set the statistics target of its expression to 0 and clear it")
    for made in objects.get(key, ()):
        yield drop_statistics(qualified(made.schema, made.name), database=database.name)


def _read_past_guards(
    snapshot: Snapshot, database: DatabaseSnapshot, columns: Mapping[Key, Sensitive], aside: frozenset[str]
) -> Iterator[Finding]:
    """What an operator made for it reads on servers that lack a correction."""
    past = list(_past(snapshot, database, columns, aside))
    kept = _kept(database) if past else {}
    found = [one for one in past if (one.column.relation.oid, one.column.column.number) in kept]
    if not found:
        return
    names = list(dict.fromkeys(_name(one.column) for one in found))
    guards = list(dict.fromkeys(one.past for one in found))
    who = [ident(name) for name in sorted(frozenset[str]().union(*(one.strangers for one in found)))]
    version = snapshot.server.version.split(" ")[0]
    flaws = list(dict.fromkeys(one.cve for one in found))
    yield Finding(
        database_subject(database.name),
        f"PostgreSQL {version} lets {shorten(who, 3)} see values of {shorten(names, 3)} "
        f"in the planner's statistics, past {shorten(guards, 3)} ({', '.join(flaws)})",
        fix=(by_hand("install the newest minor version of a PostgreSQL that is supported"),),
    )


def _past(
    snapshot: Snapshot, database: DatabaseSnapshot, columns: Mapping[Key, Sensitive], aside: frozenset[str]
) -> Iterator[_Past]:
    flaws = _flaws()
    views, rows = (lacks(snapshot, flaws[name]["fixed"]) for name in ("views", "row_security"))
    if not views:
        # who lacks the older correction lacks the newer one
        return
    for view in database.relations:
        if view.kind != "v" or view.extension or view.system or is_invoker(view):
            continue
        shown = frozenset().union(*shows(database, view).columns)
        found = [columns[key] for key in sorted(shown & columns.keys())]
        outside = (_users(snapshot, database, view) - aside) if found else frozenset()
        for one in found:
            readers = able(snapshot, database, of_column(database, one.relation, one.column), "SELECT")
            if outside - readers:
                yield _Past(
                    one, f"the grants on {relation_name(view)}", outside - readers, flaws["views"]["cve"]
                )
    for one in columns.values():
        relation = one.relation
        inherits = bool(relation.parent) or bool(catalog.children(database, relation.oid))
        if not relation.row_security or not (rows or inherits):
            continue
        allowed = able(snapshot, database, of_column(database, relation, one.column), "SELECT") - aside
        limited = frozenset(name for name in allowed if limits(snapshot, database, relation, name))
        if limited:
            cve = flaws["row_security" if rows else "views"]["cve"]
            yield _Past(one, f"row security of {relation_name(relation)}", limited, cve)


def _users(snapshot: Snapshot, database: DatabaseSnapshot, view: Relation) -> frozenset[str]:
    """The logins that can name a view and may not read it."""
    for row in database.schemas:
        if row.name == view.schema:
            schema = of_schema(database, row.name, row.owner, row.acl)
            users = able(snapshot, database, schema, "USAGE")
            return users - able(snapshot, database, of_relation(database, view), "SELECT")
    return frozenset()


def _shown_by_view(
    snapshot: Snapshot, database: DatabaseSnapshot, columns: Mapping[Key, Sensitive]
) -> Iterator[Finding]:
    """Statistics on expressions, where pg_stats_ext still is the view that shows them to everybody."""
    flaw = _flaws()["expressions"]
    if snapshot.major < flaw["since"]:
        return
    for one in database.extended_statistics:
        found = [
            columns[one.relation, number]
            for number in one.expression_columns
            if (one.relation, number) in columns
        ]
        if found and not one.owner_only:
            yield Finding(
                Subject("relation", qualified(one.schema, one.name), database.name),
                f"pg_stats_ext_exprs shows values made of {shorten([_name(column) for column in found], 3)} "
                f"to every login ({flaw['cve']})",
                fix=(
                    by_hand(
                        f"in database {ident(database.name)}, run as superuser what the release notes of the "
                        f"minor version that corrects {flaw['cve']} give (fix-{flaw['cve']}.sql)"
                    ),
                ),
            )


@cache
def _flaws() -> dict[str, Any]:
    text = resources.files("pgguard").joinpath("data/planner_leaks.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _name(one: Sensitive) -> str:
    return qualified(one.relation.schema, one.relation.name, one.column.name)
