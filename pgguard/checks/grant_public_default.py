"""Default privileges grant objects still to be made to PUBLIC.

Why it matters: each new table of results is open to every login from the moment it exists, and nobody
will look.

How to fix: ALTER DEFAULT PRIVILEGES FOR ROLE owner [IN SCHEMA name] REVOKE ... FROM PUBLIC, and grant
the groups instead.

Silent when: no such default beyond PostgreSQL's own (EXECUTE on functions, USAGE on types); a default
that repeats these for a schema is only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import schema_subject
from pgguard.changes.privileges import alter_default
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import DefaultAcl
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, ALTER DEFAULT PRIVILEGES",
)
_KINDS = {
    "r": "TABLES",
    "S": "SEQUENCES",
    "f": "FUNCTIONS",
    "T": "TYPES",
    "n": "SCHEMAS",
    "L": "LARGE OBJECTS",
}
# of these PostgreSQL grants PUBLIC something by itself, and every spelled-out default repeats it
_OPEN = frozenset("fT")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        narrowed = {
            (entry.role, entry.kind)
            for entry in database.default_acls
            if not entry.schema and not _held(database, entry)
        }
        for entry in database.default_acls:
            held = _held(database, entry)
            if not held or (not entry.schema and entry.kind in _OPEN):
                continue
            repeats = entry.kind in _OPEN and (entry.role, entry.kind) not in narrowed
            kind = _KINDS.get(entry.kind, "objects")
            yield Finding(
                schema_subject(database, entry.schema)
                if entry.schema
                else Subject("role", ident(entry.role), database.name),
                f"new {kind.lower()} of {ident(entry.role)} get {', '.join(held)} for PUBLIC"
                + (", as they do anyway" if repeats else ""),
                severity=Severity.LOW if repeats else None,
                fix=(
                    alter_default(
                        held, kind, PUBLIC, role=entry.role, schema=entry.schema, database=database.name
                    ),
                ),
            )


def _held(database: DatabaseSnapshot, entry: DefaultAcl) -> list[str]:
    return sorted({one.privilege for one in database.grants(entry.acl) if one.grantee == PUBLIC})
