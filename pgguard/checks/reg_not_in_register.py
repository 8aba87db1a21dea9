"""The database and the register of processing do not say the same.

Why it matters: what is in no register has no purpose, no legal basis, no deadline and no owner; it is the
first thing that a supervisory authority asks for, and what gets forgotten when access rights are reviewed.

How to fix: add to the policy, or to the register's file, what is missing: [[activity]] name, purpose,
databases, tables and recipient_roles; correct names that are not there; enter the contract's text as it is
now.

Silent when: an activity names each database with sensitive tables, and where activities name tables each
of these and their sensitive columns; what activities list is there; rights on sensitive tables are those
of an account, a person, a service, an administrator, a contract's roles or an activity's recipients
(judged once the register names any such role); processors read no type of data (high) but those of their
contract; its text has the digest of the register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.grouping import MOST, gathered, place, together
from pgguard.analysis.names import database_subject, relation_name, relation_subject, role_subject, shorten
from pgguard.analysis.register import contract_logins, entry_subject, of_database
from pgguard.analysis.register_gaps import types_read, uncovered, unlisted, unreal
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.analysis.waivers import waived
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.register_gaps import Right, Unlisted
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "GDPR 30",
    "GDPR 5(2)",
    "GDPR 28",
)
_ID = "reg-not-in-register"


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.activity and not policy.contract:
        msg = (
            "the policy declares no processing activity "
            '([[activity]] name = "laboratory results", purpose = "care", databases = ["lab"])'
        )
        raise NotApplicable(msg)
    names_roles = (
        bool(policy.account)
        or any(one.roles for one in policy.contract)
        or any(one.recipient_roles for one in policy.activity)
    )
    for database in snapshot.inspected:
        yield from _tables(snapshot, database, policy)
        if names_roles:
            yield from _rights(database, list(uncovered(snapshot, database, policy)))
    for activity in policy.activity:
        if absent := list(unreal(snapshot, activity)):
            yield Finding(
                entry_subject("activity", activity.name),
                f"it lists {shorten(absent, 3)}, which {_is_are(len(absent))} not there",
                advice="correct the names in the activity, or take them out",
            )
    yield from _types(snapshot, policy)
    yield from _documents(snapshot, policy)


def _tables(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Finding]:
    if not of_database(policy, database.name):
        relations = [columns[0].relation for columns in sensitive_tables(database, policy).values()]
        named = [relation_name(one) for one in relations if not one.is_partition]
        if named:
            yield Finding(
                database_subject(database.name),
                f"no activity of the register works on it, and {len(named)} of its tables "
                f"{_is_are(len(named))} sensitive: {shorten(named, 3)}",
            )
        return
    apart = waived(snapshot, database, policy, _ID)
    found = list(unlisted(database, policy))
    rest = [one for one in found if relation_name(one.relation) not in apart]
    groups = gathered(together(rest, lambda one: one.relation.schema), lambda one: "")
    for group in (*([one] for one in found if one not in rest), *groups):
        if len(group) == 1:
            yield Finding(relation_subject(database, group[0].relation), _unlisted(group[0]))
        else:
            tables = shorten([relation_name(one.relation) for one in group], 3)
            yield Finding(
                place(database, (one.relation.schema for one in group)),
                f"no activity of the register is about {len(group)} sensitive tables: {tables}",
            )


def _unlisted(one: Unlisted) -> str:
    if one.columns:
        return f"no activity of the register lists its sensitive columns {shorten(list(one.columns), 4)}"
    return "it is sensitive, and no activity of the register is about it"


def _rights(database: DatabaseSnapshot, rights: list[Right]) -> Iterator[Finding]:
    if len(rights) > MOST:
        yield Finding(
            database_subject(database.name),
            f"nothing in the register covers the rights of {len(rights)} roles on sensitive tables: "
            f"{shorten([ident(one.grantee) for one in rights], 3)}",
        )
        return
    for one in rights:
        others = [ident(login) for login in one.logins if login != one.grantee]
        by = f" (held by {shorten(others, 3)})" if others else ""
        yield Finding(
            role_subject(one.grantee),
            f"{ident(one.grantee)} has rights on {shorten(list(one.relations), 3)} in database "
            f"{ident(database.name)}{by}, which nothing in the register covers",
            advice="enter whose login it is ([[account]], [[service]]), the contract's roles or the "
            "activity's recipient_roles; or revoke the rights",
        )


def _types(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for contract in policy.contract:
        logins = contract_logins(snapshot, policy, contract)
        if not logins or not contract.data_types:
            continue
        beyond: dict[str, str] = {}
        for database in snapshot.inspected:
            beyond = {**types_read(snapshot, database, policy, logins, contract.data_types), **beyond}
        if beyond:
            told = [f"{category} ({column})" for category, column in sorted(beyond.items())]
            yield Finding(
                entry_subject("contract", contract.name),
                f"{shorten([ident(one) for one in sorted(logins)], 3)} can read types of data that the "
                f"register does not have as agreed in it: {shorten(told, 4)}",
                severity=Severity.HIGH,
                advice="revoke what the contract does not agree, or enter what it agrees in data_types",
            )


def _documents(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    unread = []
    for contract in policy.contract:
        if not contract.document or not contract.sha256:
            continue
        found = (snapshot.documents or {}).get(contract.document)
        if found is None or found.reason:
            unread.append(f"{contract.document}: {found.reason if found else 'nobody looked at it'}")
        elif found.sha256 != contract.sha256:
            yield Finding(
                entry_subject("contract", contract.name),
                f"{contract.document} is not the text that the register was made with: "
                f"its sha256 is {found.sha256[:16]}... now",
                advice="see who changed the text, and enter the digest of the one that is in force",
            )
    if unread:
        section = "documents"
        raise Unread(section, "; ".join(unread))


def _is_are(count: int) -> str:
    return "is" if count == 1 else "are"
