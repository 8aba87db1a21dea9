"""Other accounts of the server's machine can read the data directory, its rules or its key, or change them.

Why it matters: whoever reads the data directory has every table, past all grants; whoever reads the
TLS key can pose as the server; whoever writes pg_hba.conf lets himself in.

How to fix: chmod 0700 the data directory, 0600 the key, and 0640 or less pg_hba.conf and pg_ident.conf,
owned by the server's account.

Silent when: nobody but the owner and, for reading, its group gets at them. Low where only a folder
above keeps the others out. What pgguard may not see there is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.manual import by_hand
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 2",
    "PostgreSQL manual, 18.2 Creating a Database Cluster",
)
# purpose of the file: what it is, the widest mode that is right
_RIGHT = {
    "data_directory": ("the data directory", 0o750),
    "hba": ("the rules of pg_hba.conf", 0o640),
    "ident": ("the maps of pg_ident.conf", 0o640),
    "ssl_key": ("the private key of TLS", 0o640),
}
_WHOM = (
    (0o002, "other accounts can write it"),
    (0o004, "other accounts can read it"),
    (0o001, "other accounts can enter it"),
    (0o020, "its group can write it"),
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    unseen = []
    for file in snapshot.files:
        if file.purpose not in _RIGHT:
            continue
        if not file.mode:
            unseen.append(file.path)
            continue
        what, right = _RIGHT[file.purpose]
        whom = _whom(file.effective, right)
        held = "" if whom else "but for the folder above "
        whom = whom or _whom(file.mode, right)
        if whom:
            yield Finding(
                Subject("file", file.path),
                f"{what} has mode {file.mode} and is {file.owner}'s: {held}{whom}",
                severity=Severity.LOW if held else None,
                fix=(by_hand(f"chmod {int(file.mode, 8) & right:04o} {file.path}"),),
            )
    if unseen:
        msg = "files"
        raise Unread(
            msg,
            f"{', '.join(unseen)} may not be seen by the account that runs pgguard: run it as root or as the "
            "server's account",
        )


def _whom(mode: str, right: int) -> str:
    loose = int(mode, 8) & 0o777 & ~right
    return next((effect for bits, effect in _WHOM if loose & bits), "")
