"""`python -m bench.fleet`: a run over many servers, some at a time, against one after another.

The targets are databases of a few throwaway clusters. Time is by the clock, memory the most that the program
and its processes held together (proportional set size of /proc/PID/smaps_rollup).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence


class Measured(NamedTuple):
    """Seconds by the clock, and MiB at the most."""

    seconds: float
    mebibytes: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--clusters", type=int, default=4)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clusters = [stack.enter_context(Cluster.start(find_postgres())) for _ in range(options.clusters)]
        targets = _targets(clusters, options.targets)
        few = _run(folder, targets[: max(1, options.targets // 8)], options.workers)
        many = _run(folder, targets, options.workers)
        alone = _run(folder, targets, 1)
    print(
        f"{options.targets} targets, {options.workers} at a time: {many.seconds / alone.seconds:.2f} of the"
    )
    print(f"time of one after another; memory {many.mebibytes / alone.mebibytes:.2f} of that")
    print(f"memory against an eighth of the targets: {many.mebibytes / few.mebibytes:.2f}")
    print(f"({many.seconds:.0f} s and {many.mebibytes:.0f} MiB; one after another {alone.seconds:.0f} s)")
    return 0


def _targets(clusters: Sequence[Cluster], count: int) -> list[str]:
    found = []
    for number in range(count):
        cluster = clusters[number % len(clusters)]
        name = f"clinic_{number}"
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(cluster.dsn(dbname=name), autocommit=True) as connection:
            connection.execute("CREATE TABLE patient (id integer PRIMARY KEY, nir text, birth_date date)")
        dsn = cluster.dsn(dbname=name)
        found.append(f'[[target]]\nname = "{name}"\ndsn = "{dsn}"\ndatabases = ["{name}"]\n')
    return found


def _run(folder: Path, targets: Sequence[str], workers: int) -> Measured:
    file = folder / f"fleet-{len(targets)}-{workers}.toml"
    file.write_text(f"workers = {workers}\n" + "\n".join(targets), encoding="utf-8")
    words = [sys.executable, "-m", "pgguard.cli.main", "check", "--fleet", str(file)]
    words += ["--history", str(folder / f"{file.stem}.sqlite"), "--format", "json"]
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, cwd=folder)
    most = [0.0]
    watching = threading.Thread(target=_watch, args=(process, most))
    watching.start()
    output, _ = process.communicate()
    watching.join()
    seconds = time.perf_counter() - began
    if output.count(b'"failure": null') != len(targets):
        msg = "a target could not be looked at"
        raise RuntimeError(msg)
    return Measured(seconds, most[0])


def _watch(process: subprocess.Popen[bytes], most: list[float]) -> None:
    while process.poll() is None:
        most[0] = max(most[0], _held(process.pid))
        time.sleep(0.3)


def _held(pid: int) -> float:
    """MiB of a process and those that it started."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                total += _held(int(child))
    except OSError:
        return total
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
