"""ALTER SYSTEM: parameters of the cluster."""

from __future__ import annotations

from pgguard.changes.catalog import auto_conf_has, fixed_at_start, negated
from pgguard.model.finding import Change, Safety
from pgguard.model.quote import ident, literal

# what goes into the log, and how the server treats its own files: no session loses anything by them,
# and no program asks what they are
HARMLESS = frozenset(
    {
        "allow_system_table_mods",
        "authentication_timeout",
        "debug_print_parse",
        "debug_print_plan",
        "debug_print_rewritten",
        "fsync",
        "full_page_writes",
        "ignore_checksum_failure",
        "ignore_system_indexes",
        "log_connections",
        "log_disconnections",
        "log_error_verbosity",
        "log_line_prefix",
        "log_min_duration_sample",
        "log_min_duration_statement",
        "log_min_error_statement",
        "log_min_messages",
        "log_parameter_max_length",
        "log_parameter_max_length_on_error",
        "log_statement",
        "zero_damaged_pages",
    }
)


def alter_system(name: str, value: str, *, restart: bool = False, before: str | None = None) -> Change:
    """Set one parameter in postgresql.auto.conf; `restart` when a reload is not enough.

    `before` is the value that file has for it now, which the undo sets again; without one the undo is
    RESET, which gives way to postgresql.conf. One that the server was started with (-c) is not done by it.
    """
    parameter = ".".join(ident(part) for part in name.split("."))
    then = " -- then restart the server" if restart else " -- then SELECT pg_reload_conf();"
    undo = f"RESET {parameter}" if before is None else f"SET {parameter} = {literal(before)}"
    return Change(
        sql=f"ALTER SYSTEM SET {parameter} = {literal(value)};{then}",
        undo=f"ALTER SYSTEM {undo};{then}",
        lock="none",
        transactional=False,
        safety=Safety.SAFE if name in HARMLESS else Safety.REVIEW,
        planned=auto_conf_has(name, before) if before is not None else negated(auto_conf_has(name)),
        done=f"{auto_conf_has(name, value)} AND NOT {fixed_at_start(name)}",
    )
