"""PUBLIC may create objects in a schema that people's sessions search.

Why it matters: anybody can put a function or a view there that a colleague's or an administrator's
statement runs by mistake, with their rights on the patients' data.

How to fix: REVOKE CREATE ON SCHEMA name FROM PUBLIC (PostgreSQL 15 does so for new databases).

Silent when: only named roles may create; in a database without any user's table it is only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import schema_subject
from pgguard.changes.privileges import revoke
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
        searched = _searched(snapshot, database)
        in_use = any(not relation.system and not relation.extension for relation in database.relations)
        for schema in database.schemas:
            if schema.extension:
                continue
            if any(
                grant.grantee == PUBLIC and grant.privilege == "CREATE"
                for grant in database.grants(schema.acl)
            ):
                on_path = schema.name in searched
                severity = Severity.LOW if not in_use else None if on_path else Severity.MEDIUM
                path = "is on the search_path" if on_path else "is not on a search_path that is set here"
                yield Finding(
                    schema_subject(database, schema.name),
                    f"PUBLIC may create objects in {ident(schema.name)}, which {path}",
                    severity=severity,
                    fix=(revoke(["CREATE"], f"SCHEMA {ident(schema.name)}", PUBLIC, database=database.name),),
                )


def _searched(snapshot: Snapshot, database: DatabaseSnapshot) -> frozenset[str]:
    values = [row.value for row in snapshot.settings if row.name == "search_path"] + ["public"]
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
    return frozenset(part.strip().strip('"') for value in values for part in value.split(","))
