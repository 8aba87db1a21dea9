"""PUBLIC may execute a SECURITY DEFINER function.

Why it matters: everybody who enters the database acts with the rights of the function's owner, which
is how data leaves past all grants; PostgreSQL grants EXECUTE to PUBLIC by itself.

How to fix: REVOKE EXECUTE ON FUNCTION name FROM PUBLIC and grant the roles that need it.

Silent when: revoked, functions of extensions, trigger functions (nobody calls those), schemas that
nobody may use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import reachable_by
from pgguard.analysis.names import function_name, function_subject
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "STIG",
    "NIST AC-6",
    "PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found = [
            function
            for function in database.functions
            if function.definer
            and not function.extension
            and not function.system
            and function.returns not in ("trigger", "event_trigger")
            and any(grant.grantee == PUBLIC for grant in database.grants(function.acl))
            and reachable_by(snapshot, database, function.schema, PUBLIC)
        ]
        for function in found:
            owner = snapshot.role(function.owner)
            power = "a superuser" if owner is not None and owner.superuser else ident(function.owner)
            kind = "PROCEDURE" if function.kind == "p" else "FUNCTION"
            yield Finding(
                function_subject(database, function),
                f"PUBLIC runs it with the rights of {power}",
                fix=(
                    revoke(["EXECUTE"], f"{kind} {function_name(function)}", PUBLIC, database=database.name),
                ),
            )
