"""`python -m bench.audit_sealing`: what sealed and digested values cost, beside marks and plain ones.

Microseconds of the server's processor (schedstat of /proc) and by the clock, of statements that write one row
and of one that writes many, and how many bytes are stored of each. A sealed statement has a key of its own.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.plan.audit.steps import install_files
from pgguard.server.audit_sealing import set_auditor_key
from pgguard.server.connect import Target
from pgguard.store.openpgp_key import auditor_key

if TYPE_CHECKING:
    from collections.abc import Sequence

Connection = psycopg.Connection[tuple[Any, ...]]
CLASSES = ("none", "mark", "plain", "tag", "seal")
VALUES = "'1850275123456', 'a note as people write', now()"
SIZES = (2048, 3072, 4096)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit_sealing", description=__doc__)
    parser.add_argument("--single", type=int, default=2_000, help="statements of one row (default 2,000)")
    parser.add_argument("--rows", type=int, default=20_000, help="of the large statement (default 20,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--major", type=int, help="of this PostgreSQL (default: the system's)")
    options = parser.parse_args(arguments)
    settings = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
    with Cluster.start(find_postgres(options.major), settings=settings) as cluster:
        _prepare(cluster)
        print(
            "class, key      one row: processor  clock   a row of many: processor   bytes a statement of one"
        )
        for name in CLASSES:
            for size in SIZES if name == "seal" else (0,):
                if size:
                    key = auditor_key(_public_key(size), datetime.datetime.now(datetime.UTC))
                    set_auditor_key(Target(cluster.dsn()), key.fingerprint, key.material)
                _measure(cluster, name, size, options)
    return 0


def _prepare(cluster: Cluster) -> None:
    folder = resources.files("pgguard").joinpath("sql", "install")
    key = auditor_key(_public_key(SIZES[0]), datetime.datetime.now(datetime.UTC))
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for one in install_files(superuser=True):
            with connection.transaction():
                connection.execute(folder.joinpath(one).read_bytes())
        set_auditor_key(Target(cluster.dsn()), key.fingerprint, key.material)
        for name in CLASSES:
            columns = "id bigint PRIMARY KEY, nir text, note text, made timestamptz"
            connection.execute(f"CREATE TABLE of_{name} ({columns})".encode())
            if name != "none":
                classes = f'{{"nir": "{name}", "note": "{name}"}}'
                connection.execute(
                    "SELECT pgguard_audit.audit(%s::regclass, 'id', %s::jsonb)", (f"of_{name}", classes)
                )


def _measure(cluster: Cluster, name: str, size: int, options: argparse.Namespace) -> None:
    single, clock, many, stored = [], [], [], []
    for _ in range(options.rounds):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"DELETE FROM of_{name}".encode())
            cursor = psycopg.RawCursor(connection)
            one = f"INSERT INTO of_{name} VALUES ($1, {VALUES})".encode()
            for number in range(200):
                cursor.execute(one, (-number,), prepare=True)
            before, began, bytes_before = _processor(connection), time.perf_counter(), _bytes(connection)
            for number in range(1, options.single + 1):
                cursor.execute(one, (number,), prepare=True)
            clock.append((time.perf_counter() - began) / options.single * 1e6)
            single.append((_processor(connection) - before) / options.single / 1e3)
            stored.append((_bytes(connection) - bytes_before) / options.single)
            before = _processor(connection)
            connection.execute(
                f"INSERT INTO of_{name} SELECT 1000000 + g, {VALUES} "
                f"FROM generate_series(1, {options.rows}) AS g".encode()
            )
            many.append((_processor(connection) - before) / options.rows / 1e3)
    label = f"{name} RSA {size}" if size else name
    print(
        f"{label:<15} {min(single):14.1f} us {min(clock):8.1f} us {min(many):16.1f} us "
        f"{statistics.median(stored):21.0f}",
        flush=True,
    )


def _processor(connection: Connection) -> int:
    text = Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    return int(text.split()[0])


def _bytes(connection: Connection) -> int:
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c "
        "WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND c.relkind = 'r'"
    ).fetchone()
    return int(row[0]) if row else 0


def _public_key(bits: int) -> bytes:
    """A main key and a subkey of RSA, as RFC 4880 (5.5.2) has them, without signatures."""
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    body = b"\x04" + int(time.time()).to_bytes(4, "big") + b"\x01" + _mpi(numbers.n) + _mpi(numbers.e)
    return b"".join(bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body for tag in (6, 14))


def _mpi(number: int) -> bytes:
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
