"""ALTER SYSTEM: parameters of the cluster."""

from __future__ import annotations

from pgguard.changes.catalog import auto_conf_has, negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal


def alter_system(name: str, value: str, *, restart: bool = False, before: str | None = None) -> Change:
    """Set one parameter in postgresql.auto.conf; `restart` when a reload is not enough.

    `before` is the value that file has for it now, which the undo sets again; without one the undo is
    RESET, which gives way to postgresql.conf.
    """
    parameter = ".".join(ident(part) for part in name.split("."))
    then = " -- then restart the server" if restart else " -- then SELECT pg_reload_conf();"
    undo = f"RESET {parameter}" if before is None else f"SET {parameter} = {literal(before)}"
    return Change(
        sql=f"ALTER SYSTEM SET {parameter} = {literal(value)};{then}",
        undo=f"ALTER SYSTEM {undo};{then}",
        lock="none",
        transactional=False,
        planned=auto_conf_has(name, before) if before is not None else negated(auto_conf_has(name)),
        done=auto_conf_has(name, value),
    )
