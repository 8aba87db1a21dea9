"""Sessions that people left open never end.

Why it matters: whoever sits down at an abandoned desk goes on with the colleague's session and the
patients it shows; a transaction left open also keeps locks and old rows.

How to fix: set idle_in_transaction_session_timeout for the cluster, and idle_session_timeout (14 and
later) for the logins of people: for the whole cluster it would also end the idle sessions of
connection pools.

Silent when: both are set for the cluster, for its databases, or for each login that needs them: those
of people for idle_session_timeout, all but superusers for transactions. A role that switches one off
for itself is told by role-setting-override.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject, shorten
from pgguard.analysis.people import is_collective, personal_logins
from pgguard.analysis.settings import by_database, by_role, change, is_zero
from pgguard.changes.role_settings import set_for_role
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "HIPAA 164.312(a)(2)(iii)",
    "CNIL guide, automatic locking of sessions",
    "PostgreSQL manual, 19.11.1 Statement Behavior",
)
_IDLE = "idle_session_timeout"
_TRANSACTION = "idle_in_transaction_session_timeout"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if _is_open(snapshot, _TRANSACTION):
        logins = [role.name for role in snapshot.roles if role.login and not role.superuser]
        left = _without(snapshot, _TRANSACTION, logins)
        if left or not logins:
            yield Finding(
                setting_subject(_TRANSACTION),
                f"{_TRANSACTION} = 0: a transaction that is left open stays open",
                fix=(change(snapshot, _TRANSACTION, "10min"),),
            )
    if snapshot.major >= 14 and _is_open(snapshot, _IDLE):
        people = {role.name for role in personal_logins(snapshot, policy)}
        people |= {
            role.name
            for role in snapshot.roles
            if role.login
            and is_collective(role.name)
            and not role.superuser
            and not policy.is_declared(role.name)
        }
        left = _without(snapshot, _IDLE, sorted(people))
        if left:
            who = f"{len(left)} login{'s' if len(left) > 1 else ''} of people"
            yield Finding(
                setting_subject(_IDLE),
                f"{_IDLE} = 0: idle sessions of {who} never end ({shorten([ident(name) for name in left])})",
                fix=tuple(set_for_role(name, _IDLE, "30min") for name in left),
            )


def _is_open(snapshot: Snapshot, name: str) -> bool:
    # where the cluster has a value, a database without one is that database's own setting
    if not is_zero(snapshot.setting(name).value):
        return False
    return any(is_zero(value) for value in by_database(snapshot, name).values())


def _without(snapshot: Snapshot, name: str, logins: list[str]) -> list[str]:
    own = by_role(snapshot, name)
    return [login for login in logins if login not in own]
