"""pg_hba.conf or pg_ident.conf was changed after the server last read its configuration.

Why it matters: what people read in the file is not what is in force; a rule that was added against an
intruder may protect nobody yet.

How to fix: look at pg_hba_file_rules for errors, then SELECT pg_reload_conf().

Silent when: both files are older than the last load (pg_conf_load_time()).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("PostgreSQL manual, 20.1 The pg_hba.conf File",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for file in snapshot.config_files:
        if file.purpose in ("hba", "ident") and file.modified_at > snapshot.server.config_loaded_at:
            yield Finding(
                Subject("file", f"pg_{file.purpose}.conf"),
                f"changed at {file.modified_at[:19]}Z, configuration last loaded at "
                f"{snapshot.server.config_loaded_at[:19]}Z",
                fix=(by_hand("SELECT pg_reload_conf();"),),
            )
