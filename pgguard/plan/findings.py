"""From a report's findings to steps: what their fixes are, in an order that works, in files of one topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.finding import Safety
from pgguard.model.plan import Answer, Step
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.finding import Change, Judged, Report, Severity


class Topic(NamedTuple):
    """One kind of file: the statements that begin like this."""

    slug: str
    title: str
    why: str
    risk: str
    starts: tuple[str, ...]


# in the order in which they are applied: nothing needs what comes after it
_TOPICS = (
    Topic(
        "settings",
        "Parameters of the cluster",
        "the cluster's own protections are on",
        "a parameter that asks for a restart counts only after it",
        ("ALTER SYSTEM",),
    ),
    Topic(
        "functions",
        "Functions look for objects where they should",
        "what runs with its owner's rights cannot be made to run somebody else's code",
        "a function that relied on the caller's search_path no longer finds things: look at its body",
        ("ALTER FUNCTION", "ALTER PROCEDURE"),
    ),
    Topic(
        "default_privileges",
        "What new objects come with",
        "objects made from now on are not open to everybody",
        "none for objects that are there",
        ("ALTER DEFAULT PRIVILEGES",),
    ),
    Topic(
        "grants",
        "Rights on objects",
        "nobody has more than the work takes",
        "whoever used such a right loses it: `pgguard who-can` and `pgguard learn` tell who that is",
        ("GRANT", "REVOKE", "DO"),
    ),
    Topic(
        "memberships",
        "Members of groups",
        "rights come from the groups that people belong to, and from no other",
        "a member who used the group's rights loses them",
        ("REVOKE ADMIN",),
    ),
    Topic(
        "row_security",
        "Row security and triggers",
        "rows are shown to those whom the policies name, and what watches over tables runs",
        "a role without a policy of its own sees no row where row security comes on",
        ("ALTER TABLE", "CREATE POLICY", "ALTER POLICY", "DROP POLICY", "ALTER EVENT TRIGGER", "ALTER VIEW"),
    ),
    Topic(
        "roles",
        "Attributes and settings of roles",
        "no role is more powerful than its task",
        "whoever logs in with the role, or used the attribute, cannot any more",
        ("ALTER ROLE", "ALTER DATABASE"),
    ),
    Topic("other", "Other changes", "each closes a finding of its own", "read each statement", ("",)),
)


# parameters that can keep the server from starting, or people out, when what they need is not there yet
_BY_HAND = {
    "ssl": "put certificate and key in place first: without them the server does not start again; after "
    "the reload SHOW ssl has to say on before any restart",
    "archive_mode": "set archive_command first: without one the WAL piles up until the disk is full",
    "unix_socket_permissions": "afterwards only members of the server's group connect by the socket: see "
    "that backups and administrators are among them",
    "shared_preload_libraries": "a library that is not installed keeps the server from starting",
    "listen_addresses": "clients at addresses that are left out lose their way in",
    "unix_socket_directories": "programs look for the socket where it was",
}


@dataclass
class _Group:
    changes: dict[str, Change] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)


def steps_of(
    report: Report, *, floor: Severity, safe_only: bool = False
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps that close a report's open findings, and what is left to a person.

    `floor` is the least severity that counts. Of two changes that undo each other neither is made: then
    two checks want opposite things, and somebody has to decide.
    """
    wanted = list(_wanted(report, floor))
    by_hand = [text for one, check in wanted for text in _by_hand(one, check)]
    groups: dict[tuple[int, bool, str, bool], _Group] = {}
    undone = {change.undo for one, _ in wanted for change in one.finding.fix if change.undo}
    for judged, check in wanted:
        answer = Answer(check, judged.fingerprint, judged.finding.subject.name, judged.finding.evidence)
        for change in judged.finding.fix:
            if change.sql.startswith("--"):
                continue
            if (reason := _refused(change, report.inspected_as)) is not None:
                by_hand.append(f"{check}: {change.sql} by hand: {reason}")
                continue
            if change.sql in undone:
                by_hand.append(f"{check}: {change.sql} is what another finding wants to undo: decide which")
                continue
            if safe_only and change.safety is not Safety.SAFE:
                by_hand.append(f"{check}: {change.sql} (left out: only what is safe was asked for)")
                continue
            database = change.database or judged.finding.subject.database or ""
            # what cannot be undone is in files of its own, after the rest of its kind
            key = (_topic(change), not change.undo, database, change.transactional)
            group = groups.setdefault(key, _Group())
            group.changes.setdefault(change.sql, change)
            group.answers.setdefault(answer.fingerprint, answer)
    steps = [
        _step(number, database, group, final=final)
        for (number, final, database, _), group in sorted(groups.items())
    ]
    return tuple(steps), tuple(dict.fromkeys(by_hand))


def _wanted(report: Report, floor: Severity) -> Iterator[tuple[Judged, str]]:
    for outcome in report.outcomes:
        for judged in outcome.findings:
            if judged.waived is None and judged.severity >= floor:
                yield judged, outcome.check


def _by_hand(judged: Judged, check: str) -> Iterator[str]:
    hands = [change.sql.removeprefix("-- ") for change in judged.finding.fix if change.sql.startswith("--")]
    yield from (f"{check}: {text}" for text in hands)
    if not judged.finding.fix:
        yield f"{check}: {judged.finding.evidence}. {judged.advice}"


def _refused(change: Change, planner: str) -> str | None:
    """Why a change is not for a file that somebody might run unread; None when it is."""
    if change.sql.startswith("ALTER SYSTEM SET "):
        return _BY_HAND.get(change.sql.removeprefix("ALTER SYSTEM SET ").partition(" ")[0])
    if change.sql.startswith("DROP TABLE"):
        return "its rows would be gone for good: keep a backup, and see first that nobody needs them"
    if change.sql.startswith(f"ALTER ROLE {ident(planner)} "):
        return f"it is about {ident(planner)}, who makes this plan and would lock himself out"
    if change.sql.endswith(f" FROM {ident(planner)};"):
        return f"it takes something from {ident(planner)}, who makes this plan"
    return None


def _topic(change: Change) -> int:
    if change.sql.startswith("REVOKE") and " ON " not in change.sql:
        return next(number for number, one in enumerate(_TOPICS) if one.slug == "memberships")
    return next(
        number
        for number, one in enumerate(_TOPICS)
        if any(change.sql.startswith(start) for start in one.starts)
    )


def _step(number: int, database: str, group: _Group, *, final: bool) -> Step:
    topic = _TOPICS[number]
    where = "".join(one if one.isascii() and one.isalnum() else "_" for one in database.lower())[:30]
    slug = "_".join(part for part in (topic.slug, "final" if final else "", where) if part)
    lost = "cannot be undone: read each statement, and see that nothing needs what it takes away; "
    return Step(
        slug=slug,
        title=f"{topic.title} ({database})" if database else topic.title,
        why=topic.why,
        changes=tuple(group.changes.values()),
        database=database or None,
        risk=lost + topic.risk if final else topic.risk,
        answers=tuple(group.answers.values()),
    )


def count(steps: Sequence[Step]) -> int:
    """How many changes the steps hold."""
    return sum(len(one.changes) for one in steps)
