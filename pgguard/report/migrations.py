"""What became of migrations, for people: one line a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.plan.folder import Entry
    from pgguard.plan.standing import Standing
    from pgguard.server.apply import Done
    from pgguard.server.holding import Held
    from pgguard.server.rehearsal import Tried

_VERBS = {"apply": "applied", "rollback": "rolled back"}


def done_line(done: Done) -> str:
    """One file that was applied or taken back."""
    note = f" ({done.note})" if done.note else ""
    return f"{done.entry.name}  {_VERBS[done.action]} in {done.seconds:.2f} s{note}"


def tried_line(tried: Tried) -> str:
    """One file of a dry run."""
    if tried.result == "works":
        return f"{tried.entry.name}  works, in {tried.seconds:.2f} s (taken back)"
    return f"{tried.entry.name}  {tried.result}: {visible(tried.why)}"


def held_line(held: Held) -> str:
    """One verification."""
    return f"{held.entry.name}  {held.result}" + (f": {visible(held.why)}" if held.why else "")


def next_phase(left: Sequence[Standing]) -> str:
    """What is left to apply after a run, in words."""
    if not left:
        return "every file of the plan is applied"
    phase = left[0].entry.phase
    if phase:
        return f"next, once its time has come: the phase {phase} (--phase {phase}), from {left[0].entry.name}"
    return f"not applied yet: {len(left)}, from {left[0].entry.name}"


def status_lines(
    standings: Sequence[Standing], wrong: Mapping[str, str], held: Mapping[str, Held]
) -> Iterator[str]:
    """A table of the files: phase, database, state, when and by whom, and what is wrong with them.

    `wrong` are files that were edited, are missing or foreign, by name; `held` are verifications.
    """
    rows = [_row(one, wrong, held) for one in standings]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        yield "  ".join([*cells, row[3]]).rstrip()
    names = {one.entry.name for one in standings}
    yield from (f"{visible(text)}" for name, text in wrong.items() if name not in names)


def _row(one: Standing, wrong: Mapping[str, str], held: Mapping[str, Held]) -> tuple[str, str, str, str]:
    entry = one.entry
    told = [f"{one.at} by {visible(one.by)}"] if one.at else []
    if one.message and one.state != "applied":
        told.append(visible(one.message))
    elif one.message:
        told.append(f"taking it back failed: {visible(one.message)}")
    if entry.name in held:
        verdict = held[entry.name]
        told.append(verdict.result + (f": {visible(verdict.why)}" if verdict.why else ""))
    if entry.name in wrong:
        told.append(f"edited: {visible(wrong[entry.name])}")
    return entry.name, _where(entry), one.state, "; ".join(told)


def _where(entry: Entry) -> str:
    return " ".join(part for part in (visible(entry.database) or "any", entry.phase) if part)
