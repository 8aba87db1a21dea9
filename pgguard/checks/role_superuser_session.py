"""An application or a session from another machine runs as superuser.

Why it matters: one flaw in the program, one injected statement, and the whole cluster with every
patient's record is the attacker's, the operating-system account included.

How to fix: give the program a login of its own with the grants it needs, and let administrators work
on the machine or through a jump host.

Silent when: administrators at an interactive program on the machine itself or coming from the
policy's jump hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.people import is_interactive
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "NIST AC-6",
    "PostgreSQL manual, 27.2 The Cumulative Statistics System",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    superusers = {role.name for role in snapshot.roles if role.superuser}
    near = LOOPBACK | parse(policy.networks.jump_hosts)
    seen: dict[str, set[str]] = {}
    for session in snapshot.sessions:
        if session.role not in superusers or session.backend_type == "walsender":
            continue
        far = bool(session.address) and not parse([session.address]).within(near)
        program = bool(session.application) and not is_interactive(session)
        known = session.application.startswith(("pg_", "pgguard"))
        if far or (program and not known):
            origin = session.address or "the local socket"
            seen.setdefault(session.role, set()).add(f"{session.application or 'unnamed'} from {origin}")
    for name, origins in sorted(seen.items()):
        yield Finding(
            role_subject(name),
            f"superuser {ident(name)} is in use by {shorten(sorted(origins), 3)}",
        )
