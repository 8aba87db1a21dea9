"""How far a plan is: what the ledgers say of each file, and which files come next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.plan.folder import Entry

Action = Literal["apply", "rollback"]
RecordState = Literal["started", "applied", "rolled-back", "failed"]
State = Literal["pending", "applied", "broken off", "failed", "rolled back"]


class Record(NamedTuple):
    """A row of a ledger: what happened to a file. `at` in UTC; `by` the role that logged in."""

    name: str
    sha256: str
    action: Action
    state: RecordState
    by: str
    at: str
    message: str


class Standing(NamedTuple):
    """A file of a plan as it stands.

    `broken off`: it is not one transaction, and some of its statements were run. `failed`: it was tried,
    and nothing of it is there. `by`, `at` and `message` are of what happened last.
    """

    entry: Entry
    state: State
    by: str = ""
    at: str = ""
    message: str = ""

    @property
    def number(self) -> int:
        """The number that its name begins with."""
        return number_of(self.entry.name)

    @property
    def open(self) -> bool:
        """Whether applying it is still to be done, or to be finished."""
        return self.state != "applied"

    @property
    def something_there(self) -> bool:
        """Whether there is something to take back."""
        return self.state in ("applied", "broken off")


class Choice(NamedTuple):
    """Which files somebody chose: a phase, everything up to a number, or single ones."""

    phase: str = ""
    to: str = ""
    only: tuple[str, ...] = ()
    all: bool = False


def number_of(name: str) -> int:
    """The number of a file from its name (0003_grants_lab: 3)."""
    return int(name.partition("_")[0])


def standing(entry: Entry, records: Iterable[Record]) -> Standing:
    """How a file stands, given the ledger's rows of its plan in order."""
    state: State = "pending"
    last: Record | None = None
    for one in records:
        if one.name != entry.name:
            continue
        last = one
        if one.state == "applied":
            state = "applied"
        elif one.state == "rolled-back":
            state = "rolled back"
        elif not entry.transactional:
            state = "broken off"
        elif one.action == "apply" and state != "applied":
            state = "failed"
    if last is None:
        return Standing(entry, state)
    return Standing(entry, state, last.by, last.at, last.message)


def to_apply(standings: Sequence[Standing], choice: Choice) -> list[Standing]:
    """The files to apply now, in order.

    Without a choice these are the open ones of the first phase that has any: the phases of a plan are days
    apart. Raises `UsageError` for what the plan has not, and where a file before the chosen ones is open.
    """
    if choice.only:
        return [one for one in _named(standings, choice.only) if one.open]
    if choice.to:
        (last,) = _named(standings, (choice.to,))
        return [one for one in standings if one.number <= last.number and one.open]
    if choice.phase:
        chosen = _phase(standings, choice.phase)
        before = [one.entry.name for one in standings if one.number < chosen[0].number and one.open]
        if before:
            msg = f"{before[0]} comes before the phase {choice.phase}, and is not applied"
            raise UsageError(msg)
        return [one for one in chosen if one.open]
    open_ones = [one for one in standings if one.open]
    if choice.all:
        return open_ones
    return [one for one in open_ones if one.entry.phase == open_ones[0].entry.phase]


def to_undo(standings: Sequence[Standing], choice: Choice, accepted: Sequence[str]) -> list[Standing]:
    """The files to take back now, last ones first; without a choice the last that was applied.

    `accepted` names those that may be taken back although something of them cannot be undone. Raises
    `UsageError` for others of that kind, for what the plan has not, and where a file after the chosen
    ones is applied.
    """
    there = [one for one in reversed(standings) if one.something_there]
    if choice.to:
        (kept,) = _named(standings, (choice.to,))
        chosen = [one for one in there if one.number > kept.number]
    elif choice.phase:
        last = _phase(standings, choice.phase)[-1]
        after = [one.entry.name for one in there if one.number > last.number]
        if after:
            msg = f"{after[-1]} comes after the phase {choice.phase}, and is applied: take it back first"
            raise UsageError(msg)
        chosen = [one for one in there if one.entry.phase == choice.phase]
    else:
        chosen = there if choice.all else there[:1]
    allowed = {one.number for one in _named(standings, accepted)}
    lost = [one.entry.name for one in chosen if not one.entry.undoable and one.number not in allowed]
    if lost:
        msg = (
            f"{', '.join(lost)}: something of it cannot be undone (its .down.sql says what); "
            + " ".join(f"--accept-loss {number_of(name)}" for name in lost)
            + " takes back the rest"
        )
        raise UsageError(msg)
    return chosen


def chosen(standings: Sequence[Standing], choice: Choice) -> list[Standing]:
    """The files that a choice names, whatever their state; without one all of them.

    Raises `UsageError` for what the plan has not.
    """
    if choice.only:
        return _named(standings, choice.only)
    if choice.phase:
        return _phase(standings, choice.phase)
    return list(standings)


def _phase(standings: Sequence[Standing], phase: str) -> list[Standing]:
    found = [one for one in standings if one.entry.phase == phase]
    if not found:
        known = ", ".join(dict.fromkeys(one.entry.phase for one in standings if one.entry.phase)) or "none"
        msg = f"the plan has no phase {phase}: it has {known}"
        raise UsageError(msg)
    return found


def _named(standings: Sequence[Standing], names: Sequence[str]) -> list[Standing]:
    by_name = {one.entry.name: one for one in standings}
    by_number = {one.number: one for one in standings}
    found = {}
    for name in names:
        one = by_name.get(name.removesuffix(".sql")) or (
            by_number.get(int(name)) if name.isascii() and name.isdigit() else None
        )
        if one is None:
            msg = f"the plan has no file {name}: give its number or its name"
            raise UsageError(msg)
        found[one.number] = one
    return [found[number] for number in sorted(found)]
