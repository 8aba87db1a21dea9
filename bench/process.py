"""Programs run as a user runs them, measured from process start to end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pgguard.demo.cluster import Cluster


class Run(NamedTuple):
    """One process: wall time and processor time in seconds, the most memory it had in MiB.

    `server` is the processor time of the server's sessions meanwhile, where that was looked at.
    """

    seconds: float
    mebibytes: float
    processor: float
    server: float = 0.0


def pgguard(*arguments: str) -> Run:
    """`pgguard` with these arguments.

    Raises `RuntimeError` when it did not do its work (findings are work done).
    """
    return timed([sys.executable, "-m", "pgguard.cli.main", *arguments], fine=(0, 1))


def timed(
    command: Sequence[str],
    *,
    fine: tuple[int, ...] = (0,),
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """A program, its output in a file or nowhere; PG* variables of ours are kept from it.

    Raises `RuntimeError`, with the last of what it said, when it ends with a code that is not `fine`.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    with (output or Path(os.devnull)).open("wb") as kept:
        started = time.perf_counter()
        with subprocess.Popen(
            command, stdout=kept, stderr=subprocess.PIPE, env={**own, **(environment or {})}
        ) as process:
            assert process.stderr is not None
            said = process.stderr.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
    if process.returncode not in fine:
        last = said.decode(errors="replace").strip()[-600:]
        msg = f"{command[0]} ended with {process.returncode}: {last}"
        raise RuntimeError(msg)
    # ru_maxrss is in KiB on Linux (getrusage(2)), and never less than this program's own when it forked
    return Run(seconds, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)


def middle(runs: Sequence[Run]) -> float:
    """The median wall time in seconds."""
    return statistics.median(run.seconds for run in runs)


def told(runs: Sequence[Run]) -> str:
    """The median times and the most memory, in columns."""
    processor = statistics.median(run.processor for run in runs)
    server = statistics.median(run.server for run in runs)
    memory = max(run.mebibytes for run in runs)
    more = f" + {server:6.2f} s of the server's" if server else ""
    return f"{middle(runs):7.2f} s, {processor:7.2f} s of processor{more}, {memory:5.0f} MiB"


def with_server(cluster: Cluster, run: Callable[[], Run]) -> Run:
    """The run with the processor time that the sessions took which began and ended meanwhile (Linux)."""
    # a session ends a moment after its client
    time.sleep(0.5)
    before = _server_processor(cluster)
    done = run()
    time.sleep(0.5)
    return done._replace(server=_server_processor(cluster) - before)


def _server_processor(cluster: Cluster) -> float:
    process = (cluster.data_directory / "postmaster.pid").read_text(encoding="utf-8").split()[0]
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    # cutime and cstime (proc(5)), counted from the state on, which is the third
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
