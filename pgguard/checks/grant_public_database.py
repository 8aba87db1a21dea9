"""PUBLIC may connect to a database that holds sensitive tables, or make temporary tables in it.

Why it matters: PostgreSQL gives this to every login by default, so each account of the cluster,
whatever it was made for, gets as far as the patients' database.

How to fix: REVOKE ALL ON DATABASE name FROM PUBLIC after GRANT CONNECT to the groups that work in it.

Silent when: only named roles may connect, or the database holds no sensitive table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import database_subject
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.8 Privileges",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    rows = {row.name: row for row in snapshot.databases}
    for database in snapshot.inspected:
        held = sorted(
            {grant.privilege for grant in snapshot.grants(rows[database.name].acl) if grant.grantee == PUBLIC}
        )
        if not held:
            continue
        tables = sensitive_tables(database, policy)
        if tables:
            count = f"{len(tables)} sensitive table{'s' if len(tables) > 1 else ''}"
            yield Finding(
                database_subject(database.name),
                f"PUBLIC has {' and '.join(held)} on a database with {count}",
                fix=(revoke(held, f"DATABASE {ident(database.name)}", PUBLIC),),
            )
