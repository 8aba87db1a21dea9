"""The seals of the audit store do not hold: entries were changed, deleted or put in.

Why it matters: an audit that somebody can rewrite unseen proves nothing, neither against an intruder nor for
somebody who is wrongly accused. Whoever rewrote it was a superuser, or had the files.

How to fix: keep the database as it is and treat it as an incident. Run pgguard audit verify with the anchors
that are kept outside, which names every entry; compare with backups.

Silent when: the newest seals follow one another and the last verification, if there was one, found all in
order. Only pgguard audit verify reads the entries: run it every night.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import database_subject
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import AuditEvidence
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = ("HIPAA 164.312(c)",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    stores = [(database, row) for database in snapshot.inspected for row in database.audit_evidence]
    if not stores:
        msg = "no database has an audit store: pgguard plan --audit"
        raise NotApplicable(msg)
    for database, row in stores:
        said = _broken(row)
        if said:
            yield Finding(database_subject(database.name), said)


def _broken(row: AuditEvidence) -> str:
    if row.verified_at and not row.verified_ok:
        where = f"entry {row.first_bad_entry} " if row.first_bad_entry else f"seal {row.first_bad_seal} "
        return f"the verification of {row.verified_at} failed: {where}{row.verified_said}"
    if row.broken_seal:
        return f"seal {row.broken_seal}: {row.broken}"
    if row.verified_gone:
        return f"seal {row.verified_seal} was verified on {row.verified_at}, and is not there as it was"
    return ""
