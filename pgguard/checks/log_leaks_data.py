"""Statements or their parameters go to the log with patients' data or keys in them.

Why it matters: the log then holds names, diagnoses and encryption keys in clear, for everybody who
keeps, ships or searches logs, and for as long as logs are kept.

How to fix: set log_statement = 'ddl', log_min_duration_statement = -1 and the debug_print parameters
off; where slow statements are wanted, set log_parameter_max_length = 0 (from 13 on) and have
applications bind their values.

Silent when: nothing but DDL is logged, or only the text of slow statements without bound values.
Medium where slow or audited statements come with their values, low where no column is known to be
sensitive. What one role or database has for itself is told by role-setting-override.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.names import setting_subject
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.settings import audited, change, number
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 25",
    "CNIL recommendation journalisation",
    "PostgreSQL manual, 19.8.3 What to Log",
)
_WHOLE = {
    "all": "every statement goes to the log with the values in it",
    "mod": "every INSERT, UPDATE and DELETE goes to the log with the values in it",
}
_TREES = ("debug_print_parse", "debug_print_rewritten", "debug_print_plan")


class _Leak(NamedTuple):
    name: str
    effect: str
    good: str
    always: bool = True


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for leak in _leaks(snapshot):
        stake = _stake(snapshot, policy)
        if not stake and not leak.always:
            continue
        known = None if leak.always else Severity.MEDIUM
        grade = known if stake else Severity.LOW
        setting = snapshot.setting(leak.name)
        yield Finding(
            setting_subject(leak.name),
            f"{leak.name} = {setting.value}{setting.unit}: {leak.effect} "
            f"({stake or 'no column is known to be sensitive'})",
            severity=grade,
            fix=(change(snapshot, leak.name, leak.good),),
        )


def _leaks(snapshot: Snapshot) -> Iterator[_Leak]:
    statement = snapshot.setting("log_statement").value
    if statement in _WHOLE:
        yield _Leak("log_statement", _WHOLE[statement], "ddl")
    for name in _TREES:
        if snapshot.setting(name).value == "on":
            yield _Leak(name, "parse trees go to the log with the values in them", "off")
    parameters = _bound(snapshot, "log_parameter_max_length", since=13, before=True)
    yield from _slow(snapshot, "log_min_duration_statement", parameters)
    if snapshot.major >= 13:
        if float(snapshot.setting("log_statement_sample_rate").value) > 0:
            yield from _slow(snapshot, "log_min_duration_sample", parameters)
        if number(snapshot, "log_parameter_max_length_on_error") != 0:
            yield _Leak(
                "log_parameter_max_length_on_error", "failing statements are logged with their values", "0"
            )
    if snapshot.major >= 12 and float(snapshot.setting("log_transaction_sample_rate").value) > 0:
        yield _Leak("log_transaction_sample_rate", "all statements of these transactions go to the log", "0")
    # the server shows a module's parameters only where it is loaded
    if snapshot.has_setting("auto_explain.log_min_duration"):
        plans = _bound(snapshot, "auto_explain.log_parameter_max_length", since=16, before=False)
        if float(snapshot.setting("auto_explain.sample_rate").value) > 0:
            yield from _slow(snapshot, "auto_explain.log_min_duration", plans)
    if (
        snapshot.has_setting("pgaudit.log_parameter")
        and snapshot.setting("pgaudit.log_parameter").value == "on"
        and not audited(snapshot).isdisjoint({"read", "write"})
    ):
        yield _Leak("pgaudit.log_parameter", "audited statements are logged with their values", "off", False)


def _slow(snapshot: Snapshot, name: str, parameters: bool) -> Iterator[_Leak]:
    least = number(snapshot, name)
    if least == 0:
        yield _Leak(name, "every statement goes to the log with the values in it", "-1")
    elif least > 0 and parameters:
        yield _Leak(name, "slower statements go to the log with their bound values", "-1", False)


def _bound(snapshot: Snapshot, name: str, *, since: int, before: bool) -> bool:
    return number(snapshot, name) != 0 if snapshot.major >= since else before


def _stake(snapshot: Snapshot, policy: Policy) -> str:
    for database in snapshot.inspected:
        found = sensitive_columns(database, policy)
        if found:
            one = found[0]
            name = qualified(one.relation.schema, one.relation.name, one.column.name)
            more = f" and {len(found) - 1} more sensitive columns" if len(found) > 1 else ""
            return f"{name}{more} in database {ident(database.name)}"
        if any(extension.name == "pgcrypto" for extension in database.extensions):
            return f"keys given to pgcrypto in database {ident(database.name)}"
    return ""
