"""The steps by which tables are audited: the store, then each table, then the reads."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.audit import OLDEST, AuditedTable
from pgguard.model.finding import Change, Safety
from pgguard.model.plan import Section, Step
from pgguard.model.quote import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.model.audit import AuditState
    from pgguard.model.policy import Policy
    from pgguard.plan.audit.chosen import Chosen

PHASE = "audit"
# the classes of columns of which more is recorded than that they changed
_VALUES = ("plain", "seal", "cipher", "tag")
_NONE = "none on tables"
_TRIGGER = "SHARE ROW EXCLUSIVE on the table and its partitions, for a moment; readers go on"
# event triggers, and what reads password verifiers
_SUPERUSER = frozenset({"022_audit_ddl.sql", "024_audit_watch.sql"})


def plan_audit(
    tables: Sequence[Chosen],
    seen: Mapping[str, tuple[AuditState | None, bool]],
    policy: Policy,
    *,
    major: int,
) -> tuple[tuple[Step, ...], tuple[str, ...], tuple[Section, ...]]:
    """The steps in order, what is to be done by hand, and what is recorded of each table.

    `seen` has the state of each database's audit, None where there is none, and whether the planner is a
    superuser there. Raises `InputError` for a server that is too old.
    """
    if major < OLDEST:
        msg = f"the audit needs PostgreSQL {OLDEST} or later, and this is {major}; nothing was planned"
        raise InputError(msg)
    steps: list[Step] = []
    for database in dict.fromkeys(one.database for one in tables):
        state, superuser = seen[database]
        if state is None or (superuser and not state.follows_ddl):
            steps.append(_install(database, superuser=superuser))
        if (settings := _settings(database, state, policy)) is not None:
            steps.append(settings)
        there = {one.name: one for one in state.tables} if state else {}
        steps += [
            _table(one, there.get(one.wanted.name))
            for one in tables
            if one.database == database and not _same(one.wanted, there.get(one.wanted.name))
        ]
    return tuple(steps), tuple(_by_hand(tables, seen)), tuple(_sections(tables))


def _same(wanted: AuditedTable, there: AuditedTable | None) -> bool:
    return there is not None and there.complete and _asked(wanted) == _asked(there)


def _asked(one: AuditedTable) -> tuple[object, ...]:
    return one.subject, one.subject_is_tag, one.key_is_tag, one.truncate, dict(one.classes)


def install_files(*, superuser: bool) -> tuple[str, ...]:
    """The names of the files that make the audit store, in their order."""
    folder = resources.files("pgguard").joinpath("sql", "install")
    names = sorted(one.name for one in folder.iterdir() if one.name.startswith("02"))
    return tuple(
        one for one in names if not one.endswith(".down.sql") and (superuser or one not in _SUPERUSER)
    )


def _sql(name: str) -> str:
    return resources.files("pgguard").joinpath("sql", "install", name).read_text(encoding="utf-8").strip()


def _install(database: str, *, superuser: bool) -> Step:
    names = install_files(superuser=superuser)
    return Step(
        slug="audit_installed",
        title="The audit store: who changed what, in a schema and under a role of its own",
        why="entries are written by functions of a role that nobody logs in as, and nobody changes them",
        changes=(
            Change(
                "\n\n".join(_sql(one) for one in names),
                _sql("020_audit.down.sql"),
                _NONE,
                safety=Safety.SAFE,
                done="pg_catalog.to_regclass('pgguard_audit.entry') IS NOT NULL"
                + (
                    " AND EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e "
                    "WHERE e.evtname = 'pgguard_audit_ddl' AND e.evtenabled = 'A')"
                    if superuser
                    else ""
                ),
                why="harmless when it is there already; the undo stops while tables are audited, and while "
                "there are entries of changes",
            ),
        ),
        database=database,
        phase=PHASE,
        risk="a fault in an audit trigger would stop writes: apply it first where that can be borne",
    )


def _settings(database: str, state: AuditState | None, policy: Policy) -> Step | None:
    wanted = policy.audit
    before = (state.period, state.ahead) if state else ("month", 3)
    added = [one for one in wanted.cover if not state or one not in state.covered]
    gone = [one for one in state.covered if one not in wanted.cover] if state else []
    changes = []
    if (wanted.period, wanted.ahead) != before:
        changes.append(
            Change(
                _periods(wanted.period, wanted.ahead),
                _periods(*before),
                _NONE,
                safety=Safety.SAFE,
                done="EXISTS (SELECT FROM pgguard_audit.installation AS i "
                f"WHERE i.period = {literal(wanted.period)} AND i.ahead = {wanted.ahead})",
                why="partitions of the store, by the policy",
            )
        )
    for schema in added:
        changes.append(_cover(schema, taken_up=True))
    for schema in gone:
        changes.append(_cover(schema, taken_up=False))
    if not changes:
        return None
    return Step(
        slug="audit_settings",
        title="Partitions of the audit store, and schemas whose new tables are audited",
        why="as the policy says",
        changes=tuple(changes),
        database=database,
        phase=PHASE,
    )


def _periods(period: str, ahead: int) -> str:
    return (
        f"UPDATE pgguard_audit.installation SET period = {literal(period)}, ahead = {ahead};\n"
        "SELECT pgguard_audit.make_partitions();"
    )


def _cover(schema: str, *, taken_up: bool) -> Change:
    name = literal(schema)
    put = f"INSERT INTO pgguard_audit.covered (schema) VALUES ({name}) ON CONFLICT DO NOTHING;"
    take = f"DELETE FROM pgguard_audit.covered WHERE schema = {name};"
    there = f"EXISTS (SELECT FROM pgguard_audit.covered AS c WHERE c.schema = {name})"
    return Change(
        put if taken_up else take,
        take if taken_up else put,
        _NONE,
        safety=Safety.SAFE,
        done=there if taken_up else f"NOT {there}",
        why="new tables of the schema are audited from their creation on"
        if taken_up
        else "the policy does not name the schema any more",
    )


def _table(one: Chosen, before: AuditedTable | None) -> Step:
    wanted, name = one.wanted, literal(one.wanted.name)
    subject = f"a.subject = {literal(wanted.subject)}" if wanted.subject else "a.subject IS NULL"
    plain = "".join(each if each.isascii() and each.isalnum() else "_" for each in one.table.lower())
    return Step(
        slug=f"audit_{plain[:40]}",
        title=f"Audit {wanted.name}",
        why="who changes a row of it is recorded in the same transaction, whichever program does it",
        changes=(
            Change(
                _call(wanted),
                f"SELECT pgguard_audit.leave({name});" if before is None else _call(before),
                _TRIGGER,
                done=f"pgguard_audit.is_audited({name}) AND EXISTS (SELECT FROM pgguard_audit.audited AS a "
                f"WHERE a.relation = {name}::pg_catalog.regclass AND {subject})",
                why=_told(wanted),
            ),
        ),
        database=one.database,
        phase=PHASE,
        asserts=(
            (
                "pg_catalog.to_regclass('pgguard_audit.entry') IS NOT NULL",
                "the audit store is not there: apply the file that installs it first",
            ),
            (
                f"pg_catalog.to_regclass({name}) IS NOT NULL",
                f"the table {wanted.name} is not there any more: make a new plan",
            ),
        ),
    )


def _call(one: AuditedTable) -> str:
    given = [literal(one.name)]
    if one.subject:
        given.append(f"subject => {literal(one.subject)}")
    if one.classes:
        classes = json.dumps(dict(sorted(one.classes.items())), ensure_ascii=False)
        given.append(f"classes => {literal(classes)}")
    flags = {
        "truncate_allowed": one.truncate,
        "key_is_tag": one.key_is_tag,
        "subject_is_tag": one.subject_is_tag,
    }
    given += [f"{flag} => true" for flag, on in flags.items() if on]
    return f"SELECT pgguard_audit.audit({', '.join(given)});"


def _told(one: AuditedTable) -> str:
    said = [f"subject: {one.subject or 'none'}" + (" (as a keyed digest)" if one.subject_is_tag else "")]
    for name in _VALUES:
        if columns := sorted(column for column, of in one.classes.items() if of == name):
            said.append(f"{name}: {', '.join(columns)}")
    return "; ".join([*said, "all other columns: that they changed, no value"])


def _by_hand(tables: Sequence[Chosen], seen: Mapping[str, tuple[AuditState | None, bool]]) -> Iterator[str]:
    for database in dict.fromkeys(one.database for one in tables):
        if not seen[database][1]:
            yield (
                f"database {database}: event triggers need a superuser: without them a table that is "
                "altered is audited as it was (its writes go on, and what cannot be told is recorded as "
                "such) until this plan is made again; have a superuser run it, or run it after every "
                "ALTER TABLE"
            )
    if lost := [one.wanted.name for one in tables if not one.wanted.subject]:
        yield (
            "no column tells whose data these are, so that a patient's history does not show them: "
            f"{', '.join(lost)}; name one by [[audit_table]] subject"
        )
    if tagged := [
        f"{one.wanted.name}.{column}"
        for one in tables
        for column, of in one.wanted.classes.items()
        if of == "tag"
    ]:
        yield (
            f"keyed digests of {', '.join(tagged)} are recorded: where a column has few possible values, "
            "readers of the audit can guess which it was"
        )
    if tables:
        yield (
            "give a login the seals and the watch: GRANT pgguard_audit_keeper TO ..., run pgguard audit "
            "seal --every 5 as it, with an anchor on another host; and GRANT pgguard_audit_reader to whoever "
            "answers from the audit, who is neither DBA nor application"
        )
        yield (
            "programs that work for many people call pgguard.identify() at the beginning of each "
            "transaction, and say which end user it is for"
        )


def _sections(tables: Sequence[Chosen]) -> Iterator[Section]:
    if not tables:
        return
    rows = []
    for one in tables:
        held = {kind: sorted(c for c, of in one.wanted.classes.items() if of == kind) for kind in _VALUES}
        rows.append(
            (
                one.database,
                one.wanted.name,
                one.wanted.subject or "-",
                "digest" if one.wanted.key_is_tag else "as it is",
                *(", ".join(held[kind]) or "-" for kind in _VALUES),
            )
        )
    yield Section(
        "What is recorded",
        "Of every change: when, by which login, role, end user, program and address, in which transaction, "
        "the row's key, the patient it is about, and which columns got another value. Values are recorded "
        "of these columns only",
        ("database", "table", "patient by", "key", "plain", "sealed", "encrypted already", "digests"),
        tuple(rows),
    )
