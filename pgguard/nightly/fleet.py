"""One run over many clusters: some at the same time, each in a process of its own that ends with it.

A target that cannot be reached, or that breaks the process that looks at it, stops no other. What comes back
of each is a few lines, so that the memory does not grow with the fleet; alerts go out once for all of them.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgguard.errors import PgguardError
from pgguard.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.finding import Report
    from pgguard.nightly.notify import Pending
    from pgguard.store.fleet_file import Fleet, FleetTarget

# a process is replaced after so many targets: what a library leaks ends with it
_TASKS = 25


@dataclass(frozen=True, kw_only=True)
class FleetSettings:
    """How every target is looked at: the policy of all, where runs are remembered, what fails."""

    policy: Path | None
    store: str
    locks: str
    folder: str
    fail_on: Severity = Severity.HIGH
    allow_unknown: bool = False
    baseline: bool = False


class Looked(NamedTuple):
    """What a target came to: its exit code, what it has to tell, how many findings are open by severity, and
    what is to be told to others."""

    name: str
    exit_code: int
    text: str
    open: Mapping[Severity, int]
    failure: str
    problem: str
    pending: Pending | None


def look_at(fleet: Fleet, settings: FleetSettings) -> Iterator[Looked]:
    """The targets as they are done with, each once."""
    context = multiprocessing.get_context("forkserver")
    # read once, and shared by the processes as long as they do not change it
    context.set_forkserver_preload([__name__, "pgguard.nightly.warm"])
    waiting = list(reversed(fleet.target))
    while waiting:
        batch = [waiting.pop() for _ in range(min(len(waiting), fleet.workers * _TASKS))]
        left = {one.name: one for one in batch}
        # a pool a batch: replacing processes inside a pool can stop it for ever (Python 3.11)
        with concurrent.futures.ProcessPoolExecutor(
            min(fleet.workers, len(batch)), mp_context=context
        ) as pool:
            futures = {pool.submit(_one, one, settings): one for one in batch}
            for done in concurrent.futures.as_completed(futures):
                try:
                    yield done.result()
                except concurrent.futures.process.BrokenProcessPool:
                    # whoever broke it is among those left: they are looked at one by one
                    continue
                del left[futures[done].name]
        for target in left.values():
            yield _alone(target, settings, context)


def _alone(
    target: FleetTarget, settings: FleetSettings, context: multiprocessing.context.ForkServerContext
) -> Looked:
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(_one, target, settings).result()
        except concurrent.futures.process.BrokenProcessPool:
            failure = "the process that looked at it was ended: it may have had too little memory"
            return Looked(target.name, 3, "", {}, failure, "", None)


def _one(target: FleetTarget, settings: FleetSettings) -> Looked:
    """In a process of its own."""
    try:
        return _looked(target, settings)
    except PgguardError as error:
        return Looked(target.name, error.exit_code, "", {}, str(error), "", None)
    except Exception as error:
        # one target must not end the run, and what it says may hold values
        failure = f"internal error ({type(error).__name__}): please report it"
        return Looked(target.name, 3, "", {}, failure, "", None)


def _looked(target: FleetTarget, settings: FleetSettings) -> Looked:
    from pgguard.nightly.beside import with_all
    from pgguard.nightly.notify import supervision_in
    from pgguard.nightly.run import Settings, run_untold
    from pgguard.report import changes
    from pgguard.report.judge import judge
    from pgguard.server.connect import Target
    from pgguard.server.read import read_snapshot
    from pgguard.store.fleet_file import overlaid
    from pgguard.store.policy_file import load

    loaded = load(settings.policy)
    policy = overlaid(loaded.policy, Path(settings.folder) / target.policy if target.policy else None)

    seen = supervision_in(settings.store, target.name)

    def look() -> Report:
        server = Target.from_options(target.dsn)
        snapshot = read_snapshot(server, target.databases or None)
        today = datetime.date.fromisoformat(snapshot.server.now[:10])
        return judge(
            with_all(snapshot, policy, supervision=seen, server=server),
            policy,
            today=today,
            policy_file=loaded.file,
            policy_sha256=loaded.sha256,
            register_file=loaded.register_file,
            register_sha256=loaded.register_sha256,
        )

    made = Settings(
        target=target.name,
        store=settings.store,
        policy=policy,
        locks=Path(settings.locks),
        fail_on=settings.fail_on,
        allow_unknown=settings.allow_unknown,
        baseline=settings.baseline,
    )
    result, waiting = run_untold(look, made, datetime.datetime.now(datetime.UTC))
    return Looked(
        target.name,
        result.run.exit_code,
        changes.render(result) if result.comparison is not None and not result.failure else "",
        dict(result.run.counts or {}),
        result.failure,
        result.problem,
        waiting,
    )
