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

from pgguard.analysis.membership import inherited_roles, login_heirs, logins, settable_roles
from pgguard.analysis.names import role_subject, setting_subject
from pgguard.analysis.settings import change, destinations
from pgguard.changes.privileges import revoke, revoke_membership
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import grantee, ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "NIST AU-9",
    "PostgreSQL manual, 9.28.2 Server Signaling Functions",
    "PostgreSQL manual, 21.5 Predefined Roles",
)
_READS = "pg_read_server_files"
_FUNCTIONS = {
    "pg_rotate_logfile": "rotates the log",
    "pg_logfile_rotate": "rotates the log",
    "pg_file_unlink": "deletes the server's files, the log's among them",
    "pg_file_rename": "renames the server's files, the log's among them",
    "pg_file_write": "writes the server's files, the log's among them",
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
_MANY = 5


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.logging.captured_by or destinations(snapshot) <= _ELSEWHERE:
        return
    yield from _readers(snapshot, policy)
    yield from _callers(snapshot, policy)
    yield from _folder(snapshot)


def _readers(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for login in logins(snapshot):
        if login.superuser or policy.is_administrator(login.name):
            continue
        paths = {**settable_roles(snapshot, login.name), **inherited_roles(snapshot, login.name)}
        path = paths.get(_READS)
        if path is not None:
            yield Finding(
                role_subject(login.name),
                f"{ident(login.name)} reads the log's files ({' -> '.join(ident(step) for step in path)})",
                fix=(revoke_membership(path[-1], path[-2]),),
            )


def _callers(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        for function in database.functions:
            effect = _FUNCTIONS.get(function.name)
            if effect is None or not (function.system or function.extension):
                continue
            name = f"{qualified(function.schema, function.name)}({function.arguments})"
            for grant in database.grants(function.acl):
                if grant.privilege != "EXECUTE":
                    continue
                who = [
                    one for one in login_heirs(snapshot, grant.grantee) if not policy.is_administrator(one)
                ]
                fix = revoke(["EXECUTE"], f"FUNCTION {name}", grant.grantee, database=database.name)
                for role in who if len(who) <= _MANY else [grant.grantee]:
                    yield Finding(
                        role_subject(role),
                        f"{grantee(role)} {effect} (EXECUTE on {name} in {ident(database.name)})",
                        fix=(fix,),
                    )


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
