"""What else opens or closes something: owners, default privileges, grant options, extensions, databases,
identity maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.drift.comparison import functions, paired, relations, unchanged
from pgguard.analysis.drift.difference import Area, Difference, Direction, narrowed, plain
from pgguard.analysis.drift.sensitive import names
from pgguard.analysis.names import function_name, relation_name
from pgguard.model.finding import Severity
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.model.rows import DefaultAcl, Grant, IdentRule
    from pgguard.model.snapshot import DatabaseSnapshot

# extensions that reach outside the database, or keep a trace
_REACH_OUT = frozenset(
    {
        "dblink", "http", "pg_net", "adminpack", "file_fdw", "postgres_fdw", "mysql_fdw", "oracle_fdw",
        "tds_fdw", "plperlu", "plpython3u", "plpython2u", "plpythonu", "pltclu", "plsh", "plr", "lo",
        "pg_cron", "pageinspect", "pg_surgery", "pg_read_wal", "pg_walinspect", "pgrowlocks",
    }
)  # fmt: skip
_TRACES = frozenset({"pgaudit", "pgauditlogtofile", "set_user", "pgtrail", "temporal_tables"})
_KINDS = {
    "r": "tables",
    "S": "sequences",
    "f": "functions",
    "T": "types",
    "n": "schemas",
    "L": "large objects",
}


def databases(comparison: Comparison) -> Iterator[Difference]:
    """Databases that are new, gone or open to other numbers of sessions. Needs databases."""
    old_oids = {row.oid: row.name for row in comparison.before.databases} if comparison.same_cluster else {}
    names = {row.name for row in comparison.after.databases}
    moved = {old_oids[row.oid] for row in comparison.after.databases if row.oid in old_oids}
    known = {row.name for row in comparison.before.databases}
    for was, now in paired(comparison.before.databases, comparison.after.databases, lambda one: one.name):
        if was is None and now is not None:
            former = old_oids.get(now.oid)
            if former is not None and former not in names:
                yield plain("object", "database", now.name, f"was called {ident(former)}", Direction.NEUTRAL)
            else:
                yield plain("object", "database", now.name, "is new", Direction.WIDENED, Severity.MEDIUM)
        elif now is None and was is not None:
            if was.name not in moved or was.name not in known:
                yield plain("object", "database", was.name, "is gone", Direction.NARROWED)
        elif was is not None and now is not None:
            if was.owner != now.owner:
                yield _owner("database", ident(now.name), was.owner, now.owner, None, Severity.HIGH)
            if was.allow_connections != now.allow_connections:
                opened = now.allow_connections
                yield plain(
                    "object",
                    "database",
                    now.name,
                    "accepts connections now" if opened else "accepts no connections any more",
                    Direction.WIDENED if opened else Direction.NARROWED,
                    Severity.MEDIUM,
                )


def ident_rules(comparison: Comparison) -> Iterator[Difference]:
    """pg_ident.conf: which outside identity may be which login, by maps that pg_hba.conf names.

    Needs hba_rules, and ident_rules (15 and later) where a rule names a map.
    """
    used = {
        option.removeprefix("map=")
        for side in (comparison.before, comparison.after)
        for rule in side.hba_rules
        for option in rule.options
        if option.startswith("map=")
    }
    if not used:
        return

    def key(one: IdentRule) -> tuple[str, str, str]:
        return one.map, one.system_user, one.database_user

    old = (one for one in comparison.before.ident_rules if one.map in used and not one.error)
    new = (one for one in comparison.after.ident_rules if one.map in used and not one.error)
    for was, now in paired(old, new, key):
        if was is not None and now is not None:
            continue
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        yield Difference(
            "authentication",
            Direction.WIDENED if now else Direction.NARROWED,
            Severity.HIGH if now else Severity.LOW,
            "identity",
            (row.system_user,),
            f"may {'now' if now else 'no longer'} log in as {row.database_user} by map {row.map}",
        )


def version(comparison: Comparison) -> Iterator[Difference]:
    """Another version of PostgreSQL, a standby that became the primary."""
    was, now = comparison.before.server, comparison.after.server
    if was.version_num != now.version_num:
        older = now.version_num < was.version_num
        yield Difference(
            "server",
            Direction.WIDENED if older else Direction.NEUTRAL,
            Severity.MEDIUM if older else Severity.LOW,
            "server",
            ("PostgreSQL",),
            f"is {now.version} now",
            tail=f"(before: {was.version})",
        )
    if was.in_recovery != now.in_recovery:
        does = "is a standby now" if now.in_recovery else "is a primary now"
        yield Difference("server", Direction.NEUTRAL, Severity.LOW, "server", ("the server",), does)


def owners(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Objects that belong to another role now, who may do with them as it likes.

    Needs relations, functions, schemas and columns.
    """
    for old, new in relations(comparison, pair):
        if old and new and old.owner != new.owner:
            name = relation_name(new)
            severity = Severity.HIGH if name in names(comparison, pair) else Severity.MEDIUM
            yield _owner("table", name, old.owner, new.owner, pair.name, severity)
        if old and new and relation_name(old) != relation_name(new):
            yield Difference(
                "object",
                Direction.NEUTRAL,
                Severity.LOW,
                "table",
                (relation_name(new),),
                f"was called {relation_name(old)}",
                database=pair.name,
            )
    for was, now in functions(comparison, pair):
        if was and now and was.owner != now.owner and not now.definer:
            yield _owner("function", function_name(now), was.owner, now.owner, pair.name, Severity.MEDIUM)
    for before, after in paired(pair.before.schemas, pair.after.schemas, lambda one: one.name):
        if before and after and before.owner != after.owner:
            yield _owner("schema", ident(after.name), before.owner, after.owner, pair.name, Severity.MEDIUM)


class _Option(NamedTuple):
    grantee: str
    privilege: str


def grant_options(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Who may hand on what it holds (WITH GRANT OPTION). Needs what has an ACL."""
    if unchanged(pair, "relations", "columns", "functions", "schemas", "acls"):
        return
    memo: dict[tuple[str, str, str, str], tuple[frozenset[_Option], frozenset[_Option]]] = {}
    for name, old_acl, new_acl, old_owner, new_owner in _acls(comparison, pair):
        key = (old_acl, new_acl, old_owner, new_owner)
        if key not in memo:
            was = _options(pair.before.grants(old_acl), old_owner)
            now = _options(pair.after.grants(new_acl), new_owner)
            memo[key] = now - was, was - now
        for found, does, direction in (
            (memo[key][0], "may now hand on", Direction.WIDENED),
            (memo[key][1], "may no longer hand on", Direction.NARROWED),
        ):
            for option in sorted(found):
                yield Difference(
                    "access",
                    direction,
                    narrowed(Severity.MEDIUM, direction),
                    "role",
                    (grantee(option.grantee),),
                    f"{does} {option.privilege} on",
                    (name,),
                    tail="(WITH GRANT OPTION)",
                    database=pair.name,
                )


def _acls(comparison: Comparison, pair: Pair) -> Iterator[tuple[str, str, str, str, str]]:
    for old, new in relations(comparison, pair):
        if old and new:
            yield relation_name(new), old.acl, new.acl, old.owner, new.owner
            old_columns = {one.name: one.acl for one in catalog.columns(pair.before, old.oid)}
            for column in catalog.columns(pair.after, new.oid):
                was = old_columns.get(column.name, "")
                if was or column.acl:
                    name = f"{relation_name(new)}.{ident(column.name)}"
                    yield name, was, column.acl, old.owner, new.owner
        elif new:
            yield relation_name(new), "", new.acl, "", new.owner
    for before, after in functions(comparison, pair):
        if before and after:
            yield function_name(after), before.acl, after.acl, before.owner, after.owner
        elif after:
            yield function_name(after), "", after.acl, "", after.owner
    for one, other in paired(pair.before.schemas, pair.after.schemas, lambda row: row.name):
        if one and other:
            yield f"schema {ident(other.name)}", one.acl, other.acl, one.owner, other.owner


def _options(grants: Iterable[Grant], owner: str) -> frozenset[_Option]:
    return frozenset(
        _Option(one.grantee, one.privilege) for one in grants if one.grantable and one.grantee != owner
    )


def default_privileges(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """What objects to come will be open to. Needs default_acls and acls."""

    def key(one: DefaultAcl) -> tuple[str, str, str]:
        return one.role, one.schema, one.kind

    for was, now in paired(pair.before.default_acls, pair.after.default_acls, key):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        old = _entries(pair.before, was) if was else _built_in(row)
        new = _entries(pair.after, now) if now else _built_in(row)
        where = f" in schema {ident(row.schema)}" if row.schema else ""
        of = f"{_KINDS.get(row.kind, 'objects')} that {ident(row.role)} makes{where}"
        for found, does, direction in (
            (new - old, "will hold", Direction.WIDENED),
            (old - new, "will no longer hold", Direction.NARROWED),
        ):
            for name in sorted({one.grantee for one in found}):
                privileges = sorted(one.privilege for one in found if one.grantee == name)
                severity = Severity.HIGH if name == PUBLIC else Severity.MEDIUM
                yield Difference(
                    "default-privileges",
                    direction,
                    narrowed(severity, direction),
                    "role",
                    (grantee(name),),
                    f"{does} {', '.join(privileges)} on",
                    (of,),
                    "kind",
                    database=pair.name,
                )


def _entries(database: DatabaseSnapshot, row: DefaultAcl) -> frozenset[_Option]:
    return frozenset(
        _Option(one.grantee, one.privilege) for one in database.grants(row.acl) if one.grantee != row.role
    )


def _built_in(row: DefaultAcl) -> frozenset[_Option]:
    """What holds without ALTER DEFAULT PRIVILEGES: one for a schema adds, one for everywhere replaces."""
    if row.schema:
        return frozenset()
    own = {"f": "EXECUTE", "T": "USAGE"}.get(row.kind)
    return frozenset({_Option(PUBLIC, own)} if own else ())


def extensions(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Extensions. Needs extensions."""
    for was, now in paired(pair.before.extensions, pair.after.extensions, lambda one: one.name):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        allowed = row.name in comparison.policy.allow.extensions
        if was is None:
            severity = Severity.HIGH if row.name in _REACH_OUT and not allowed else Severity.MEDIUM
            found = ("is installed now", Direction.WIDENED, severity, f"(version {row.version})")
        elif now is None:
            traces = row.name in _TRACES
            direction = Direction.WIDENED if traces else Direction.NARROWED
            found = ("is gone", direction, Severity.CRITICAL if traces else Severity.LOW, "")
        elif was.version != now.version:
            tail = f"(before: {was.version})"
            found = (f"is of version {now.version} now", Direction.NEUTRAL, Severity.LOW, tail)
        elif was.owner != now.owner:
            found = (f"belongs to {ident(now.owner)} now", Direction.CHANGED, Severity.MEDIUM, "")
        else:
            continue
        does, direction, severity, tail = found
        area: Area = (
            "audit" if row.name in _TRACES and direction is Direction.WIDENED and not now else "extension"
        )
        yield Difference(
            area, direction, severity, "extension", (ident(row.name),), does, tail=tail, database=pair.name
        )


def _owner(noun: str, name: str, was: str, now: str, database: str | None, severity: Severity) -> Difference:
    return Difference(
        "ownership",
        Direction.CHANGED,
        severity,
        noun,
        (name,),
        f"belongs to {ident(now)} now",
        tail=f"(before: {ident(was)})",
        database=database,
    )
