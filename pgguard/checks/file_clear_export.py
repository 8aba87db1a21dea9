"""A database dump or an export of personal data lies unencrypted in a folder.

Why it matters: whoever gets at the folder, a backup of it or the disk has every row, past all grants, row
policies and audits of the database; a forgotten copy in clear is how data of whole laboratories leaked.

How to fix: encrypt it for its recipient (OpenPGP, age, CMS) and remove the clear file, or remove it when it
is no longer needed; have what writes there encrypt before anything reaches the disk.

Silent when: files are encrypted; a dump holds definitions only; the columns of exported rows hold nothing
personal. Medium: rows of which nobody can tell what they hold (no header, no names of columns). What cannot
be read or unpacked is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.exports import is_certain, named_folders, not_seen, told
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = ("CNIL SAN-2022-009 (clear files on the server)", "GDPR 32")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    folders = named_folders(snapshot, policy)
    for folder, look in folders:
        clear = [one for one in look.files if one.holds != "encrypted"]
        if not clear:
            continue
        many = "1 file is" if len(clear) == 1 else f"{len(clear)} files are"
        under = f", under mandate {folder.mandate}" if folder.mandate else ""
        yield Finding(
            Subject("file", folder.path),
            f"{many} not encrypted{under}: {told(clear)}",
            severity=None if any(is_certain(one) for one in clear) else Severity.MEDIUM,
        )
    not_seen(look for _, look in folders)
