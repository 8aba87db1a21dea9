"""An export or a dump can be read by other accounts of the machine, or a web or FTP server hands it out.

Why it matters: a file under a web root is found by anybody who guesses its name, without a login and without
a trace in the database; a file that every account may read is only as safe as the weakest program there.

How to fix: move it out of the web or FTP root at once and read that server's logs for who fetched it; close
the folder for others: chmod o-rwx.

Silent when: only the owner and its group get at it, or a folder above keeps others out; it is encrypted and
lies under no root. Medium: encrypted but handed out; rows of which nobody can tell what they hold. Links
in a root count where they lead into a folder that the policy names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.exports import is_certain, look_at, looks, not_seen, told
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.folders import FoundFile
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = ("CNIL SAN-2022-009 (public zone)",)
# what a shell takes as it stands
_PLAIN = re.compile(r"/[\w./@+-]*", re.ASCII)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.folder and not policy.files.web_roots and not policy.files.ftp_roots:
        msg = (
            "the policy names no folder of exports and dumps and no root of a server "
            "([[folder]] path, purpose, keep_days; [files] web_roots, ftp_roots)"
        )
        raise NotApplicable(msg)
    seen = looks(snapshot)
    folders = [one.path for one in policy.folder]
    roots = [*policy.files.web_roots, *policy.files.ftp_roots]
    found = {path: look_at(seen, path) for path in (*folders, *roots)}
    known: set[str] = set()
    # what lies in a folder that is itself under a root is told once, of the folder
    for path, look in found.items():
        files = [one for one in look.files if one.path not in known]
        known |= {one.path for one in files}
        published = [one for one in files if one.root]
        if published:
            under = ", ".join(sorted({one.root for one in published}))
            yield Finding(
                Subject("file", path), f"handed out under {under}: {told(published)}", _severity(published)
            )
        readable = [one for one in files if one.open and not one.root and one.holds != "encrypted"]
        if readable:
            yield Finding(
                Subject("file", path),
                f"other accounts can read {told(readable)}",
                _severity(readable),
                fix=(by_hand(f"chmod o-rwx {path}"),) if _PLAIN.fullmatch(path) else (),
            )
    not_seen(found.values())


def _severity(files: Sequence[FoundFile]) -> Severity | None:
    certain = any(is_certain(one) and one.holds != "encrypted" for one in files)
    return None if certain else Severity.MEDIUM
