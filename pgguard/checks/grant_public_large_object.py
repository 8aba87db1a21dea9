"""Large objects are open to PUBLIC, or lo_compat_privileges switches their grants off.

Why it matters: large objects hold scanned reports and images; whoever guesses a number reads them.

How to fix: REVOKE ALL ON LARGE OBJECT number FROM PUBLIC; ALTER SYSTEM RESET lo_compat_privileges.

Silent when: no grant to PUBLIC and lo_compat_privileges off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.granted import of_large_object
from pgguard.analysis.names import database_subject, setting_subject
from pgguard.analysis.settings import change
from pgguard.changes.privileges import revoke_all_large_objects
from pgguard.model.finding import Finding, Severity
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "PostgreSQL manual, 35.3.1 Creating a Large Object",
    "GDPR 25",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.setting("lo_compat_privileges").value == "on":
        yield Finding(
            setting_subject("lo_compat_privileges"),
            "lo_compat_privileges = on: every large object is open to every login",
            fix=(change(snapshot, "lo_compat_privileges", "off"),),
        )
    for database in snapshot.inspected:
        things = [(group.objects, of_large_object(database, group)) for group in database.large_objects]
        opened = [
            (count, thing) for count, thing in things if any(one.grantee == PUBLIC for one in thing.grants)
        ]
        if not opened:
            continue
        held = sorted({one.privilege for _, thing in opened for one in thing.grants if one.grantee == PUBLIC})
        total = sum(count for count, _ in opened)
        yield Finding(
            database_subject(database.name),
            f"PUBLIC has {', '.join(held)} on {total} large object{'s' if total > 1 else ''}",
            fix=opened[0][1].take_back(PUBLIC, held, database=database.name)
            if total == 1
            else (revoke_all_large_objects(database=database.name),),
        )
