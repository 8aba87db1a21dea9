"""ALTER ROLE or ALTER DATABASE ... SET weakens a protection for some sessions only.

Why it matters: the cluster's setting looks right and does not hold for this login: no audit, no row
security, another search_path, a log that misses or shows too much.

How to fix: ALTER ROLE ... RESET the parameter, or declare it with a reason in the policy ([[setting]]
role, name, reason).

Silent when: neutral settings, those that strengthen, those declared in the policy, and those of roles
that cannot log in, for whom they never count; a schema where PUBLIC may create objects, which
grant-public-schema-create tells. Only low: a declared administrator whose changes are logged in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.able import acting_as, creators
from pgguard.analysis.names import cluster_subject, database_subject, role_subject, shorten
from pgguard.analysis.search_path import parse
from pgguard.changes.roles import reset_setting
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import RoleSetting
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 3",
    "NIST CM-6",
    "PostgreSQL manual, 19.1.3 Parameter Interaction via SQL",
)
_ROW_SECURITY = "row security filters nothing for it and fails instead"
_WEAK: dict[str, tuple[frozenset[str], str]] = {
    "session_replication_role": (
        frozenset({"replica", "local"}),
        "ordinary triggers, audit included, do not fire",
    ),
    "log_connections": (frozenset({"off", ""}), "its connections are not logged"),
    "log_disconnections": (frozenset({"off"}), "its disconnections are not logged"),
    "log_statement": (frozenset({"none"}), "its statements are not logged"),
    "log_min_error_statement": (frozenset({"fatal", "panic"}), "its failed statements are not logged"),
    "log_min_messages": (frozenset({"fatal", "panic"}), "its errors are not logged"),
    "pgaudit.log": (frozenset({"none", ""}), "it is not audited"),
    "pgaudit.role": (frozenset({""}), "object auditing does not see it"),
    "lo_compat_privileges": (frozenset({"on"}), "large objects are open to it whatever their grants"),
    "default_transaction_read_only": (
        frozenset({"off"}),
        "it writes although the cluster is read-only by default",
    ),
    "row_security": (frozenset({"off"}), _ROW_SECURITY),
    "password_encryption": (frozenset({"md5", "on", "off"}), "passwords it sets are stored as md5"),
    "idle_session_timeout": (frozenset({"0"}), "its idle sessions never end"),
    "idle_in_transaction_session_timeout": (frozenset({"0"}), "its idle transactions never end"),
}
_LOUD = frozenset({"log_min_duration_statement", "log_min_duration_sample", "auto_explain.log_min_duration"})
_BOOLEAN = frozenset(
    {
        "log_connections",
        "log_disconnections",
        "lo_compat_privileges",
        "default_transaction_read_only",
        "row_security",
    }
)
_OFF = frozenset({"off", "false", "no", "0", "f", "n"})
_ON = frozenset({"on", "true", "yes", "1", "t", "y"})
# whose value for the whole cluster is judged elsewhere: here only what differs from it
_OF_CLUSTER = frozenset(
    {"log_statement", "log_connections", "log_disconnections", "log_min_error_statement"}
    | {"default_transaction_read_only"}
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for entry in snapshot.role_settings:
        role = snapshot.role(entry.role) if entry.role else None
        # a role's settings count for its own logins, and for nobody who inherits from it
        if entry.masked or _declared(entry, policy) or (role is not None and not role.login):
            continue
        effect = _effect(snapshot, entry)
        if not effect:
            continue
        if entry.role:
            subject = role_subject(entry.role)
        elif entry.database:
            subject = database_subject(entry.database)
        else:
            subject = cluster_subject()
        where = f" in database {ident(entry.database)}" if entry.role and entry.database else ""
        yield Finding(
            subject,
            f"{entry.name} = {entry.value or 'empty'}{where}: {effect}",
            severity=Severity.LOW if _watches_administrator(entry, policy) else None,
            fix=(reset_setting(entry.name, role=entry.role, database=entry.database, value=entry.value),),
        )


def _declared(entry: RoleSetting, policy: Policy) -> bool:
    return any(
        one.name == entry.name and one.role == entry.role and one.database == entry.database
        for one in policy.setting
    )


def _watches_administrator(entry: RoleSetting, policy: Policy) -> bool:
    """Whether the log shows what an administrator does: accountability, at the price of the values in it."""
    return entry.name == "log_statement" and policy.is_administrator(entry.role)


def _effect(snapshot: Snapshot, entry: RoleSetting) -> str:
    value = _plain(entry.name, entry.value.lower())
    if entry.name == "role":
        unchanged = value in ("none", "", entry.role)
        return "" if unchanged else f"its sessions act as {entry.value}, and the log shows that name"
    if entry.name == "search_path":
        return _search_path(snapshot, entry)
    if entry.name in _LOUD:
        return "whole statements go to the log" if value not in ("-1", "") else ""
    if entry.name == "log_statement" and value in ("mod", "all"):
        return "its statements go to the log with the values in them"
    if entry.name.startswith("debug_print_") and value in _ON:
        return "parse trees with the values in them go to the log"
    weak, effect = _WEAK.get(entry.name, (frozenset(), ""))
    if value not in weak:
        return ""
    if entry.name in _OF_CLUSTER:
        own = next((row.value for row in snapshot.settings if row.name == entry.name), entry.value)
        return effect if _plain(entry.name, own.lower()) != value else ""
    return effect


def _plain(name: str, value: str) -> str:
    """A value as SHOW has it: on and off, and 0 for no time at all."""
    if name in _BOOLEAN and value in _OFF:
        return "off"
    if name in _BOOLEAN and value in _ON:
        return "on"
    if name.endswith("_timeout") and value.rstrip("abcdefghijklmnopqrstuvwxyz ") == "0":
        return "0"
    return value


def _search_path(snapshot: Snapshot, entry: RoleSetting) -> str:
    for database in snapshot.inspected:
        if entry.database not in ("", database.name):
            continue
        own = acting_as(snapshot, database, entry.role) if entry.role else frozenset()
        open_to_all = {
            schema.name
            for schema in database.schemas
            for grant in database.grants(schema.acl)
            if grant.grantee == PUBLIC and grant.privilege == "CREATE"
        }
        for name in parse(entry.value):
            # what may be done in public is judged by itself: everybody searches it anyway
            if name == "public" or name in open_to_all:
                continue
            strangers = creators(snapshot, database, name) - own
            if strangers:
                who = shorten(sorted(ident(one) for one in strangers), 3)
                return f"{who} may create objects in {ident(name)}, which it searches"
    return ""
