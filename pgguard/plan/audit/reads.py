"""The steps by which pgaudit writes down who reads sensitive columns, and what it does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pgguard.analysis import catalog
from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.membership import members
from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.read_audit import (
    LIBRARY,
    OURS,
    QUIET,
    REFERENCE,
    human_roles,
    is_loaded,
    missing,
    overrides,
    places,
)
from pgguard.analysis.settings import audit_classes, change, is_off
from pgguard.changes.read_audit import comment_on_reference, create_extension, grant_select, set_for_role
from pgguard.model.plan import Step
from pgguard.model.quote import ident, literal
from pgguard.plan.personal.changes import create_role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

PHASE = "audit"
# classes of statements: what event triggers never see, for everybody; what people read, for them
_EVERYBODY = ("role", "ddl")
_PEOPLE = ("read", "role", "ddl")
_SCHEMA = "pgguard"
_LOADED = (
    "pg_catalog.current_setting('pgaudit.log', true) IS NOT NULL",
    "pgaudit is not loaded: shared_preload_libraries has to name it, and the server has to be started anew",
)


class SensitiveTable(Protocol):
    """A table with the names of its sensitive columns."""

    @property
    def database(self) -> str: ...
    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...


def read_steps(
    snapshot: Snapshot, policy: Policy, tables: Sequence[SensitiveTable], *, whole: bool = False
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """What makes pgaudit write down the reads of these columns, as steps, and what people have to do or know.

    Without pgaudit there are no steps. With `whole` every read of the tables is written, whichever column it
    names: SELECT t FROM t, which names none, is seen then too. What is so already is left out.
    Raises `Unread` when roles, parameters or ACLs could not be read.
    """
    if not is_loaded(snapshot):
        return (), tuple(_without(tables))
    role = snapshot.setting("pgaudit.role").value or REFERENCE
    if tables and (why := _not_a_reference(snapshot, role)):
        return (), (why,)
    steps = [
        *_role(snapshot, role),
        *_databases(snapshot, tables, role, whole=whole),
        *_settings(snapshot, role),
        *_people(snapshot, policy),
    ]
    return tuple(steps), tuple(_by_hand(snapshot, policy, tables, role, whole=whole))


def _role(snapshot: Snapshot, role: str) -> Iterator[Step]:
    if snapshot.role(role) is not None:
        return
    yield Step(
        slug="audit_reads_role",
        title="The reference role by which pgaudit tells what is sensitive",
        why="pgaudit writes a line when a statement reads what this role may read; nobody logs in as it",
        changes=(
            create_role(role, "NOLOGIN", "NOT r.rolcanlogin AND NOT r.rolsuper"),
            comment_on_reference(role),
        ),
        phase=PHASE,
        checks=(_nobody(role),),
    )


def _nobody(role: str) -> tuple[str, str]:
    """That nobody can be the reference role, who would read what it may, and what to say otherwise."""
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)} "
        "AND NOT r.rolcanlogin AND NOT EXISTS ("
        "SELECT FROM pg_catalog.pg_auth_members AS m WHERE m.roleid = r.oid))",
        f"somebody can log in as {role} or is a member of it, and would read what is granted to it",
    )


def _not_a_reference(snapshot: Snapshot, role: str) -> str:
    known = snapshot.role(role)
    inside = sorted(members(snapshot, role)) if known is not None else []
    if known is None or not (known.login or inside):
        return ""
    who = f"its members {', '.join(map(ident, inside))}" if inside else "whoever logs in as it"
    return (
        f"reads: nothing is planned for them: the reference role {ident(role)} (pgaudit.role) is for nobody "
        f"to be, and {who} would read what is granted to it; take that away, or set pgaudit.role to '', and "
        "make this plan again"
    )


def _databases(
    snapshot: Snapshot, tables: Sequence[SensitiveTable], role: str, *, whole: bool
) -> Iterator[Step]:
    for database in snapshot.inspected:
        own = [one for one in tables if one.database == database.name]
        grants = list(_grants(snapshot, database, own, role, whole=whole))
        if own and not any(one.name == LIBRARY for one in database.extensions):
            yield Step(
                slug="audit_reads_extension",
                title="The extension pgaudit",
                why="without it the lines of DDL do not name the object",
                changes=(create_extension(LIBRARY, _SCHEMA, database=database.name),),
                database=database.name,
                phase=PHASE,
                asserts=(
                    _LOADED,
                    (
                        f"pg_catalog.to_regnamespace({literal(_SCHEMA)}) IS NOT NULL",
                        "the schema pgguard is not there: apply the file that installs the audit store first",
                    ),
                ),
            )
        if grants:
            yield Step(
                slug="audit_reads_columns",
                title="The columns of which reads are written down",
                why="pgaudit goes by what its reference role may read: no statement and no value is written",
                changes=tuple(grants),
                database=database.name,
                phase=PHASE,
                risk="the log grows by a line for each statement that reads one of these columns",
                asserts=(_nobody(role),),
            )


def _grants(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    tables: Sequence[SensitiveTable],
    role: str,
    *,
    whole: bool,
) -> Iterator[Change]:
    done: set[tuple[str, tuple[str, ...]]] = set()
    for table in tables:
        relation = catalog.relation_named(database, table.schema, table.name)
        if relation is None or not table.columns or table.schema in OURS:
            continue
        for held in places(database, relation, table.columns):
            lacking = missing(snapshot, database, role, held)
            everything = whole and held.relation.kind in "rpf"
            if everything:
                lacking = missing(snapshot, database, role, held._replace(columns=()))
            name = relation_name(held.relation)
            if lacking == () or (name, lacking or ()) in done:
                continue
            done.add((name, lacking or ()))
            yield grant_select(name, lacking or (), role, database=database.name)


def _settings(snapshot: Snapshot, role: str) -> Iterator[Step]:
    changes = []
    if snapshot.setting("pgaudit.role").value != role:
        changes.append(change(snapshot, "pgaudit.role", role))
    for name in QUIET:
        if snapshot.has_setting(name) and not is_off(snapshot.setting(name).value):
            changes.append(change(snapshot, name, "off"))
    if is_off(snapshot.setting("pgaudit.log_relation").value):
        changes.append(change(snapshot, "pgaudit.log_relation", "on"))
    if is_off(snapshot.setting("pgaudit.log_catalog").value):
        # pg_stats shows values of columns
        changes.append(change(snapshot, "pgaudit.log_catalog", "on"))
    # a call of what opens an encrypted column tells which column, and that it was opened
    opens = ("function",) if any(encrypted(one) for one in snapshot.inspected) else ()
    classes = _with(snapshot.setting("pgaudit.log").value, (*_EVERYBODY, *opens))
    if classes is not None:
        changes.append(change(snapshot, "pgaudit.log", classes))
    if changes:
        yield Step(
            slug="audit_reads_settings",
            title="pgaudit: reads of the reference role's columns, roles and DDL; no text, no value",
            why="with log_rows COPY and cursors vanish from it; with log_statement or log_parameter the log "
            "holds values of patients; role and ddl tell who did what event triggers do not see",
            changes=tuple(changes),
            phase=PHASE,
            asserts=(_LOADED,),
        )


def _people(snapshot: Snapshot, policy: Policy) -> Iterator[Step]:
    own = {
        one.role: one.value
        for one in snapshot.role_settings
        if one.name == "pgaudit.log" and not one.database and one.role
    }
    opens = ("function",) if any(encrypted(one) for one in snapshot.inspected) else ()
    changes = []
    for role in human_roles(snapshot, policy):
        classes = _with(own.get(role, ""), (*_PEOPLE, *opens))
        if classes is not None:
            changes.append(set_for_role(role, "pgaudit.log", classes, own.get(role)))
    if changes:
        yield Step(
            slug="audit_reads_people",
            title="Everything that people read is written down, by relation",
            why="a person at a tool reads what no program does: whole rows, copies, the planner's statistics",
            changes=tuple(changes),
            phase=PHASE,
            risk="sessions that are open go on as before",
            asserts=(_LOADED,),
        )


def _with(value: str, wanted: Sequence[str]) -> str | None:
    """A value of pgaudit.log with these classes too; None where it has them."""
    lacking = [one for one in wanted if one not in audit_classes(value)]
    if not lacking:
        return None
    before = [] if value.strip().lower() in ("", "none") else [value]
    return ", ".join([*before, *lacking])


def _without(tables: Sequence[SensitiveTable]) -> Iterator[str]:
    if tables:
        yield (
            "reads: pgaudit is not loaded, so that nothing is planned for them and nothing tells who reads "
            f"{shorten([f'{one.schema}.{one.name}' for one in tables], 3)}: install the package of pgaudit "
            "for this version (Debian: postgresql-NN-pgaudit), add pgaudit to shared_preload_libraries, "
            "start the server anew, and make this plan again; until then `pgguard audit ingest` has what "
            "log_statement writes, which is nothing unless it is all: then patients' values are in the log"
        )


def _by_hand(
    snapshot: Snapshot, policy: Policy, tables: Sequence[SensitiveTable], role: str, *, whole: bool
) -> Iterator[str]:
    if not tables:
        return
    for name, database, parameter, value in overrides(snapshot):
        of = f"role {ident(name)}" if name else "all roles"
        where = f" in database {ident(database)}" if database else ""
        if parameter != "pgaudit.role" or value != role:
            yield (
                f"reads: {of}{where}: {parameter} = {value or 'empty'} goes before the cluster's value, so "
                "that its reads are recorded otherwise or not at all: RESET it"
            )
    yield (
        "reads that pgaudit does not see: what a SECURITY DEFINER function reads for a login that is no "
        "member of its owner (of the call only a line without a relation, for people); what superusers read "
        "after they set pgaudit.role or pgaudit.log otherwise, which leaves no trace; what roles with "
        "settings of their own read (the check audit-reads-missing tells them); of pg_stats, which shows "
        "values of columns, only what people read"
    )
    if not whole:
        yield (
            "reads of a whole row that name no column (SELECT t FROM t, row_to_json(t)) are seen of people "
            "only, for of programs pgaudit goes by the columns that are named; grant the table as a "
            "whole to the reference role where that matters, at the price of a line for every read of it"
        )
    yield (
        "partitions, children and materialized views that are made later need the grants too: make this plan "
        "again after each, or look at the check audit-reads-missing every night"
    )
    yield (
        "the server's log holds values of patients whatever is set (an error quotes the row, a context the "
        "statement): keep it as health data; read it by `pgguard audit ingest`, which keeps who read which "
        "columns when, and no text"
    )
    if not human_roles(snapshot, policy):
        yield "no login of a person is known: name them by [[person]], so that all that they read is written"
