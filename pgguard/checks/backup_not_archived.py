"""Nothing of what the cluster writes is archived, or archiving fails.

Why it matters: after a broken disk or a ransomware attack everything since the last full backup is
lost, results and prescriptions included.

How to fix: set archive_mode = on with an archive_command or archive_library that copies to another
machine, take base backups (pgBackRest, Barman, WAL-G), and try a restore; or name the evidence of your
backups in the policy ([backup] evidence).

Silent when: archiving works, pg_receivewal or Barman streams the WAL away during the inspection, the
policy names evidence, or the cluster is declared throwaway. Low where the archive_command does nothing
on purpose (/bin/true), as one sets it where another way of backup is in use. A standby leaves archiving
to its primary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 32(1)(c)",
    "PostgreSQL manual, 25.3 Continuous Archiving and Point-in-Time Recovery (PITR)",
)
_RECEIVERS = ("pg_receivewal", "barman")
_NOTHING = frozenset({"true", "/bin/true", "/usr/bin/true", ":", "exit 0", "echo", "rem"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.cluster.throwaway:
        msg = "the policy declares this a throwaway cluster"
        raise NotApplicable(msg)
    if snapshot.server.in_recovery:
        msg = "this is a standby: archiving is its primary's task"
        raise NotApplicable(msg)
    if policy.backup.evidence or _is_streamed(snapshot):
        return
    if snapshot.setting("archive_mode").value == "off":
        seen = "" if "sessions" in snapshot.missing() else ", nothing streams the WAL away"
        yield Finding(
            setting_subject("archive_mode"),
            f"archive_mode = off{seen} and the policy names no evidence of backups",
            fix=(
                by_hand("archive_command = a command that copies %p to another machine as %f", first=True),
                change(snapshot, "archive_mode", "on"),
            ),
        )
        return
    library = snapshot.setting("archive_library").value if snapshot.major >= 15 else ""
    name = "archive_library" if library else "archive_command"
    command = snapshot.setting(name).value
    if not command:
        yield Finding(
            setting_subject(name),
            "archive_mode is on and there is no archive_command: WAL piles up here and is kept nowhere else",
        )
    elif " ".join(command.split()).lower() in _NOTHING:
        yield Finding(
            setting_subject(name),
            f"archive_command = {command} does nothing: no WAL is kept",
            severity=Severity.LOW,
        )
    else:
        yield from _failures(snapshot, name)


def _failures(snapshot: Snapshot, name: str) -> Iterator[Finding]:
    for row in snapshot.archiver:
        if row.last_failed_at > row.last_archived_at:
            last = row.last_archived_at[:19] + "Z" if row.last_archived_at else "never"
            yield Finding(
                setting_subject(name),
                f"archiving fails, {row.failed} times by {row.last_failed_at[:19]}Z; last success: {last}",
            )


def _is_streamed(snapshot: Snapshot) -> bool:
    # a role that may not see sessions does not see this either, and hears of archive_mode
    if "sessions" in snapshot.missing():
        return False
    return any(
        session.backend_type == "walsender" and session.application.lower().startswith(_RECEIVERS)
        for session in snapshot.sessions
    )
