"""From a report's findings to steps: what their fixes are, in an order that works, in files of one topic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.finding import Safety
from pgguard.model.plan import Answer, Step

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
    groups: dict[tuple[int, str, bool], _Group] = {}
    undone = {change.undo for one, _ in wanted for change in one.finding.fix if change.undo}
    for judged, check in wanted:
        answer = Answer(check, judged.fingerprint, judged.finding.subject.name, judged.finding.evidence)
        for change in judged.finding.fix:
            if change.sql.startswith("--"):
                continue
            if change.sql in undone:
                by_hand.append(f"{check}: {change.sql} is what another finding wants to undo: decide which")
                continue
            if safe_only and change.safety is not Safety.SAFE:
                by_hand.append(f"{check}: {change.sql} (left out: only what is safe was asked for)")
                continue
            database = change.database or judged.finding.subject.database or ""
            group = groups.setdefault((_topic(change), database, change.transactional), _Group())
            group.changes.setdefault(change.sql, change)
            group.answers.setdefault(answer.fingerprint, answer)
    steps = [_step(number, database, group) for (number, database, _), group in sorted(groups.items())]
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


def _topic(change: Change) -> int:
    if change.sql.startswith("REVOKE") and " ON " not in change.sql:
        return next(number for number, one in enumerate(_TOPICS) if one.slug == "memberships")
    return next(
        number
        for number, one in enumerate(_TOPICS)
        if any(change.sql.startswith(start) for start in one.starts)
    )


def _step(number: int, database: str, group: _Group) -> Step:
    topic = _TOPICS[number]
    where = "".join(one if one.isascii() and one.isalnum() else "_" for one in database.lower())[:30]
    return Step(
        slug=f"{topic.slug}_{where}" if where else topic.slug,
        title=f"{topic.title} ({database})" if database else topic.title,
        why=topic.why,
        changes=tuple(group.changes.values()),
        database=database or None,
        risk=topic.risk,
        answers=tuple(group.answers.values()),
    )


def count(steps: Sequence[Step]) -> int:
    """How many changes the steps hold."""
    return sum(len(one.changes) for one in steps)
