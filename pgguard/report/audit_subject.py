"""A patient's access report in words, for a data-protection officer (GDPR art. 15; HIPAA 164.528)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.audit_ecs import claimant
from pgguard.report.audit_entries import what, who
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.audit_entry import Entry
    from pgguard.server.audit_subject import SubjectHistory

_DONE = {
    "INSERT": "created",
    "UPDATE": "changed",
    "DELETE": "deleted",
    "UPDATE FROM": "changed (as it was)",
    "UPDATE TO": "changed (as it became)",
    "TRUNCATE": "emptied",
}
NO_READS = (
    "who read the data is not in this report: give the store that pgguard audit ingest makes of the server's "
    "log by --reads"
)


def render(found: SubjectHistory, reads: list[str] | None) -> str:
    """The whole report; `reads` are lines about reading, None when nothing about it was given."""
    lines = [
        f"Who changed the data of {found.wanted.subject} in database {found.database}",
        f"made {found.made_at:%Y-%m-%d %H:%M} UTC, {_window(found)}; all times are UTC",
        "",
        *_summary(found),
        "",
        *(["Changes, one by one"] if found.entries else []),
        *(line for entry in found.entries for line in _told(entry)),
        *([""] if found.entries else []),
        *(["Who read these tables (no log tells whose rows)", *reads, ""] if reads is not None else []),
        "What this report rests on",
        *(f"- {line}" for line in _limits(found, reads)),
    ]
    return "".join(visible(line).rstrip() + "\n" for line in lines)


def _window(found: SubjectHistory) -> str:
    first, last = found.wanted.first, found.wanted.last
    begins = f"from {first:%Y-%m-%d %H:%M}" if first else "from the beginning"
    return f"{begins} {f'to before {last:%Y-%m-%d %H:%M}' if last else 'to now'}"


def _summary(found: SubjectHistory) -> Iterator[str]:
    if not found.entries:
        yield "no change is recorded"
        return
    people: dict[str, list[Entry]] = {}
    for one in found.entries:
        people.setdefault(_person(one), []).append(one)
    yield f"{plural(len(found.entries), 'recorded change')} by {plural(len(people), 'person or program')}"
    for name, own in sorted(people.items(), key=lambda item: (-len(item[1]), item[0])):
        counts: dict[str, int] = {}
        for one in own:
            done = _DONE.get(one.verb, one.verb)
            counts[done] = counts.get(done, 0) + 1
        told = ", ".join(f"{done} {count}" for done, count in counts.items())
        tables = ", ".join(sorted({one.relation or one.object for one in own}))
        yield f"  {name}: {told} in {tables}, {own[0].at:%Y-%m-%d %H:%M} to {own[-1].at:%Y-%m-%d %H:%M}"


def _person(entry: Entry) -> str:
    name, signed = claimant(entry)
    if not name:
        return entry.login
    return f"{name} through {entry.login}" + ("" if signed else " (a claim that nothing vouches for)")


def _told(entry: Entry) -> Iterator[str]:
    done = _DONE.get(entry.verb, entry.verb)
    other = entry.subject_before not in ("", entry.subject)
    moved = f", which was {entry.subject_before}'s before" if other else ""
    row = f" row {entry.key}" if entry.key else ""
    yield f"  {entry.at:%Y-%m-%d %H:%M:%S}  {who(entry)} {done} {entry.relation or entry.object}{row}{moved}"
    if told := what(entry):
        yield f"      {told}"


def _limits(found: SubjectHistory, reads: list[str] | None) -> Iterator[str]:
    if found.since:
        yield f"changes are recorded since {found.since:%Y-%m-%d %H:%M}; of the time before nothing is known"
    if found.oldest and found.since and found.oldest > found.since:
        yield f"entries before {found.oldest:%Y-%m-%d} are no longer in the store"
    by_subject = [one for one in found.tables if one.subject]
    yield "tables by which the patient is found: " + (
        ", ".join(f"{one.relation}.{one.subject}" for one in by_subject) or "none"
    )
    if lost := [one.relation for one in found.tables if not one.subject]:
        yield f"not in this report, because no column tells whose data a row is: {', '.join(lost)}"
    if broken := [one.relation for one in found.tables if not one.complete]:
        yield f"NOT every write to these is recorded now: {', '.join(broken)}"
    for one in found.events:
        if one.verb != "AUDIT ON":
            yield f"{one.at:%Y-%m-%d %H:%M} {one.login}: {one.verb} {one.object}"
    if found.unplaced:
        yield "some entries lie outside the partition of their time: pgguard audit status"
    yield "entries that were erased no longer tell whose data they were about, and are not in this report"
    yield "values are shown of columns that are recorded plain; of others only that they changed"
    yield (
        NO_READS
        if reads is None
        else ("reads are what the log told pgguard audit ingest: by table, and not of this patient alone")
    )
