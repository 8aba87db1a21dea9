"""Default privileges grant objects still to be made to PUBLIC.

Why it matters: each new table of results is open to every login from the moment it exists, and nobody
will look.

How to fix: ALTER DEFAULT PRIVILEGES FOR ROLE owner [IN SCHEMA name] REVOKE ... FROM PUBLIC, and grant
the groups instead.

Silent when: no such default beyond PostgreSQL's own (EXECUTE on functions, USAGE on types).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import schema_subject
from pgguard.model.finding import Change, Finding, Severity, Subject
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

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


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        for entry in database.default_acls:
            # what PostgreSQL grants by itself stands in every spelled-out default, too
            if not entry.schema and entry.kind in ("f", "T"):
                continue
            held = sorted({one.privilege for one in database.grants(entry.acl) if one.grantee == PUBLIC})
            if not held:
                continue
            kind = _KINDS.get(entry.kind, "objects")
            where = f" IN SCHEMA {ident(entry.schema)}" if entry.schema else ""
            head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {ident(entry.role)}{where}"
            yield Finding(
                schema_subject(database, entry.schema)
                if entry.schema
                else Subject("role", ident(entry.role), database.name),
                f"new {kind.lower()} of {ident(entry.role)} get {', '.join(held)} for PUBLIC",
                fix=(
                    Change(
                        f"{head} REVOKE {', '.join(held)} ON {kind} FROM PUBLIC;",
                        f"{head} GRANT {', '.join(held)} ON {kind} TO PUBLIC;",
                        "ROW EXCLUSIVE on pg_default_acl",
                        database=database.name,
                    ),
                ),
            )
