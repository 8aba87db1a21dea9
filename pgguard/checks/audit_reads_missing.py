"""Nothing records who reads a sensitive table.

Why it matters: most abuse of patients' data is looking: at a neighbour's record, a colleague's, or at all of
them before leaving. Without a record of reads nobody can say who did, nor tell a patient who asks.

How to fix: load pgaudit, and run `pgguard plan --audit`: its reference role gets SELECT on the sensitive
columns, and the log a line for each statement that reads one, without the statement and without a value; then
`pgguard audit ingest` keeps who read what. docs/audit-reads.md says what is not seen even so.

Silent when: pgaudit's reference role may read every sensitive column of the table, of its partitions, and
materialized views over it; pgaudit records the relations or the text of what every session reads; all
statements are logged, which log-leaks-data tells; tables whose only personal data are who of the staff wrote
a row; waived. Encrypted columns count as recorded, too, where pgaudit records the functions that are called.
A login whose own pgaudit.role is empty is told by role-setting-override.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.encrypted import encrypted
from pgguard.analysis.grouping import place, together
from pgguard.analysis.names import relation_name, relation_subject, role_subject, setting_subject, shorten
from pgguard.analysis.read_audit import (
    OURS,
    is_loaded,
    missing,
    overrides,
    places,
    records_sessions,
    reference_roles,
)
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.settings import audited, by_database, change, is_off
from pgguard.analysis.waivers import waived
from pgguard.changes.manual import by_hand
from pgguard.changes.read_audit import grant_select
from pgguard.changes.roles import reset_setting
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.read_audit import Held
    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "CNIL recommendation journalisation",
    "PGSSI-S imputabilite",
)
_ID = "audit-reads-missing"
_PLAN = "pgguard plan --audit"


class _Blind(NamedTuple):
    """A table, and where its sensitive columns can be read without a trace, with the columns (None: all)."""

    relation: Relation
    where: tuple[tuple[Held, tuple[str, ...] | None], ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    at_stake = {
        database.name: (database, found)
        for database in snapshot.inspected
        if (found := _tables(database, policy))
    }
    if not at_stake:
        return
    statements = by_database(snapshot, "log_statement")
    mute = [name for name in at_stake if statements.get(name) != "all"]
    if not mute:
        return
    if not is_loaded(snapshot):
        yield Finding(
            setting_subject("shared_preload_libraries"),
            "pgaudit is not loaded, and log_statement is not all: nothing tells who reads "
            f"{_stake(at_stake, mute)}",
            fix=(
                by_hand(
                    "install the package of pgaudit for this version, add pgaudit to "
                    f"shared_preload_libraries, start the server anew, then {_PLAN}"
                ),
            ),
        )
        return
    roles = reference_roles(snapshot)
    mute = [name for name in mute if not records_sessions(snapshot, name)]
    without = [name for name in mute if not roles.get(name)]
    unknown = sorted({roles[name] for name in mute if roles.get(name) and snapshot.role(roles[name]) is None})
    if without or unknown:
        said = f"names the role {unknown[0]}, which is not there" if unknown else "is empty"
        stake = _stake(at_stake, without or [name for name in mute if roles[name] in unknown])
        yield Finding(
            setting_subject("pgaudit.role"),
            f"pgaudit.role {said}, and not all sessions are recorded: nothing tells who reads {stake}",
            fix=(by_hand(f"{_PLAN} makes the role, and grants it what is to be recorded"),),
        )
    told = [name for name in mute if name not in without and roles[name] not in unknown]
    yield from _rows(snapshot, told)
    yield from _roles(snapshot, at_stake, told)
    for name in told:
        yield from _of_database(snapshot, policy, *at_stake[name], roles[name])


def _tables(database: DatabaseSnapshot, policy: Policy) -> list[tuple[Sensitive, ...]]:
    return [
        columns
        for columns in sensitive_tables(database, policy).values()
        # partitions and materialized views are told with their table
        if columns[0].relation.kind in "rpf"
        and not columns[0].relation.is_partition
        and columns[0].relation.schema not in OURS
        and not {one.category for one in columns} <= TRACES
    ]


def _rows(snapshot: Snapshot, databases: Sequence[str]) -> Iterator[Finding]:
    loud = by_database(snapshot, "pgaudit.log_rows")
    if any(not is_off(loud.get(name, "off")) for name in databases):
        yield Finding(
            setting_subject("pgaudit.log_rows"),
            "pgaudit.log_rows = on: COPY and cursors leave no line for the reference role any more",
            fix=(change(snapshot, "pgaudit.log_rows", "off"),),
        )


def _roles(
    snapshot: Snapshot,
    at_stake: dict[str, tuple[DatabaseSnapshot, list[tuple[Sensitive, ...]]]],
    databases: Sequence[str],
) -> Iterator[Finding]:
    known = {one for one in reference_roles(snapshot).values() if one}
    for role, database, name, value in overrides(snapshot):
        reached = [one for one in databases if database in ("", one)]
        is_told = name == "pgaudit.role" and (not value or value in known)
        if role and reached and not is_told:
            yield Finding(
                role_subject(role),
                f"{name} = {value} for this login: what it reads is not recorded as it is for others "
                f"({_stake(at_stake, reached)})",
                fix=(reset_setting(name, role=role, database=database, value=value),),
            )


def _of_database(
    snapshot: Snapshot,
    policy: Policy,
    database: DatabaseSnapshot,
    tables: Sequence[tuple[Sensitive, ...]],
    role: str,
) -> Iterator[Finding]:
    opened = _opened_by_functions(snapshot, database)
    blind = [one for columns in tables if (one := _blind(snapshot, database, columns, role, opened)).where]
    names = waived(snapshot, database, policy, _ID)
    apart = [one for one in blind if relation_name(one.relation) in names]
    rest = [one for one in blind if relation_name(one.relation) not in names]
    groups = [[one] for one in apart] + list(together(rest, lambda one: one.relation.schema))
    for group in groups:
        first = group[0]
        fix = tuple(
            grant_select(relation_name(held.relation), columns or (), role, database=database.name)
            for one in group
            for held, columns in one.where
        )
        if len(group) == 1:
            yield Finding(relation_subject(database, first.relation), _told(first, role), fix=fix)
            continue
        worst = shorten([relation_name(one.relation) for one in group], 3)
        yield Finding(
            place(database, (one.relation.schema for one in group)),
            f"reads of {len(group)} sensitive tables are not recorded ({worst}): {_told(first, role)}",
            fix=fix,
        )


def _blind(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    columns: Sequence[Sensitive],
    role: str,
    opened: frozenset[tuple[int, str]],
) -> _Blind:
    relation = columns[0].relation
    found = []
    for held in places(database, relation, [one.column.name for one in columns]):
        lacking = missing(snapshot, database, role, held)
        if lacking:
            lacking = tuple(name for name in lacking if (held.relation.oid, name) not in opened)
        if lacking != ():
            found.append((held, lacking))
    return _Blind(relation, tuple(found))


def _opened_by_functions(snapshot: Snapshot, database: DatabaseSnapshot) -> frozenset[tuple[int, str]]:
    """Encrypted columns, and the empty ones of their names, where calls of what opens them are recorded."""
    if "function" not in audited(snapshot):
        return frozenset()
    return frozenset(
        (one.relation.oid, column.name)
        for one in encrypted(database)
        for column in (one.stored, one.clear)
        if column is not None and (column is one.stored or one.empty is not None)
    )


def _told(one: _Blind, role: str) -> str:
    held, columns = one.where[0]
    what = shorten([ident(name) for name in columns], 3) if columns else "all of it"
    name = relation_name(held.relation)
    more = f", and in {len(one.where) - 1} more partitions or views of it" if len(one.where) > 1 else ""
    return f"the reference role {ident(role)} may not read {what} in {name}{more}: reading it leaves no line"


def _stake(
    at_stake: dict[str, tuple[DatabaseSnapshot, list[tuple[Sensitive, ...]]]], databases: Sequence[str]
) -> str:
    name = databases[0]
    tables = shorten(sorted(relation_name(columns[0].relation) for columns in at_stake[name][1]), 3)
    more = f", and those of {len(databases) - 1} more databases" if len(databases) > 1 else ""
    return f"{tables} in database {ident(name)}{more}"
