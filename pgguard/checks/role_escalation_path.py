"""A login that is not superuser can make itself superuser, in steps that PostgreSQL allows it.

Why it matters: no grant, row security or audit holds a superuser: whoever takes that login over, by a
guessed password or a flaw of its application, has every patient's record and can erase the traces.

How to fix: apply the changes below, which take away the weakest link of every path, or declare the
login in the policy ([administrators] roles = [...]). `pgguard escalations` shows all paths step by step.

Silent when: declared administrators, superusers; no path exists. A power as good as superuser that a
login simply holds is told by role-superuser-equivalent, and one that only reads (server files,
replication, password verifiers) by the checks of those powers, unless it takes a detour through objects
to reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.escalation.cut import cheapest_cut
from pgguard.analysis.escalation.paths import Path, beyond_held, everybody, paths
from pgguard.analysis.grouping import together
from pgguard.analysis.membership import plain_logins
from pgguard.analysis.names import role_subject, shorten
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "CIS-PG 4",
    "NIST AC-6",
    "PostgreSQL manual, 22.6 Function Security",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    logins = [name for name in plain_logins(snapshot) if not policy.is_administrator(name)]
    own = [path for path in paths(snapshot) if path.login in logins and not path.by_public]
    # what it simply holds is told by role-superuser-equivalent; there may be more
    more = list(beyond_held(snapshot, [path.login for path in own if path.is_held]))
    own = [path for path in (*own, *more) if _told(path)]
    public = everybody(snapshot, logins)
    if public is not None and not _told(public[0]):
        public = None
    if not own and public is None:
        return
    readers = {path.login for path in own if not path.takes_over}
    cut = cheapest_cut(snapshot, logins, readers)
    fixes: dict[str, list[Change]] = {}
    for cutting in cut:
        for name in cutting.own:
            fixes.setdefault(name, []).extend(cutting.changes)
    for group in together(own, _cause):
        first = group[0]
        names = [path.login for path in group]
        if len(group) == 1:
            subject, evidence = role_subject(first.login), first.told()
        else:
            subject = role_subject(first.steps[0].target.name)
            listed = shorten([ident(name) for name in names], 3)
            evidence = f"its members {listed}: {first.told(1)}"
        changes = [change for name in names for change in fixes.get(name, ())]
        yield _finding(subject, evidence, first, changes)
    if public is not None:
        path, served = public
        evidence = f"{len(served)} login{'s' if len(served) > 1 else ''}: {path.told()}"
        changes = [change for cutting in cut if cutting.everybody for change in cutting.changes]
        yield _finding(Subject("role", "PUBLIC"), evidence, path, changes)


def _told(path: Path) -> bool:
    return not path.is_held and (path.takes_over or path.by_objects)


def _cause(path: Path) -> Hashable:
    if path.steps[0].kind == "membership" and len(path.steps) > 1:
        return path.steps[0].target, path.steps[1:]
    return path.login


def _finding(subject: Subject, evidence: str, path: Path, changes: Iterable[Change]) -> Finding:
    return Finding(
        subject,
        evidence,
        severity=None if path.takes_over else Severity.HIGH,
        fix=tuple(dict.fromkeys(changes)),
    )
