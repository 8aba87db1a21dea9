"""PUBLIC may create objects in a schema that people's sessions search.

Why it matters: anybody can put a function or a view there that a colleague's or an administrator's
statement runs by mistake, with their rights on the patients' data.

How to fix: REVOKE CREATE ON SCHEMA name FROM PUBLIC (PostgreSQL 15 does so for new databases).

Silent when: only named roles may create. Only medium off every search_path; only low in a database
without any user's table, or that no login but superusers may enter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.able import creators
from pgguard.analysis.granted import in_database
from pgguard.analysis.names import schema_subject
from pgguard.analysis.search_path import parse
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "CVE-2018-1058",
    "PostgreSQL manual, 5.10.6 Usage Patterns",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        in_use = any(not relation.system and not relation.extension for relation in database.relations)
        things = {thing.name: thing for thing in in_database(database) if thing.keyword == "SCHEMA"}
        searched: frozenset[str] | None = None
        for schema in database.schemas:
            thing = things[ident(schema.name)]
            if schema.extension or not any(
                grant.grantee == PUBLIC and grant.privilege == "CREATE" for grant in thing.grants
            ):
                continue
            searched = _searched(snapshot, database) if searched is None else searched
            on_path = schema.name in searched
            entered = bool(creators(snapshot, database, schema.name))
            path = "is on the search_path" if on_path else "is not on a search_path that is set here"
            yield Finding(
                schema_subject(database, schema.name),
                f"PUBLIC may create objects in {thing.name}, which {path}",
                severity=Severity.LOW if not in_use or not entered else None if on_path else Severity.MEDIUM,
                fix=thing.take_back(PUBLIC, ["CREATE"], database=database.name),
            )


def _searched(snapshot: Snapshot, database: DatabaseSnapshot) -> frozenset[str]:
    """The schemas that somebody's sessions search: by default, by a role's setting, or in a function."""
    values = [row.value for row in snapshot.settings if row.name == "search_path"]
    values += [
        entry.value
        for entry in snapshot.role_settings
        if entry.name == "search_path" and entry.database in ("", database.name)
    ]
    values += [
        item.partition("=")[2]
        for function in database.functions
        for item in function.config
        if item.startswith("search_path=")
    ]
    return frozenset(name for value in values for name in parse(value)) | {"public"}
