"""A login's VALID UNTIL is past, and it still gets in.

Why it matters: the date ends the password, not the account; whoever left goes on entering by a rule
that does not ask for the password, or in a session that was never closed.

How to fix: ALTER ROLE name NOLOGIN, then end its sessions with pg_terminate_backend; put the date
forward only if the person is still there.

Silent when: the login is NOLOGIN, or only password methods serve it and it has no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.admission import admissions, is_expired
from pgguard.analysis.hba.rules import STORED_PASSWORD, line, require_loaded
from pgguard.analysis.names import role_subject, shorten
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "GDPR 32",
    "NIST AC-2(3)",
    "PostgreSQL manual, CREATE ROLE",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    expired = {role.name: role for role in snapshot.roles if role.login and is_expired(snapshot, role)}
    if not expired:
        return
    ways: dict[str, dict[int, HbaRule]] = {}
    for entry in admissions(snapshot):
        if entry.rule.method not in STORED_PASSWORD:
            for name in entry.logins.among(expired):
                ways.setdefault(name, {})[entry.rule.number] = entry.rule
    sessions: dict[str, int] = {}
    # sessions are asked for only where the rules do not tell enough: not everybody may see them
    if ways.keys() != expired.keys() or "sessions" not in snapshot.missing():
        for session in snapshot.sessions:
            sessions[session.role] = sessions.get(session.role, 0) + 1
    for name, role in sorted(expired.items()):
        how = shorten([f"line {rule.line} ({line(rule)})" for rule in ways.get(name, {}).values()], 2)
        said = [f"still gets in by {how}"] if how else []
        count = sessions.get(name, 0)
        said += [f"has {count} open session{'s' if count > 1 else ''}"] if count else []
        if said:
            yield Finding(
                role_subject(name),
                f"{ident(name)} was valid until {role.valid_until[:10]} and {' and '.join(said)}",
                fix=(alter_role(name, "NOLOGIN", "LOGIN"),),
            )
    require_loaded(snapshot)
