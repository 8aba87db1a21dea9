"""Every account of the server's machine reaches the socket, and a rule for it does not ask who is there.

Why it matters: a web server or an intern's account on that machine may try passwords, or with trust
walks in, where peer would have known it.

How to fix: use peer for the local rules, or set unix_socket_group and unix_socket_permissions = 0770
and restart.

Silent when: the mode or the socket's folder keeps other accounts out, every local rule in force is
peer or reject, or there is no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba import in_force
from pgguard.analysis.hba.rules import line
from pgguard.analysis.names import rule_subject, setting_subject, shorten
from pgguard.analysis.settings import change, entries
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CIS-PG",
    "PostgreSQL manual, 19.3.1 Connection Settings",
)
_OTHERS_WRITE = 0o002
_OTHERS_SEARCH = 0o001
_KNOWS = frozenset({"peer", "reject"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    mode = snapshot.setting("unix_socket_permissions").value
    folders = entries(snapshot.setting("unix_socket_directories").value)
    # a socket in the abstract namespace (@) has no permissions at all
    abstract = any(folder.startswith("@") for folder in folders)
    if not folders or not (abstract or (int(mode, 8) & _OTHERS_WRITE and not _closed(snapshot))):
        return
    found = [
        rule
        for rule, _ in in_force(snapshot, lambda rule: rule.type == "local" and rule.method not in _KNOWS)
    ]
    if found:
        rules = [f"{rule_subject(rule).name} ({line(rule)})" for rule in found]
        yield Finding(
            setting_subject("unix_socket_permissions"),
            f"unix_socket_permissions = {mode}, and not by peer: {shorten(rules, 3)}",
            fix=(change(snapshot, "unix_socket_permissions", "0770"),),
        )


def _closed(snapshot: Snapshot) -> bool:
    if "files" in snapshot.missing():
        return False
    modes = [file.effective for file in snapshot.files if file.purpose == "socket"]
    return bool(modes) and all(mode and not int(mode, 8) & _OTHERS_SEARCH for mode in modes)
