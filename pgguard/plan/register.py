"""The digest of the register of processing, recorded in the databases that it is about."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from pgguard.changes.catalog import negated
from pgguard.errors import UsageError
from pgguard.model.finding import Change, Safety
from pgguard.model.plan import Step
from pgguard.model.quote import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_SCHEMA = "pgguard"
_TABLE = "register_version"
_SCHEMA_THERE = f"pg_catalog.to_regnamespace('{_SCHEMA}') IS NOT NULL"
_LAST = f"(SELECT v.sha256 FROM {_SCHEMA}.{_TABLE} AS v ORDER BY v.id DESC LIMIT 1)"
_NONE = "none that others wait for: what it makes is new"
_MAKE_SCHEMA = f"""\
DO $schema$
BEGIN
    IF pg_catalog.to_regnamespace('{_SCHEMA}') IS NULL THEN
        CREATE SCHEMA {_SCHEMA};
        REVOKE ALL ON SCHEMA {_SCHEMA} FROM PUBLIC;
        COMMENT ON SCHEMA {_SCHEMA} IS 'pgguard: what it keeps in this database';
    END IF;
END
$schema$;"""
_DROP_SCHEMA = f"""\
DO $schema$
BEGIN
    -- it stays where something else is kept in it
    IF pg_catalog.to_regnamespace('{_SCHEMA}') IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND d.refobjid = '{_SCHEMA}'::pg_catalog.regnamespace)
    THEN
        DROP SCHEMA {_SCHEMA};
    END IF;
END
$schema$;"""


def plan_register(snapshot: Snapshot, policy: Policy, file: str, sha256: str) -> tuple[Step, ...]:
    """The steps that record a version of the register, one for each database that an activity names.

    Where no activity names one that was inspected, all of them. `file` is a name without folders. The
    undo of the first version leaves the catalog as it was; later ones are added for good. Raises `UsageError`
    when the policy has no register.
    """
    if not (policy.activity or policy.contract or policy.processor or policy.controller):
        msg = "the policy has no register of processing: see docs/register.md, or name its file in [register]"
        raise UsageError(msg)
    named = {name for one in policy.activity for name in one.databases}
    inspected = [one for one in snapshot.inspected if one.name in named] or list(snapshot.inspected)
    return tuple(_step(one, file, sha256) for one in inspected)


def _step(database: DatabaseSnapshot, file: str, sha256: str) -> Step:
    return Step(
        slug="register_recorded",
        title=f"The register of processing {sha256[:16]}... ({file}) is in force from now on",
        why="GDPR art. 30, 5(2): the database itself shows which register its data were processed under",
        changes=tuple(_changes(database, file, sha256)),
        database=database.name,
    )


def _changes(database: DatabaseSnapshot, file: str, sha256: str) -> Iterator[Change]:
    is_first = not any((one.schema, one.name) == (_SCHEMA, _TABLE) for one in database.relations)
    if is_first and not any(one.name == _SCHEMA for one in database.schemas):
        yield Change(
            _MAKE_SCHEMA,
            _DROP_SCHEMA,
            _NONE,
            safety=Safety.SAFE,
            planned=negated(_SCHEMA_THERE),
            done=_SCHEMA_THERE,
        )
    record = (
        f"INSERT INTO {_SCHEMA}.{_TABLE} (sha256, file)\n"
        f"SELECT {literal(sha256)}, {literal(file)}\n"
        f"WHERE {_LAST} IS DISTINCT FROM {literal(sha256)};"
    )
    yield Change(
        f"{_sql('030_register.sql')}\n\n{record}" if is_first else record,
        # what came after the first one stays
        _sql("030_register.down.sql") if is_first else "",
        _NONE if is_first else f"ROW EXCLUSIVE on {_SCHEMA}.{_TABLE}",
        safety=Safety.SAFE,
        done=f"{_LAST} = {literal(sha256)}",
        why="nothing is added when it is the last one already; rows are neither changed nor removed",
    )


def _sql(name: str) -> str:
    return resources.files("pgguard").joinpath("sql", "install", name).read_text(encoding="utf-8").strip()
