"""Nights with a clock of their own: a look at a real server, as it would be at that time."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgguard.checks import all_checks
from pgguard.model.policy import Policy
from pgguard.nightly.run import Settings, run
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.checks import Check
    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Report
    from pgguard.model.history import RunResult
    from pgguard.model.snapshot import Snapshot

BEGIN = datetime.datetime(2026, 1, 1, 2, tzinfo=datetime.UTC)
# what they say depends on the calendar of PostgreSQL's releases
CHECKS = tuple(one for one in all_checks() if not one.id.startswith("patch-"))


@dataclass
class Nights:
    """Runs on a cluster, one a night; `policy` and `user` may change from night to night."""

    cluster: Cluster
    folder: Path
    store: str = ""
    policy: Policy = field(default_factory=Policy)
    user: str = "postgres"
    checks: tuple[Check, ...] = CHECKS
    _last: tuple[str, Snapshot] | None = None

    @property
    def place(self) -> str:
        return self.store or str(self.folder / "history.sqlite")

    def run(self, night: int, *, again: bool = True, **settings: object) -> RunResult:
        """The run of one night; without `again` the server is as it was when it was last read."""
        now = BEGIN + datetime.timedelta(days=night)
        given: dict[str, object] = {
            "target": "lab-server",
            "store": self.place,
            "policy": self.policy,
            "locks": self.folder,
            "wait_seconds": 0.5,
            **settings,
        }
        return run(lambda: self.look(now, again=again), Settings(**given), now)  # type: ignore[arg-type]

    def look(self, now: datetime.datetime, *, again: bool = True) -> Report:
        """What is found at that time."""
        if again or self._last is None or self._last[0] != self.user:
            self._last = self.user, read_snapshot(Target(self.cluster.dsn(user=self.user)))
        snapshot = self._last[1]
        at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        snapshot = snapshot.replaced(server_rows=(snapshot.server._replace(now=at),))
        return judge(snapshot, self.policy, today=now.date(), checks=self.checks)


def told(result: RunResult) -> list[tuple[str, str, str]]:
    """What a run tells, as (kind, check, name)."""
    assert result.comparison is not None
    return [(one.kind, one.finding.check, one.finding.name) for one in result.comparison.events]
