"""From a report's findings to steps: what their fixes are, in an order that works, in files of one topic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from pgguard.analysis.catalog import relations
from pgguard.analysis.granted import of_column
from pgguard.model.finding import Safety
from pgguard.model.plan import Answer, Step
from pgguard.plan.intent import intent
from pgguard.plan.refused import refusals
from pgguard.plan.topics import PLACES, TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pgguard.analysis.granted import Granted
    from pgguard.model.finding import Change, Judged, Report, Severity
    from pgguard.model.snapshot import Snapshot
    from pgguard.plan.intent import Intent
    from pgguard.plan.refused import Refusals

# more statements than that are for nobody to read in one file
_MOST = 100
_WIDTH = 150
# what goes with a right on the table (manual, REVOKE)
_OF_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})


@dataclass
class _Item:
    """A change that findings want, and where it belongs."""

    change: Change
    what: Intent
    database: str
    place: int
    review: bool
    dropped: str = ""
    said: dict[str, None] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        return not self.change.undo


@dataclass
class _Fix:
    """What one finding wants of a plan; `whole` unless something of it is left to a person."""

    judged: Judged
    check: str
    whole: bool = True
    items: list[_Item] = field(default_factory=list)

    @property
    def told(self) -> str:
        return f"{self.check}, {self.judged.finding.subject.name}"

    @property
    def answer(self) -> Answer:
        finding = self.judged.finding
        return Answer(self.check, self.judged.fingerprint, finding.subject.name, finding.evidence)


def steps_of(
    report: Report, snapshot: Snapshot, *, floor: Severity, safe_only: bool = False
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps that close a report's open findings, and what is left to a person.

    `floor` is the least severity that counts. Left to a person is what would lock somebody out or lose data,
    what waits for a step that no SQL can do, and of changes that contradict each other both.
    """
    by_hand: dict[str, None] = dict.fromkeys(_not_judged(report))
    items: dict[tuple[str, str], _Item] = {}
    against = refusals(snapshot, report.inspected_as)
    fixes = [
        _fix(judged, check, against, items, by_hand.setdefault) for judged, check in _wanted(report, floor)
    ]
    _strongest(fixes)
    _settle([one for fix in fixes for one in fix.items], against)
    wanted = {id(one): one for fix in fixes for one in fix.items}
    kept = [one for one in _joined(wanted.values()) if not (safe_only and one.review) and not one.dropped]
    _keep_givers(fixes, kept)
    kept = [one for one in kept if not one.dropped]
    chosen = {id(one) for one in kept}
    for fix in fixes:
        left = [one for one in fix.items if id(one) not in chosen]
        for one in left:
            by_hand.setdefault(f"{fix.told}: {one.change.sql} {one.dropped or _NOT_SAFE}")
        for one in fix.items:
            one.said.setdefault(f"{fix.check}: {fix.judged.finding.evidence}")
            if fix.whole and not left:
                one.answers.setdefault(fix.answer.fingerprint, fix.answer)
    return tuple(_steps(_with_columns(kept, snapshot))), tuple(by_hand)


def _not_judged(report: Report) -> Iterator[str]:
    """What nobody knows, so that no plan can answer it."""
    by_reason: dict[str, list[str]] = {}
    for outcome in report.outcomes:
        if outcome.incomplete:
            by_reason.setdefault(outcome.reason, []).append(outcome.check)
    for reason, checks in by_reason.items():
        yield f"not judged, so that nothing is planned: {', '.join(checks)} ({reason})"


_NOT_SAFE = "(left out: only what is safe was asked for)"


def _wanted(report: Report, floor: Severity) -> Iterator[tuple[Judged, str]]:
    for outcome in report.outcomes:
        for judged in outcome.findings:
            if judged.waived is None and judged.severity >= floor:
                yield judged, outcome.check


def _fix(
    judged: Judged,
    check: str,
    against: Refusals,
    items: dict[tuple[str, str], _Item],
    by_hand: Callable[[str], object],
) -> _Fix:
    """Sort what a finding wants into changes for files, and sentences for people."""
    fix = _Fix(judged, check)
    finding = judged.finding
    if not finding.fix:
        by_hand(f"{fix.told}: {finding.evidence}. {judged.advice}")
    where = finding.subject.database or ""
    in_sql = {one: intent(one, where) for one in finding.fix if not one.sql.startswith("--")}
    given_to = {role for what in in_sql.values() if what.gives for role in what.roles}
    place = min(
        (PLACES[what.topic] for what in in_sql.values() if not what.gives and what.topic in PLACES),
        default=PLACES["grants"],
    )
    review = any(one.safety is not Safety.SAFE for one in in_sql)
    waits = False
    for change in finding.fix:
        what = in_sql.get(change)
        reason = "is by hand, after the step before it" if waits and what else ""
        if what is None:
            by_hand(f"{fix.told}: {change.sql.removeprefix('-- ')}")
            waits = waits or change.first
        elif not reason and (refused := against.reason(what, given_to)):
            reason = f"is by hand: {refused}"
        if what is None or reason:
            fix.whole = False
            if reason:
                by_hand(f"{fix.told}: {change.sql} {reason}")
            continue
        database = change.database or where
        # what a fix gives is given in the file that takes
        own = place if what.gives else PLACES[what.topic]
        item = items.setdefault((database, change.sql), _Item(change, what, database, own, review))
        item.review = item.review or review
        fix.items.append(item)
    if not fix.whole and not any(one.what.takes for one in fix.items):
        fix.items = [one for one in fix.items if not one.what.gives]
    return fix


def _strongest(fixes: Iterable[_Fix]) -> None:
    """A trigger that has to fire always is enabled by that as well."""
    fixes = list(fixes)
    always = {
        key: one
        for fix in fixes
        for one in fix.items
        if one.what.topic == "triggers" and " ENABLE ALWAYS " in one.change.sql
        for key in one.what.sets
    }
    for fix in fixes:
        fix.items = [next((always[key] for key in one.what.sets if key in always), one) for one in fix.items]


def _settle(items: Iterable[_Item], against: Refusals) -> None:
    """Drop what contradicts something else, and what would leave no superuser."""
    found = list({id(one): one for one in items}.values())
    by_key: dict[str, list[_Item]] = {}
    for one in found:
        for key in one.what.sets:
            by_key.setdefault(key, []).append(one)
    for rivals in by_key.values():
        for one in rivals if len(rivals) > 1 else ():
            other = next(rival for rival in rivals if rival is not one)
            one.dropped = f"is by hand: another finding wants {other.change.sql} decide which"
    given = {(one.database, key): one for one in found for key in one.what.gives}
    for one in found:
        for key in one.what.takes:
            if (rival := given.get((one.database, key))) is not None:
                one.dropped = f"is by hand: another finding wants {rival.change.sql} decide which"
                rival.dropped = f"is by hand: another finding wants {one.change.sql} decide which"
    last = against.last_superusers(one.what for one in found if not one.dropped)
    for one in found:
        if one.what.roles & last and (one.what.closes_login or one.what.drops_superuser):
            one.dropped = "is by hand: no superuser that can log in would be left"


def _joined(items: Iterable[_Item]) -> list[_Item]:
    """The items, with those that touch the same entry of an ACL, or the same trigger, in the same file."""
    found = list(items)
    together: dict[tuple[str, str], list[_Item]] = {}
    for one in found:
        for key in (one.what.on, *one.what.sets):
            if key:
                together.setdefault((one.database, key), []).append(one)
    for some in together.values():
        for one in some:
            one.review = any(other.review for other in some)
    return found


def _keep_givers(fixes: Sequence[_Fix], kept: Sequence[_Item]) -> None:
    """Drop rights that are given only because of something that is not taken after all."""
    chosen = {id(one) for one in kept}
    needed = {
        id(one)
        for fix in fixes
        if all(id(each) in chosen for each in fix.items if not each.what.gives)
        for one in fix.items
    }
    for one in kept:
        if one.what.gives and id(one) not in needed:
            one.dropped = "is by hand, with what it is given for"


def _with_columns(items: Iterable[_Item], snapshot: Snapshot) -> Iterator[_Item]:
    """The items; before a right on a table those on its columns that REVOKE takes with it.

    Only so do they come back when the table's right does.
    """
    items = list(items)
    granted: dict[tuple[str, str, str], list[Granted]] = {}
    unread: set[str] = set()
    concerned = {one.database for one in items}
    for database in (one for one in snapshot.inspected if one.name in concerned):
        if not database.missing().keys().isdisjoint({"columns", "relations", "acls"}):
            unread.add(database.name)
            continue
        for column in database.columns:
            if column.acl and (relation := relations(database).get(column.relation)) is not None:
                key = (database.name, relation.schema, relation.name)
                granted.setdefault(key, []).append(of_column(database, relation, column))
    for one in items:
        wanted = one.what.privileges & _OF_COLUMNS
        if one.what.takes and len(one.what.named) == 2 and wanted:
            if one.database in unread:
                # nobody knows which rights on columns go with it
                yield dataclasses.replace(one, change=dataclasses.replace(one.change, undo=""))
                continue
            for thing in granted.get((one.database, *one.what.named), ()):
                for change in _column_rights(thing, one, wanted):
                    yield dataclasses.replace(one, change=change, what=intent(change))
        yield one


def _column_rights(thing: Granted, one: _Item, wanted: frozenset[str]) -> Iterator[Change]:
    for role in sorted(one.what.roles):
        found = thing.take_back(role, wanted, database=one.database, option_only=one.what.option_only)
        yield from (change for change in found if not change.sql.startswith("--"))


def _steps(items: Iterable[_Item]) -> Iterator[Step]:
    by_file: dict[tuple[int, bool, bool, str, bool], list[_Item]] = {}
    items = list(items)
    # a statement that cannot be undone takes with it what touches the same entry
    final = {(one.database, one.what.on) for one in items if one.final and one.what.on}
    for one in items:
        is_final = one.final or (one.database, one.what.on) in final
        key = (one.place, one.review, is_final, one.database, one.change.transactional)
        by_file.setdefault(key, []).append(one)
    for (place, review, is_final, database, _), some in sorted(by_file.items(), key=lambda pair: pair[0]):
        parts = list(_parts(some))
        for number, part in enumerate(parts, 1):
            yield _step(
                place,
                database,
                part,
                review=review,
                final=is_final,
                part=number if len(parts) > 1 else 0,
            )


def _parts(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    """So many at a time as can be read; what touches the same entry stays together, and gives come first."""
    order = {one.what.on: place for place, one in reversed(list(enumerate(items))) if one.what.on}
    ordered = sorted(
        enumerate(items),
        key=lambda pair: (not pair[1].what.gives, order.get(pair[1].what.on, pair[0]), pair[0]),
    )
    part: list[_Item] = []
    for _, group in groupby(ordered, key=lambda pair: pair[1].what.on or str(pair[0])):
        some = [one for _, one in group]
        if part and len(part) + len(some) > _MOST:
            yield part
            part = []
        part += some
    yield part


def _step(place: int, database: str, items: Sequence[_Item], *, review: bool, final: bool, part: int) -> Step:
    topic = TOPICS[place]
    where = "".join(one if one.isascii() and one.isalnum() else "_" for one in database.lower())[:30]
    number = str(part) if part else ""
    words = (topic.slug, where.strip("_"), number, "review" if review else "", "final" if final else "")
    told = f"{topic.title} ({database})" if database else topic.title
    lost = "cannot be undone: see that nothing needs what it takes away; " if final else ""
    changes: dict[str, Change] = {}
    answers: dict[str, Answer] = {}
    for one in items:
        changes.setdefault(one.change.sql, dataclasses.replace(one.change, why=_why(one)))
        answers |= one.answers
    return Step(
        slug="_".join(word for word in words if word),
        title=f"{told}, part {part}" if part else told,
        why=topic.why,
        changes=tuple(changes.values()),
        database=database or None,
        risk=lost + topic.risk,
        answers=tuple(answers.values()),
        first=topic.first if review else "",
    )


def _why(one: _Item) -> str:
    first, *more = one.said
    text = first if len(first) <= _WIDTH else first[: _WIDTH - 3] + "..."
    return f"{text} (and {len(more)} more)" if more else text
