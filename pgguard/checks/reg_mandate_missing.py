"""A role takes data out, and no documented instruction says that it may.

Why it matters: a processor acts on documented instruction only (GDPR art. 29, 28(3)(a)). The vendor of the
leak extracted more than was asked, because what was asked stood nowhere (CNIL SAN-2022-009).

How to fix: have the controller write the instruction and declare it ([[mandate]], [[mandate_table]]), then
`pgguard mandate open`, and drop the old role; or declare what the role is for ([[service]], [[person]]).

Silent when: no role that can read sensitive columns is named for extraction or migration (data/
extraction_words.toml), or was seen to COPY them out or to read more than mass_read_rows of them in a day, but
those of mandates, administrators, declared people, services and emergency accounts, and accounts under a
contract or of an activity. A contract is no instruction. Roles with REPLICATION have checks of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.extracting import candidates
from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("CNIL SAN-2022-009 (art. 29)",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not any(sensitive_tables(database, policy) for database in snapshot.inspected):
        msg = "no table is known to hold personal data ([[column]] name, category)"
        raise NotApplicable(msg)
    for one in candidates(snapshot, policy):
        users = [ident(login) for login in one.logins if login != one.role]
        by = f" (used by {shorten(users, 3)})" if users else ""
        yield Finding(
            role_subject(one.role),
            f"{ident(one.role)}{by} {one.said} and can read {shorten(list(one.tables), 3)} without a mandate",
        )
