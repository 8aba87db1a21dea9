"""A setting that protects the cluster was changed, and waits for a restart.

Why it matters: the file shows the protection, the server does not have it yet, and whoever reads the
file is reassured.

How to fix: restart the server in the next maintenance window, or take the change out of the file.

Silent when: nothing that protects waits (memory and the like are not told here).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("PostgreSQL manual, pg_settings",)
_PROTECTS = frozenset(
    {
        "allow_system_table_mods",
        "archive_mode",
        "bonjour",
        "hba_file",
        "ident_file",
        "ignore_invalid_pages",
        "listen_addresses",
        "logging_collector",
        "port",
        "shared_preload_libraries",
        "ssl",
        "track_commit_timestamp",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
        "wal_level",
    }
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for setting in snapshot.settings:
        if setting.pending_restart and setting.name in _PROTECTS:
            value = "a value not shown" if setting.masked else setting.value or "empty"
            yield Finding(
                setting_subject(setting.name),
                f"{setting.name} was changed in the file and waits for a restart; in force is {value}",
            )
    # the server hides some of them from many roles, this one too: then the answer is not known
    snapshot.setting("shared_preload_libraries")
