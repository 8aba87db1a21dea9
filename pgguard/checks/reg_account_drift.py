"""The logins of the cluster and the register of accounts are not in step.

Why it matters: rights are reviewed by the register. A login that is missing there is reviewed by nobody,
and what is done under an account that several share cannot be put to anybody.

How to fix: enter the login as [[account]] role, person; take out what is gone; a shared account is an
exception with `shared`, its reason, who validated it, and an end.

Silent when: every login is an account, a person or a service of the policy, an emergency account, or the
role that initdb made; each account is there and its end is to come. With a roster, role-undeclared-person
tells of logins that belong to nobody, and only administrators without an account are told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject
from pgguard.analysis.versions import today
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.register import Account
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("CNIL guide", "ISO 27001 A.5.16", "ISO 27001 A.5.18")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.account:
        msg = 'the register lists no accounts ([[account]] role = "c.martin", person = "Claire Martin")'
        raise NotApplicable(msg)
    day = today(snapshot)
    for role in snapshot.roles:
        if not role.login or role.bootstrap or role.predefined:
            continue
        if policy.has_account(role.name) or policy.is_person(role.name) or policy.is_service(role.name):
            continue
        if not policy.person or policy.is_administrator(role.name):
            yield Finding(role_subject(role.name), f"{ident(role.name)} can log in and is in no register")
    for one in sorted(policy.account, key=lambda account: account.role):
        yield from _of_account(snapshot, one, day)


def _of_account(snapshot: Snapshot, account: Account, day: datetime.date) -> Iterator[Finding]:
    role, name = snapshot.role(account.role), ident(account.role)
    ended = account.until is not None and account.until < day
    if role is None:
        if not ended:
            yield Finding(role_subject(account.role), f"the register lists {name}, and there is no such role")
        return
    if not role.login:
        if not ended:
            yield Finding(role_subject(role.name), f"the register lists {name}, and it cannot log in")
        return
    if ended:
        whose = "the exception for it" if account.shared else "its account"
        yield Finding(
            role_subject(role.name),
            f"{whose} ended on {account.until}, and {name} can still log in",
            fix=() if role.superuser else (alter_role(role.name, "NOLOGIN", "LOGIN"),),
        )
    if account.shared:
        lacking = [
            what
            for what, there in (
                ("a reason", account.reason.strip()),
                ("a validator", account.validator.strip()),
                ("an end", account.until),
            )
            if not there
        ]
        if lacking:
            yield Finding(
                role_subject(role.name), f"{name} is shared, and the exception has no {_or(lacking)}"
            )
    elif not account.person.strip():
        yield Finding(role_subject(role.name), f"the register does not say whose login {name} is")


def _or(parts: list[str]) -> str:
    return " and no ".join(part.removeprefix("a ").removeprefix("an ") for part in parts)
