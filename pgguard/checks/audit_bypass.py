"""A login can switch the triggers of the audit off, or go round them.

Why it matters: what is done meanwhile leaves no trace, and no error says so.

How to fix: REVOKE SET ON PARAMETER session_replication_role (event_triggers) FROM role; take the parameter
out of the function's SET clause; install the event triggers (sql/install/022_audit_ddl.sql), which refuse
owners what is a superuser's to do.

Silent when: superusers alone can; declared administrators. What a login may set where nothing is audited is
told by grant-set-parameter, owners that log in by role-owner-logs-in, triggers that are off already by
audit-disabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.able import acting_as, callers
from pgguard.analysis.audit_triggers import SWITCHES, audited_relations, is_audited, refuses_owners
from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.granted import in_cluster
from pgguard.analysis.names import database_subject, function_name, relation_name, shorten
from pgguard.model.finding import Finding, NotApplicable, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = ("HIPAA 164.312(b)", "PostgreSQL manual, ALTER TABLE")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    audited = [database for database in snapshot.inspected if is_audited(database)]
    if not audited:
        msg = "nothing is audited: pgguard plan --audit"
        raise NotApplicable(msg)
    held = list(_granted(snapshot))
    for database in audited:
        held += _through_functions(snapshot, database)
    for bearer in bearers(snapshot, held, policy.is_administrator):
        yield Finding(Subject("role", bearer.name), f"{bearer.name} has {bearer.told(4)}", fix=bearer.fix())
    for database in audited:
        yield from _owners(snapshot, policy, database)


def _granted(snapshot: Snapshot) -> Iterator[Holding]:
    for thing in in_cluster(snapshot):
        if thing.keyword == "PARAMETER" and thing.name.lower() in SWITCHES:
            for grant in thing.grants:
                fix = thing.take_back(grant.grantee, [grant.privilege], database=None)
                yield Holding(grant.grantee, f"{grant.privilege} on {thing.name}", fix)


def _through_functions(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Holding]:
    for function in database.functions:
        owner = snapshot.role(function.owner)
        named = {one.partition("=")[0].lower() for one in function.config} & SWITCHES
        if function.definer and named and owner is not None and owner.superuser:
            for login in sorted(callers(snapshot, database, function)):
                what = (
                    f"{', '.join(sorted(named))} set by {function_name(function)} of {ident(function.owner)}"
                )
                yield Holding(login, what)


def _owners(snapshot: Snapshot, policy: Policy, database: DatabaseSnapshot) -> Iterator[Finding]:
    if refuses_owners(database):
        return
    relations = catalog.relations(database)
    owners: dict[str, set[str]] = {}
    for oid in audited_relations(database):
        if oid in relations:
            for login in acting_as(snapshot, database, relations[oid].owner):
                owners.setdefault(login, set()).add(relation_name(relations[oid]))
    logins = sorted(one for one in owners if not policy.is_administrator(one))
    if logins:
        tables = sorted({name for login in logins for name in owners[login]})
        yield Finding(
            database_subject(database.name),
            f"no event trigger refuses that {shorten([ident(one) for one in logins], 3)} "
            f"disables the audit triggers of {shorten(tables, 3)}",
        )
