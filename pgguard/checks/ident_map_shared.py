"""An ident map lets several system users, or a pattern of them, take the same database role.

Why it matters: whoever is behind the role can no longer be told; the log and the audit name one login
for several people.

How to fix: give each system user a database role of its own in pg_ident.conf, grant the rights to a
group role, then SELECT pg_reload_conf().

Silent when: one system user for each role; a pattern whose role is taken from the user's own name
(\\1); maps that no rule of pg_hba.conf uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import rules
from pgguard.analysis.names import rule_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import IdentRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (shared accounts)",
    "HIPAA 164.312(a)(2)(i)",
    "PostgreSQL manual, 20.2 User Name Maps",
)
_OPTION = "map="
_CAPTURED = "\\1"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    used = {
        option.removeprefix(_OPTION)
        for rule in rules(snapshot)
        for option in rule.options
        if option.startswith(_OPTION)
    }
    # before 15 the server does not show the maps: unknown only where a rule uses one
    entries = snapshot.ident_rules if used else ()
    by_role: dict[tuple[str, str], list[IdentRule]] = {}
    for entry in entries:
        if not entry.error and entry.map in used and _CAPTURED not in entry.database_user:
            by_role.setdefault((entry.map, entry.database_user), []).append(entry)
    for (name, role), group in by_role.items():
        users = list(dict.fromkeys(entry.system_user for entry in group))
        patterns = [entry for entry in group if entry.system_user.startswith("/")]
        if len(users) < 2 and not patterns:
            continue
        subject = rule_subject((patterns or group)[0])
        whom = (
            f"every system user that fits {shorten([entry.system_user for entry in patterns], 2)}"
            if patterns
            else f"{len(users)} system users ({shorten(users, 4)})"
        )
        yield Finding(
            subject,
            f"map {name} lets {whom} be {_role(role)}",
            fix=(by_hand(f"{subject.name}: a role of its own for each system user"),),
        )


def _role(name: str) -> str:
    # from 16 on the field may be all, +group or a pattern
    return "any role" if name == "all" else name if name.startswith(("+", "/")) else ident(name)
