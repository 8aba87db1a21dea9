"""Nothing keeps the server's log.

Why it matters: after an incident nobody can say who came in and what they did; the law asks for that
record, and without it a patient's complaint cannot be answered.

How to fix: set logging_collector = on and restart, or send the log to syslog; where journald or a
container's runtime keeps what the server writes to stderr, say so in the policy ([logging] captured_by).

Silent when: the collector, syslog, the event log or what the policy names keeps it. Low where the
cluster's name is one of Debian's, whose pg_ctlcluster keeps stderr in a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, destinations
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL recommendation journalisation",
    "CIS-PG 3",
    "PostgreSQL manual, 19.8.1 Where to Log",
)
_KEPT_ELSEWHERE = frozenset({"syslog", "eventlog"})
_MUTE = frozenset({"fatal", "panic"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    level = snapshot.setting("log_min_messages").value
    if level in _MUTE:
        yield Finding(
            setting_subject("log_min_messages"),
            f"log_min_messages = {level}: connections, statements and errors are not written to the log",
            fix=(change(snapshot, "log_min_messages", "warning"),),
        )
    to = destinations(snapshot)
    if not to:
        yield Finding(
            setting_subject("log_destination"),
            "log_destination is empty: nothing is logged",
            fix=(change(snapshot, "log_destination", "stderr"),),
        )
        return
    if snapshot.setting("logging_collector").value == "on" or not to.isdisjoint(_KEPT_ELSEWHERE):
        return
    if not policy.logging.captured_by:
        debian = snapshot.setting("cluster_name").value.startswith(f"{snapshot.major}/")
        where = (
            "Debian's pg_ctlcluster keeps stderr, but nothing rotates and protects it for the server"
            if debian
            else "the log goes to stderr, and nothing is known to keep it"
        )
        yield Finding(
            setting_subject("logging_collector"),
            f"logging_collector = off and log_destination = {', '.join(sorted(to))}: {where}",
            severity=Severity.LOW if debian else None,
            fix=(change(snapshot, "logging_collector", "on"),),
        )
