"""Other accounts of the server's machine may read the log, or the group may change it.

Why it matters: the log holds logins, statements and with them patients' data; a web server's account
or a colleague of another department has no business there.

How to fix: set log_file_mode = 0600, or 0640 for a group that ships logs, reload, and correct the files
that are there.

Silent when: 0600 or 0640. Low where the folder of the log keeps others out, or where the server writes
no log files now.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, writes_log_files
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 3",
    "PostgreSQL manual, 19.8.1 Where to Log",
)
_LOOSE = 0o027
_OTHERS_READ = 0o005


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    mode = snapshot.setting("log_file_mode").value
    if not int(mode, 8) & _LOOSE:
        return
    folder = snapshot.setting("log_directory").value
    if not writes_log_files(snapshot):
        grade, what = Severity.LOW, "and would count as soon as logging_collector is on"
    elif _shut(snapshot, folder):
        grade, what = Severity.LOW, f"and only the folder {folder} keeps others out"
    else:
        grade, what = None, f"in {folder}"
    yield Finding(
        setting_subject("log_file_mode"),
        f"log_file_mode = {mode}, wider than 0640, {what}",
        severity=grade,
        fix=(
            change(snapshot, "log_file_mode", "0600"),
            by_hand(f"chmod 0600 the files that are in {folder}"),
        ),
    )


def _shut(snapshot: Snapshot, folder: str) -> bool:
    if "files" not in snapshot.missing():
        modes = [file.effective for file in snapshot.files if file.purpose == "log_directory" and file.mode]
        if modes:
            return not any(int(mode, 8) & _OTHERS_READ for mode in modes)
    # the server does not start with a data directory that others may enter
    return not PurePosixPath(folder).is_absolute()
