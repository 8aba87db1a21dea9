"""An export or a dump is older than the policy keeps it.

Why it matters: personal data is kept no longer than its purpose needs (GDPR art. 5(1)(e)); copies that nobody
erases outlive the migration, the contract and the people who knew of them.

How to fix: remove the files, and their copies in backups, and have something remove them every night; when
they are needed longer, say so in the policy ([[folder]] keep_days).

Silent when: everything is within keep_days of its folder, by the day that a dump's own header gives or by
its last change, whichever is earlier. Encrypted files count. Medium: rows of which nobody can tell what they
hold.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.exports import is_certain, named_folders, not_seen, told
from pgguard.analysis.versions import today
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = ("CNIL SAN-2022-009 (no automatic erasure)", "GDPR 5(1)(e)")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    folders = named_folders(snapshot, policy)
    day = today(snapshot)
    for folder, look in folders:
        expired = [
            one for one in look.files if (day - datetime.date.fromisoformat(one.made)).days > folder.keep_days
        ]
        if expired:
            many = "1 file is" if len(expired) == 1 else f"{len(expired)} files are"
            yield Finding(
                Subject("file", folder.path),
                f"{many} older than {folder.keep_days} days: {told(expired)}",
                severity=None if any(is_certain(one) for one in expired) else Severity.MEDIUM,
            )
    not_seen(look for _, look in folders)
