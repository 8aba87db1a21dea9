"""`python -m bench.extract`: an extraction under a mandate, against plain COPY and the encryption alone.

Plain COPY is psql writing the same rows to /dev/null; the encryption alone is the library over the same
bytes, in memory, to /dev/null. An extraction counts the rows, streams, digests and encrypts them, and writes
the files, in memory where that can be, because neither of the others waits for a disk. The sum of the first
two is the floor; all are measured in turns, in one run.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import hashlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pyrage
import pysequoia

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.model.mandate import Mandate, MandateTable
from pgguard.nightly.extraction import extract
from pgguard.server.connect import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROLE = "mandate_bench"
TABLE = MandateTable("bench", "lab.result", ("id", "taken", "code", "value", "comment"))
COPY = "COPY (SELECT id, taken, code, value, comment FROM lab.result) TO STDOUT (FORMAT csv, HEADER)"


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.extract", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows extracted (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    options = parser.parse_args(arguments)
    postgres = find_postgres(options.major)
    # as the program does: a million rows make no cycles to look for
    gc.disable()
    with Cluster.start(postgres) as cluster, tempfile.TemporaryDirectory(dir=_memory()) as folder:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            _prepare(connection, options.rows)
            clear = _rows(connection)
        print(f"{options.rows} rows, {len(clear) >> 20} MiB of CSV, PostgreSQL {postgres.major}")
        print("kind      plain COPY   encryption alone   extraction   ratio to their sum (least to most)")
        for kind in ("age", "openpgp"):
            _measure(cluster, Path(folder), kind, clear, options.rounds)
    return 0


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - where the server lies too


def _prepare(connection: psycopg.Connection, rows: int) -> None:
    connection.execute(
        f"CREATE ROLE {ROLE} LOGIN; CREATE SCHEMA lab; GRANT USAGE ON SCHEMA lab TO {ROLE};"
        "CREATE TABLE lab.result AS SELECT i AS id, date '2024-01-01' + i % 365 AS taken, "
        "'718-' || i % 9 AS code, (i % 977) * 0.1 AS value, 'comment ' || md5(i::text) AS comment "
        f"FROM generate_series(1, {rows}) AS i; GRANT SELECT ON lab.result TO {ROLE}".encode()
    )
    connection.execute("VACUUM ANALYZE lab.result")


def _rows(connection: psycopg.Connection) -> bytes:
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        return b"".join(copy)


def _measure(cluster: Cluster, folder: Path, kind: str, clear: bytes, rounds: int) -> None:
    recipient, alone = _age(clear) if kind == "age" else _openpgp(clear, folder)
    took: list[tuple[float, float, float]] = []
    for number in range(rounds):
        own = folder / f"{kind}-{number}"
        own.mkdir(0o700)
        one = _mandate(own, recipient)
        target = Target.from_options(cluster.dsn(user=ROLE))
        now = datetime.datetime.now(datetime.UTC)
        took.append(
            (
                _timed(lambda: _plain(cluster)),
                _timed(alone),
                _timed(lambda: extract(one, [TABLE], target, now)),  # noqa: B023 - called at once
            )
        )
    plain, cipher, ours = (statistics.median(column) for column in zip(*took, strict=True))
    ratios = sorted(each[2] / (each[0] + each[1]) for each in took)
    middle = statistics.median(ratios)
    print(
        f"{kind:9} {plain:8.2f} s {cipher:16.2f} s {ours:10.2f} s {middle:9.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _plain(cluster: Cluster) -> None:
    command = ["psql", "-qXc", COPY, cluster.dsn(user=ROLE)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _age(clear: bytes) -> tuple[str, Callable[[], object]]:
    identity = pyrage.x25519.Identity.generate()
    to = [identity.to_public()]

    def alone() -> None:
        with open("/dev/null", "wb") as nowhere:
            pyrage.encrypt_io(io.BytesIO(clear), nowhere, to)

    return str(to[0]), alone


def _openpgp(clear: bytes, folder: Path) -> tuple[str, Callable[[], object]]:
    public = pysequoia.Tsk.generate("Recipient <recipient@example.org>").extract_certificate()
    path = folder / "recipient.asc"
    path.write_text(str(public), encoding="ascii")
    given = folder / "clear"
    given.write_bytes(clear)

    def alone() -> None:
        pysequoia.encrypt_file(given, "/dev/null", [public], armor=False)

    return str(path), alone


def _mandate(folder: Path, recipient: str) -> Mandate:
    document = folder / "instruction.txt"
    document.write_text("all results\n", encoding="ascii")
    today = datetime.datetime.now(datetime.UTC).date()
    out = folder / "out"
    out.mkdir(0o700)
    return Mandate(
        name="bench",
        contract="bench",
        purpose="bench",
        instructed_by="bench",
        instructed_on=today,
        document=str(document),
        sha256=hashlib.sha256(document.read_bytes()).hexdigest(),
        role=ROLE,
        start=today,
        until=today,
        erase_by=today,
        ceiling=1 << 40,
        recipients=(recipient,),
        folder=str(out),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
