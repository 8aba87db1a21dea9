"""`python -m bench.drift`: what `pgguard diff` costs on a large cluster, beside judging a snapshot."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import psycopg

from bench.cluster import populate
from bench.process import pgguard, told
from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster

SIZE = {"roles": 500, "tables": 20_000, "columns": 200_000, "grants": 50_000}
# what a night brings, and what an accident does
NIGHT = ("GRANT group_0 TO person_9", "CREATE ROLE newcomer LOGIN IN ROLE group_1")
ACCIDENT = (
    "GRANT USAGE ON SCHEMA ward_0, ward_1, ward_2 TO PUBLIC",
    "GRANT SELECT ON ALL TABLES IN SCHEMA ward_0, ward_1, ward_2, ward_3, ward_4 TO PUBLIC",
)


def main() -> int:
    """Measure and print, and return 0: a benchmark informs, it does not judge."""
    settings = {"shared_buffers": "256MB", "max_locks_per_transaction": "512"}
    with Cluster.start(find_postgres(), settings=settings) as cluster, tempfile.TemporaryDirectory() as place:
        looks = [str(Path(place) / name) for name in ("before", "night", "accident")]
        target = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            populate(connection, **SIZE)
            for look, statements in zip(looks, ((), NIGHT, ACCIDENT), strict=True):
                for statement in statements:
                    connection.execute(statement.encode())
                pgguard("snapshot", *target, "-o", look)
        print(", ".join(f"{number:,} {name}" for name, number in SIZE.items()))
        for name, after in zip(("nothing changed", "a night", "an accident"), looks, strict=True):
            runs = [pgguard("diff", looks[0], after) for _ in range(3)]
            print(f"  diff, {name:<18} {told(runs)}")
        print(
            f"  inspect --from           {told([pgguard('inspect', '--from', looks[0]) for _ in range(3)])}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
