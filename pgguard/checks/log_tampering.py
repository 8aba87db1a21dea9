"""Somebody who is no administrator may read the log's files, rotate them or have them vanish.

Why it matters: the record of who read which patient is worth nothing when those it records can get at
it.

How to fix: REVOKE the membership or the grant named in the evidence, move log_directory into a folder
of the server's account alone, or ship the log to another machine and say so in the policy ([logging]
captured_by).

Silent when: only administrators get at it, the log goes to syslog or the event log alone, or the policy
names where it is shipped.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.granted import of_function
from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, destinations
from pgguard.changes.memberships import revoke_grant
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AU-9",
    "PostgreSQL manual, 9.28.2 Server Signaling Functions",
    "PostgreSQL manual, 21.5 Predefined Roles",
)
_READS = "pg_read_server_files"
_FUNCTIONS = {
    "pg_rotate_logfile": "rotates it",
    "pg_logfile_rotate": "rotates it",
    "pg_file_unlink": "deletes its files",
    "pg_file_rename": "renames its files",
    "pg_file_write": "writes its files",
}
_ELSEWHERE = frozenset({"syslog", "eventlog"})
# folders where every account of the machine, or the web, has business
_EXPOSED = tuple(
    PurePosixPath(path)
    for path in (
        "/tmp",  # noqa: S108 - what is looked for
        "/var/tmp",  # noqa: S108
        "/dev/shm",  # noqa: S108
        "/var/www",
        "/srv/www",
        "/srv/http",
        "/srv/ftp",
        "/var/ftp",
        "/usr/share/nginx",
    )
)
_OTHERS_WRITE = 0o002


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.logging.captured_by or destinations(snapshot) <= _ELSEWHERE:
        return
    held = [
        Holding(edge.member, f"{edge.role}, which reads it", (revoke_grant(edge, major=snapshot.major),))
        for edge in snapshot.memberships
        if edge.role == _READS and (edge.inherit or edge.set)
    ]
    for database in snapshot.inspected:
        held += _callers(snapshot, database)
    for bearer in bearers(snapshot, held, policy.is_administrator):
        yield Finding(
            Subject("role", bearer.name),
            f"{bearer.name} gets at the log by {bearer.told()}",
            fix=bearer.fix(),
        )
    yield from _folder(snapshot)


def _callers(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Holding]:
    for function in database.functions:
        if function.name not in _FUNCTIONS or not (function.system or function.extension):
            continue
        thing = of_function(database, function)
        for grant in thing.grants:
            role = snapshot.role(grant.grantee)
            if grant.grantee == function.owner or (role is not None and role.predefined):
                continue
            fix = thing.take_back(grant.grantee, ["EXECUTE"], database=database.name)
            yield Holding(grant.grantee, f"{function.name}, which {_FUNCTIONS[function.name]}", fix)


def _folder(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.setting("logging_collector").value != "on":
        return
    folder = snapshot.setting("log_directory").value
    path = PurePosixPath(folder)
    data = PurePosixPath(snapshot.setting("data_directory").value)
    exposed = next((one for one in _EXPOSED if path.is_relative_to(one)), None)
    if exposed is not None and not path.is_relative_to(data):
        what = f"lies under {exposed}"
    elif _others_write(snapshot):
        what = "may be written by every account of the machine"
    else:
        return
    yield Finding(
        setting_subject("log_directory"),
        f"log_directory = {folder} {what}",
        fix=(change(snapshot, "log_directory", "log"),),
    )


def _others_write(snapshot: Snapshot) -> bool:
    if "files" in snapshot.missing():
        return False
    return any(
        file.purpose == "log_directory" and file.mode and int(file.effective, 8) & _OTHERS_WRITE
        for file in snapshot.files
    )
