"""Parameters that matter: of the cluster, and those that roles and databases have of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.drift.comparison import paired
from pgguard.analysis.drift.difference import Area, Difference, Direction, narrowed
from pgguard.analysis.settings import entries, is_off, libraries
from pgguard.errors import Unread
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.model.rows import RoleSetting, Setting
    from pgguard.model.snapshot import Snapshot

_LISTS = frozenset(
    {"shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "pgaudit.log"}
)
# parameters whose protection is on, and those whose danger is
_PROTECTS = frozenset(
    {
        "ssl", "log_connections", "log_disconnections", "logging_collector", "fsync", "full_page_writes",
        "row_security", "standard_conforming_strings", "archive_mode", "default_transaction_read_only",
        "restart_after_crash", "log_replication_commands", "log_hostname", "pgaudit.log_catalog",
        "pgaudit.log_parameter", "data_checksums", "pgaudit.log_relation", "ssl_prefer_server_ciphers",
        "restrict_nonsystem_relation_kind", "data_sync_retry",
    }
)  # fmt: skip
_ENDANGERS = frozenset(
    {
        "allow_system_table_mods", "zero_damaged_pages", "ignore_checksum_failure", "ignore_invalid_pages",
        "ignore_system_indexes", "lo_compat_privileges", "db_user_namespace", "debug_print_parse",
        "debug_print_plan", "debug_print_rewritten", "allow_alter_system", "jit_dump_bitcode",
    }
)  # fmt: skip
# the weakest first
_RISING: dict[str, tuple[str, ...]] = {
    "log_statement": ("none", "ddl", "mod", "all"),
    "password_encryption": ("off", "on", "md5", "scram-sha-256"),
    "session_replication_role": ("replica", "local", "origin"),
    "ssl_min_protocol_version": ("", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "log_min_error_statement": ("panic", "fatal", "log", "error", "warning", "notice", "info"),
    "wal_level": ("minimal", "replica", "logical"),
}
_AUDIT = frozenset(
    {"session_replication_role", "pgaudit.log", "pgaudit.role", "log_statement", "log_connections"}
    | {"log_disconnections", "logging_collector", "log_destination", "shared_preload_libraries"}
)
_CRITICAL = frozenset({"session_replication_role", "ssl", "pgaudit.log", "logging_collector"})
# what begins so has to do with who gets in, what is asked of them, or what is recorded
_MATTER = ("log_", "ssl", "pgaudit.", "krb_", "gss_", "auth", "credcheck.", "set_user.", "password", "oauth_")
_NAMED = frozenset(
    {
        "listen_addresses", "port", "hba_file", "ident_file", "data_directory", "unix_socket_directories",
        "unix_socket_permissions", "unix_socket_group", "search_path", "role", "session_preload_libraries",
        "local_preload_libraries", "shared_preload_libraries", "dynamic_library_path", "archive_command",
        "archive_library", "restore_command", "primary_conninfo", "db_user_namespace", "event_triggers",
        "extension_control_path", "external_pid_file", "config_file", "synchronous_standby_names",
        "hot_standby", "max_wal_senders", "bonjour", "cluster_name", "default_table_access_method",
        "idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout",
        "authentication_timeout", "scram_iterations", "createrole_self_grant", "plpgsql.extra_errors",
        "send_abort_for_crash", "auto_explain.log_min_duration", "auto_explain.log_analyze",
    }
)  # fmt: skip
# how the session that looked sees the server, not how the server is
_OF_SESSION = frozenset(
    {
        "application_name", "client_encoding", "transaction_isolation", "transaction_read_only",
        "transaction_deferrable", "is_superuser", "session_authorization", "in_hot_standby", "DateStyle",
        "IntervalStyle", "TimeZone", "extra_float_digits",
    }
)  # fmt: skip
_SESSION_SOURCES = frozenset({"database", "user", "database user", "client", "session", "override-session"})
_SHOWN_FOR_ANY = frozenset({"on", "off", "true", "false", "yes", "no", ""})


def of_cluster(comparison: Comparison) -> Iterator[Difference]:
    """The cluster's parameters. Needs settings."""
    others: list[str] = []
    for old, new in paired(comparison.before.settings, comparison.after.settings, lambda one: one.name):
        row = new or old
        if row is None or row.name in _OF_SESSION or _hidden(old) or _hidden(new):
            continue
        was, now = (one.value if one is not None else None for one in (old, new))
        if was == now:
            continue
        if not matters(row.name):
            others.append(row.name)
            continue
        yield _difference(row.name, was, now, masked=bool(old and old.masked) or bool(new and new.masked))
    if others:
        yield Difference(
            "setting",
            Direction.NEUTRAL,
            Severity.LOW,
            "parameter",
            tuple(sorted(others)),
            "changed (nothing of access, of the log or of encryption)",
        )


def hidden(comparison: Comparison) -> Iterator[str]:
    """The parameters that matter of which a side shows only what the inspecting role's session has."""
    for snapshot in (comparison.before, comparison.after):
        for row in snapshot.settings:
            if matters(row.name) and row.name not in _OF_SESSION and _hidden(row):
                yield row.name


def require_shown(comparison: Comparison) -> Iterator[Difference]:
    """Raises `Unread` when a parameter that matters is hidden by what the inspecting session has set."""
    names = sorted(set(hidden(comparison)))
    if names:
        section = "settings"
        reason = (
            f"{', '.join(names[:4])} is set for the inspecting session or role, which hides the cluster's"
        )
        raise Unread(section, reason)
    yield from ()


def of_roles(comparison: Comparison) -> Iterator[Difference]:
    """ALTER ROLE and ALTER DATABASE ... SET. Needs role_settings, roles and settings."""
    general = [
        {row.name: row.value for row in side.settings if not _hidden(row)}
        for side in (comparison.before, comparison.after)
    ]
    old, new = (_present(one) for one in (comparison.before, comparison.after))
    for was, now in paired(old, new, lambda one: (one.database, one.role, one.name)):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        if was is not None and now is not None and (was.value, was.masked) == (now.value, now.masked):
            continue
        before = was.value if was is not None else None
        after = now.value if now is not None else None
        matter = matters(row.name)
        # without a setting of its own the cluster's holds
        effective = (
            general[0].get(row.name) if before is None else before,
            general[1].get(row.name) if after is None else after,
        )
        judged = _difference(row.name, *effective, masked=row.masked)
        direction = judged.direction if matter else Direction.NEUTRAL
        shown = _shown(row.name, after, masked=row.masked)
        does = f"has {row.name} = {shown} of its own now" if now else f"has no {row.name} of its own any more"
        tail = f"(before: {_shown(row.name, before, masked=row.masked)})" if was is not None else ""
        yield Difference(
            judged.area if matter else "setting",
            direction,
            narrowed(max(Severity.MEDIUM, judged.severity), direction) if matter else Severity.LOW,
            "login" if row.role else "database",
            (_whose(row),),
            does,
            tail=tail,
        )


def matters(name: str) -> bool:
    """Whether a parameter has to do with access, the log, encryption, or the safety of what is stored."""
    known = name in _PROTECTS or name in _ENDANGERS or name in _RISING or name in _NAMED
    return known or name.startswith(_MATTER)


def _present(snapshot: Snapshot) -> list[RoleSetting]:
    """The settings of roles that there are (those of others went with them)."""
    return [one for one in snapshot.role_settings if not one.role or snapshot.role(one.role) is not None]


def _whose(row: RoleSetting) -> str:
    if row.role:
        return f"{ident(row.role)} in {ident(row.database)}" if row.database else ident(row.role)
    return ident(row.database) if row.database else "every role"


def _hidden(row: Setting | None) -> bool:
    return row is not None and row.source in _SESSION_SOURCES


def _difference(name: str, was: str | None, now: str | None, *, masked: bool) -> Difference:
    direction = Direction.CHANGED if masked else _direction(name, was, now)
    audit = name in _AUDIT and direction is Direction.WIDENED
    area: Area = "audit" if audit else "encryption" if name == "ssl" else "setting"
    severity = Severity.CRITICAL if name in _CRITICAL or _lost_audit(name, was, now) else Severity.HIGH
    if name not in _PROTECTS | _ENDANGERS | _AUDIT and name not in _RISING:
        severity = Severity.MEDIUM
    does = "is no longer there" if now is None else "is now"
    return Difference(
        area,
        direction,
        narrowed(severity, direction),
        "parameter",
        (name,),
        does,
        () if now is None else (_shown(name, now, masked=masked),),
        "value",
        "(it is new)" if was is None else f"(before: {_shown(name, was, masked=masked)})",
    )


def _direction(name: str, was: str | None, now: str | None) -> Direction:
    if name in _LISTS:
        had, has = set(_entries(name, was)), set(_entries(name, now))
        if had - has:
            return Direction.WIDENED
        return Direction.CHANGED if name != "pgaudit.log" else Direction.NARROWED
    if was is None or now is None:
        return Direction.CHANGED
    if name in _PROTECTS or name in _ENDANGERS:
        if is_off(was) == is_off(now):
            return Direction.CHANGED
        return Direction.WIDENED if is_off(now) == (name in _PROTECTS) else Direction.NARROWED
    order = _RISING.get(name, ())
    if was in order and now in order:
        return Direction.WIDENED if order.index(now) < order.index(was) else Direction.NARROWED
    return Direction.CHANGED


def _entries(name: str, value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return entries(value.lower()) if name == "pgaudit.log" else libraries(value)


def _lost_audit(name: str, was: str | None, now: str | None) -> bool:
    lost = set(_entries(name, was)) - set(_entries(name, now)) if name in _LISTS else set()
    return "pgaudit" in lost


def _shown(name: str, value: str | None, *, masked: bool) -> str:
    """A value for people: hidden where it may be a secret or what somebody typed in."""
    if value is None:
        return "none"
    if masked or not (matters(name) or value in _SHOWN_FOR_ANY):
        return "another value" if masked else "a value"
    return value or "empty"
