"""Lines of the log do not say when, who, from where or with what.

Why it matters: a statement in the log without its login and its machine is evidence against nobody.

How to fix: set log_line_prefix = '%m [%p] %q%u@%d/%h %a ' and reload.

Silent when: the prefix has time, process, user, database, remote host and application, or the
collector writes csvlog or jsonlog, which have them all. Syslog itself adds time and process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, destinations
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 3",
    "PostgreSQL manual, 19.8.3 What to Log",
)
_ESCAPE = re.compile(r"%-?\d*([A-Za-z%])")
_PARTS = {
    "time": "tmn",
    "process": "pc",
    "user": "u",
    "database": "d",
    "remote host": "rh",
    "application": "a",
}
_BY_SYSLOG = frozenset({"time", "process"})
_STRUCTURED = frozenset({"csvlog", "jsonlog"})
_GOOD = "%m [%p] %q%u@%d/%h %a "


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    to = destinations(snapshot)
    if not to or (not to.isdisjoint(_STRUCTURED) and snapshot.setting("logging_collector").value == "on"):
        return
    prefix = snapshot.setting("log_line_prefix").value
    shown = {escape[1] for escape in _ESCAPE.finditer(prefix)}
    told = _BY_SYSLOG if to == {"syslog"} else frozenset()
    lacking = [part for part, escapes in _PARTS.items() if part not in told and shown.isdisjoint(escapes)]
    if lacking:
        yield Finding(
            setting_subject("log_line_prefix"),
            f"log_line_prefix = '{prefix}' lacks {', '.join(lacking)}",
            fix=(change(snapshot, "log_line_prefix", _GOOD),),
        )
