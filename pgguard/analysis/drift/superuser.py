"""New ways to superuser: the logins that can now become one, or see everything past all grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.drift.difference import Difference, Direction
from pgguard.analysis.escalation.paths import paths
from pgguard.model.finding import Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.drift.comparison import Comparison
    from pgguard.analysis.escalation.paths import Path
    from pgguard.model.snapshot import Snapshot


def find(comparison: Comparison, before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """The paths that are new and those that are closed, over databases that both sides read whole.

    Raises `Unread` as `escalation.paths.graph` does.
    """
    old = {path.login: path for path in paths(before)}
    new = {path.login: path for path in paths(after)}
    for login in sorted({*old, *new}):
        was, now = old.get(login), new.get(login)
        here, there = comparison.after.role(login), comparison.before.role(login)
        if now is not None and (was is None or (now.takes_over and not was.takes_over)):
            if there is None or not there.superuser:
                yield _path(now, Direction.WIDENED)
        elif (
            was is not None
            and (now is None or (was.takes_over and not now.takes_over))
            and here is not None
            and not here.superuser
        ):
            yield _path(was, Direction.NARROWED)


def _path(path: Path, direction: Direction) -> Difference:
    widened = direction is Direction.WIDENED
    end = "become superuser" if path.takes_over else "see everything past all grants"
    own = ident(path.login)
    # without its own name, so that logins that go the same way are told together
    steps = " -> ".join(
        step.why.removeprefix(f"{own} ") if number == 0 else step.why
        for number, step in enumerate(path.steps)
    )
    needs = f"; it takes {' and '.join(path.needs)}" if path.needs else ""
    critical = Severity.CRITICAL if path.takes_over else Severity.HIGH
    return Difference(
        "superuser",
        direction,
        critical if widened else Severity.LOW,
        "login",
        (own,),
        f"can {'now' if widened else 'no longer'} {end}",
        tail=f"({steps}{needs})",
    )
