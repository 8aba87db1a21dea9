"""No tested emergency account is declared.

Why it matters: when the identity provider, the pooler or the administrators are out of reach, somebody has
to get at the patients' data; without a sealed account people share the superuser's password.

How to fix: keep the password of a login of its own in a sealed place, declare [[breakglass]] role,
sealed_at, custodian and last_test, and try it once a year.

Silent when: one is declared, can log in, and was tested within breakglass_test_days of the policy (365).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import cluster_subject, role_subject
from pgguard.analysis.versions import today
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.register import BreakGlass
    from pgguard.model.snapshot import Snapshot

severity = Severity.LOW
references = ("HIPAA 164.312(a)(2)(ii)",)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not (policy.breakglass or policy.activity or policy.contract or policy.account):
        msg = "there is no register of processing yet that would declare one ([[breakglass]] role, sealed_at)"
        raise NotApplicable(msg)
    if policy.cluster.throwaway:
        return
    if not policy.breakglass:
        yield Finding(cluster_subject(), "the register declares no emergency account")
    day = today(snapshot)
    for one in sorted(policy.breakglass, key=lambda entry: entry.role):
        if wrong := _wrong(snapshot, one, day, policy.thresholds.breakglass_test_days):
            yield Finding(role_subject(one.role), f"the emergency account {ident(one.role)} {wrong}")


def _wrong(snapshot: Snapshot, entry: BreakGlass, day: datetime.date, days: int) -> str:
    role = snapshot.role(entry.role)
    if role is None:
        return "does not exist"
    if not role.login:
        return "cannot log in"
    if entry.last_test is None:
        return "was never tested, as far as the register says"
    if entry.last_test > day:
        return f"has a test in the future ({entry.last_test})"
    age = (day - entry.last_test).days
    return f"was tested last on {entry.last_test}, {age} days ago; {days} are allowed" if age > days else ""
