"""ALTER SYSTEM: parameters of the cluster."""

from __future__ import annotations

from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal


def alter_system(name: str, value: str, *, restart: bool = False) -> Change:
    """Set one parameter in postgresql.auto.conf; `restart` when a reload is not enough.

    Its undo is RESET, which gives way to postgresql.conf again.
    """
    parameter = ".".join(ident(part) for part in name.split("."))
    then = " -- then restart the server" if restart else " -- then SELECT pg_reload_conf();"
    return Change(
        sql=f"ALTER SYSTEM SET {parameter} = {literal(value)};{then}",
        undo=f"ALTER SYSTEM RESET {parameter};{then}",
        lock="none",
        transactional=False,
    )
