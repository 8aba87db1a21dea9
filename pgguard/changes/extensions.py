"""ALTER EXTENSION ... UPDATE."""

from __future__ import annotations

from pgguard.changes.catalog import negated
from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal


def update_extension(name: str, version: str, *, database: str | None = None) -> Change:
    """Bring an extension to the version of its files; few extensions have a script that leads back."""
    return Change(
        sql=f"ALTER EXTENSION {ident(name)} UPDATE TO {literal(version)};",
        undo="",
        lock="what the extension's own script takes; read it first",
        database=database,
        planned=negated(_is(name, version)),
        done=_is(name, version),
    )


def _is(name: str, version: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_extension AS x "
        f"WHERE x.extname = {literal(name)} AND x.extversion = {literal(version)})"
    )
