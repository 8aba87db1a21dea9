"""Errors go to the log with patients' data in them.

Why it matters: "Failing row contains (...)" and "Key (nir)=(...) already exists" put whole records into the
log, for whoever keeps, ships or searches it and for as long as logs are kept; so does the text of a
statement that fails with values in it.

How to fix: set log_error_verbosity = 'terse', which leaves DETAIL out, and log_min_error_statement = 'panic',
which leaves the statement out; the error itself, who met it and when are logged as before. csvlog and jsonlog
write DETAIL even so: log to stderr or syslog, or keep the log as you keep the tables.

Silent when: both are so in every database with sensitive columns in clear, and for every login; errors are
not logged at all; what can fail shows ciphertext only. A message may still quote one value that was no
number or date. What is logged without an error is told by log-leaks-data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.names import database_subject, relation_name, role_subject, setting_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.settings import change, destinations
from pgguard.changes.manual import by_hand
from pgguard.changes.roles import reset_setting
from pgguard.model.classification import TRACES
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 25",
    "CNIL recommendation journalisation",
    "PostgreSQL manual, 19.8.2 When to Log",
)
# levels of the log above ERROR (manual, table 19.2 and log_min_messages)
_ABOVE_ERROR = frozenset({"log", "fatal", "panic"})


# these write the detail whatever log_error_verbosity says; tried on 14 to 18
_WHOLE = frozenset({"csvlog", "jsonlog"})


class _Parameter(NamedTuple):
    """A parameter, the values that keep data out of the log, what others let in, the value to set."""

    name: str
    safe: frozenset[str]
    effect: str
    good: str


_DETAIL = _Parameter(
    "log_error_verbosity", frozenset({"terse"}), "DETAIL lines show the keys and rows that fail", "terse"
)
_STATEMENT = _Parameter(
    "log_min_error_statement",
    _ABOVE_ERROR,
    "statements that fail are logged with the values in them",
    "panic",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    tables: dict[str, list[Relation]] = {}
    breaking: dict[str, list[Relation]] = {}
    for database in snapshot.inspected:
        clear = {
            oid: some
            for oid, columns in sensitive_tables(database, policy).items()
            if (some := _in_clear(snapshot, database, columns))
        }
        keys = _keys(database) if clear else {}
        tables[database.name] = [some[0].relation for some in clear.values()]
        breaking[database.name] = [
            some[0].relation for oid, some in clear.items() if _breaks(database, some, keys.get(oid, set()))
        ]
    if not any(tables.values()):
        return
    levels = _values(snapshot, "log_min_messages", tables)
    silent = {name for name, level in levels.items() if _in(level, _ABOVE_ERROR)}
    for parameter, at_stake in ((_DETAIL, breaking), (_STATEMENT, tables)):
        touched = {name: some for name, some in at_stake.items() if some and name not in silent}
        if touched:
            yield from _judged(snapshot, policy, parameter, touched)
    shown = {name: some for name, some in breaking.items() if some and name not in silent}
    whole = sorted(destinations(snapshot) & _WHOLE) if shown else []
    if whole:
        yield Finding(
            setting_subject("log_destination"),
            f"{' and '.join(whole)} shows the keys and rows that fail, even with log_error_verbosity = terse "
            f"({_stake(shown, list(shown))})",
            severity=Severity.LOW,
            fix=(by_hand("log to stderr or syslog, or keep the log as you keep the tables"),),
        )


def _judged(
    snapshot: Snapshot, policy: Policy, parameter: _Parameter, at_stake: dict[str, list[Relation]]
) -> Iterator[Finding]:
    own = _own(snapshot, parameter.name)
    values = _values(snapshot, parameter.name, at_stake)
    leaking = [name for name in at_stake if not _in(values[name], parameter.safe)]
    of_cluster = [name for name in leaking if name not in own and "" not in own]
    if of_cluster:
        value = values[of_cluster[0]]
        yield Finding(
            setting_subject(parameter.name),
            f"{parameter.name} = {value}: {parameter.effect} ({_stake(at_stake, of_cluster)})",
            fix=(change(snapshot, parameter.name, parameter.good),),
        )
    for name in leaking:
        if name in of_cluster or _declared(policy, parameter.name, "", name if name in own else ""):
            continue
        where = name if name in own else ""
        yield Finding(
            database_subject(name),
            f"{parameter.name} = {values[name]} for {'this database' if where else 'all roles'}: "
            f"{parameter.effect} ({_stake(at_stake, [name])})",
            fix=(reset_setting(parameter.name, database=where, value=own[where]),),
        )
    if leaking:
        return
    for one in snapshot.role_settings:
        role = snapshot.role(one.role) if one.role else None
        if one.name != parameter.name or role is None or not role.login or _in(one.value, parameter.safe):
            continue
        reached = [name for name in at_stake if one.database in ("", name)]
        if reached and not _declared(policy, one.name, one.role, one.database):
            yield Finding(
                role_subject(one.role),
                f"{one.name} = {one.value} for this login: {parameter.effect} ({_stake(at_stake, reached)})",
                fix=(reset_setting(one.name, role=one.role, database=one.database, value=one.value),),
            )


def _own(snapshot: Snapshot, name: str) -> dict[str, str]:
    """The values of ALTER DATABASE ... SET, and of ALTER ROLE ALL under an empty name."""
    return {one.database: one.value for one in snapshot.role_settings if one.name == name and not one.role}


def _values(snapshot: Snapshot, name: str, databases: Iterable[str]) -> dict[str, str]:
    """The value in some databases; the cluster's is asked for only where it counts."""
    own = _own(snapshot, name)
    return {
        one: own[one] if one in own else own[""] if "" in own else snapshot.setting(name).value
        for one in databases
    }


def _stake(at_stake: dict[str, list[Relation]], databases: Sequence[str]) -> str:
    name = databases[0]
    tables = shorten([relation_name(one) for one in at_stake[name]], 3)
    more = f", and {len(databases) - 1} more databases" if len(databases) > 1 else ""
    return f"{tables} in database {ident(name)}{more}"


def _declared(policy: Policy, name: str, role: str, database: str) -> bool:
    return any(one.name == name and one.role == role and one.database == database for one in policy.setting)


def _in(value: str, values: frozenset[str]) -> bool:
    return value.strip().lower() in values


def _in_clear(
    snapshot: Snapshot, database: DatabaseSnapshot, columns: Sequence[Sensitive]
) -> list[Sensitive]:
    """The columns of a table of this server whose values the log would show."""
    if columns[0].relation.kind not in "rp" or columns[0].relation.is_partition:
        return []
    return [
        one
        for one in columns
        if one.category not in TRACES and stored(snapshot, database, one.relation, one.column) is Stored.CLEAR
    ]


def _keys(database: DatabaseSnapshot) -> dict[int, set[int]]:
    """The columns whose values an error of a key shows, by table; 0 stands for the whole row."""
    found: dict[int, set[int]] = {}
    for constraint in database.constraints:
        shown = {0} if constraint.kind == "c" else set(constraint.columns)
        found.setdefault(constraint.relation, set()).update(shown)
    for index in database.indexes:
        if index.unique:
            found.setdefault(index.relation, set()).update(number for number in index.columns if number)
    for column in database.columns:
        if column.not_null:
            found.setdefault(column.relation, set()).add(0)
    return found


def _breaks(database: DatabaseSnapshot, columns: Sequence[Sensitive], keys: set[int]) -> bool:
    # a row that fits no partition is shown by its key, a row that breaks NOT NULL or CHECK as a whole
    return 0 in keys or any(one.column.number in keys for one in columns)
