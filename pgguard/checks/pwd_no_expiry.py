"""A personal login's password never expires although the policy wants it to.

Why it matters: the password of somebody who left works until somebody remembers it.

How to fix: ALTER ROLE name VALID UNTIL 'date'; that ends the password, not the account: take LOGIN
from those who left.

Silent when: services; policies that do not ask for expiry ([passwords] require_expiry = true does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.analysis.people import personal_logins
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = (
    "CNIL, recommendation on passwords of 2022",
    "STIG",
    "PostgreSQL manual, CREATE ROLE",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.passwords.require_expiry:
        msg = "the policy does not ask for expiry ([passwords] require_expiry = true)"
        raise NotApplicable(msg)
    endless = [
        role.name for role in personal_logins(snapshot, policy) if role.valid_until in ("", "infinity")
    ]
    if len(endless) > 5:
        yield Finding(
            cluster_subject(),
            f"{len(endless)} personal logins have no VALID UNTIL: "
            f"{shorten([ident(name) for name in endless])}",
        )
        return
    for name in endless:
        yield Finding(role_subject(name), f"{ident(name)} has no VALID UNTIL")
