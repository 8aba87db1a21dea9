"""What follows a run: whoever has to know is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from pgguard.model.history import RunResult
    from pgguard.model.policy import Policy
    from pgguard.store.history import History


def notify(run_result: RunResult, history: History | None, policy: Policy, now: datetime.datetime) -> None:
    """Called once at the end of every run; `history` is None where it could not be opened."""
