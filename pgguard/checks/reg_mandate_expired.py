"""A mandate is over, and its role, its views or its copies are still there.

Why it matters: after the migration nothing was erased (CNIL SAN-2022-009). A processor returns or deletes all
data at the end (GDPR art. 28(3)(g)); a login that stays open is used again.

How to fix: `pgguard mandate close NAME`, then `pgguard mandate erase NAME`, and keep the purge report.

Silent when: the mandate's last day is not over; its role is gone, or can neither log in nor do anything, and
no schema or row policy of it is left; by the day erase_by its staging tables and the exports in its folder
are gone too. Unknown when the folder was not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.exports import told
from pgguard.analysis.mandated import declared, held_in, leftovers, staging
from pgguard.analysis.membership import all_roles
from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.analysis.register import entry_subject
from pgguard.analysis.versions import today
from pgguard.changes.roles import alter_role
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.mandate import Mandate
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009",
    "GDPR 28(3)(g)",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    day = today(snapshot)
    unread: list[str] = []
    for mandate in declared(policy):
        if day > mandate.until:
            yield from _open(snapshot, mandate)
        if day > mandate.erase_by:
            yield from _staging(snapshot, mandate)
            yield from _files(snapshot, policy, mandate, unread)
    if unread:
        section = "folders"
        raise Unread(section, shorten(list(dict.fromkeys(unread)), 3))


def _open(snapshot: Snapshot, mandate: Mandate) -> Iterator[Finding]:
    subject = entry_subject("mandate", mandate.name)
    over = f"it ended on {mandate.until}"
    role = snapshot.role(mandate.role)
    if role is not None:
        name = ident(role.name)
        can = [f"{name} can log in"] if role.login else []
        held = sorted(all_roles(snapshot, role.name).keys() - {role.name})
        if held:
            can.append(f"{name} is a member of {shorten([ident(one) for one in held], 3)}")
        for database in snapshot.inspected:
            if has := held_in(database, role.name):
                can.append(f"{name} has rights on {shorten(has, 3)} in database {ident(database.name)}")
        if can:
            fix = (alter_role(role.name, "NOLOGIN", "LOGIN"),) if role.login and not role.superuser else ()
            yield Finding(subject, f"{over}, and {'; '.join(can)}", fix=fix, advice=_close(mandate))
    left = [one for database in snapshot.inspected for one in leftovers(database, mandate)]
    if left:
        yield Finding(subject, f"{over}, and this is left of it: {shorten(left, 4)}", advice=_close(mandate))


def _staging(snapshot: Snapshot, mandate: Mandate) -> Iterator[Finding]:
    for database in snapshot.inspected:
        made = staging(database, mandate)
        for one in database.relations:
            if one.oid in made:
                yield Finding(
                    relation_subject(database, one),
                    f"{relation_name(one)} was made for mandate {mandate.name} and was to be erased by "
                    f"{mandate.erase_by}",
                )


def _files(snapshot: Snapshot, policy: Policy, mandate: Mandate, unread: list[str]) -> Iterator[Finding]:
    look = (snapshot.folders or {}).get(mandate.folder)
    if look is None:
        unread.append(f"{mandate.folder}: nobody looked at it")
        return
    unread.extend(look.unread)
    own = [one for one in look.files if not _is_others(policy, mandate, one.path)]
    if own:
        many = "1 file is" if len(own) == 1 else f"{len(own)} files are"
        yield Finding(
            Subject("file", mandate.folder),
            f"mandate {mandate.name} was to be erased by {mandate.erase_by}, and {many} still there: "
            f"{told(own)}",
        )


def _is_others(policy: Policy, mandate: Mandate, path: str) -> bool:
    """Whether a file in a mandate's folder is not its own: what is sits in a folder of its name, or nobody
    else keeps anything there."""
    folder = mandate.folder.rstrip("/")
    if f"{folder}/{mandate.name}/" in path or path.endswith(f"{folder}/{mandate.name}"):
        return False
    shared = any(one.name != mandate.name and one.folder.rstrip("/") == folder for one in policy.mandate)
    return shared or any(
        one.path.rstrip("/") == folder and one.mandate != mandate.name for one in policy.folder
    )


def _close(mandate: Mandate) -> str:
    return f"pgguard mandate close {mandate.name}; what is erased and what is not stands in the purge report"
