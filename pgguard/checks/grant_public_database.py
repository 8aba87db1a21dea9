"""PUBLIC may connect to a database that holds sensitive tables, or make temporary tables in it.

Why it matters: PostgreSQL gives this to every login by default, so each account of the cluster,
whatever it was made for, gets as far as the patients' database.

How to fix: GRANT CONNECT ON DATABASE name to the groups that work in it, then REVOKE ALL ON DATABASE
name FROM PUBLIC.

Silent when: only named roles may connect, or the database holds no sensitive table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.granted import in_cluster, in_database
from pgguard.analysis.names import database_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.manual import by_hand
from pgguard.changes.privileges import grant
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.granted import Granted
    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 4",
    "GDPR 25",
    "PostgreSQL manual, 5.8 Privileges",
)
# more roles than that are for a person to put into groups first
_MANY = 20
# whose members work in every database without a grant in any
_EVERYWHERE = frozenset({"pg_monitor", "pg_read_all_data", "pg_write_all_data", "pg_maintain"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    things = {thing.name: thing for thing in in_cluster(snapshot) if thing.keyword == "DATABASE"}
    for database in snapshot.inspected:
        thing = things[ident(database.name)]
        held = sorted({one.privilege for one in thing.grants if one.grantee == PUBLIC})
        if not held:
            continue
        tables = sensitive_tables(database, policy)
        if tables:
            count = f"{len(tables)} sensitive table{'s' if len(tables) > 1 else ''}"
            yield Finding(
                database_subject(database.name),
                f"PUBLIC has {' and '.join(held)} on a database with {count}",
                fix=(
                    *(_keep_out_nobody(snapshot, database, thing) if "CONNECT" in held else ()),
                    *thing.take_back(PUBLIC, held, database=None),
                ),
            )


def _keep_out_nobody(snapshot: Snapshot, database: DatabaseSnapshot, thing: Granted) -> Iterator[Change]:
    """CONNECT for the roles that have something in the database and got in by PUBLIC's right only."""
    own = {one.grantee for one in thing.grants if one.privilege == "CONNECT"} | {thing.owner}
    named: set[str] = set()
    for one in in_database(database):
        named |= {one.owner, *(entry.grantee for entry in one.grants)}
    named |= {edge.member for edge in snapshot.memberships if edge.role in _EVERYWHERE}
    roles = (snapshot.role(name) for name in sorted(named - own - {PUBLIC}))
    needed = [role.name for role in roles if role and not role.superuser and not role.predefined]
    if len(needed) > _MANY:
        shown = shorten([ident(name) for name in needed], 5)
        yield by_hand(
            f"first GRANT CONNECT ON {thing.on} to groups of those who work in it: {shown}", first=True
        )
        return
    for name in needed:
        yield grant(["CONNECT"], thing.on, name)
