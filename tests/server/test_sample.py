"""Sampling on real servers: counts and no value, bounded in time and rows; what is unread is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.patterns import by_column, told
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.server.sample import read_samples, read_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.rows import ColumnSample
    from pgguard.model.snapshot import Snapshot

PLANTED = (
    "PLANTEDNAME",
    "planted.mail",
    "185057800608491",
    "4711 Planted Street",
    "PLANTED_KEY_4711",
    "6543210987",
)
DATA = """
CREATE SCHEMA lab;
CREATE TABLE lab.t (a1 text, a2 text, a3 date, a4 text, a5 jsonb, a6 text[], a7 bigint, a8 bytea, a9 text);
INSERT INTO lab.t
SELECT '1850578006084' || lpad((91 - n % 2)::text, 2, '0'), 'planted.mail' || n || '@lab.example',
       DATE '1930-01-01' + n * 97, 'PLANTEDNAME ' || n,
       jsonb_build_object('contact', jsonb_build_object('mail', 'planted.mail' || n || '@x.fr'),
                          'PLANTED_KEY_4711' || n, 1, 'notes', '4711 Planted Street'),
       ARRAY['planted.mail' || n || '@y.fr', 'b'], 185057800608491,
       '\\xc30d04070302'::bytea || decode(md5(n::text), 'hex'),
       (ARRAY['A+','B-','O pos'])[1 + n % 3]
FROM generate_series(1, 300) AS n;
CREATE TABLE lab.empty (x text);
CREATE TABLE lab.parts (a text, b int) PARTITION BY RANGE (b);
CREATE TABLE lab.parts_1 PARTITION OF lab.parts FOR VALUES FROM (0) TO (1000);
INSERT INTO lab.parts SELECT 'planted.mail' || n || '@z.fr', n FROM generate_series(1, 100) AS n;
CREATE TABLE lab.closed (x text); INSERT INTO lab.closed VALUES ('PLANTEDNAME');
CREATE ROLE looker LOGIN; GRANT USAGE ON SCHEMA lab TO looker; GRANT SELECT ON lab.empty, lab.parts TO looker;
GRANT SELECT (a2, a3) ON lab.t TO looker;
"""


@pytest.fixture
def own(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(
        settings={"log_statement": "all", "log_min_duration_statement": "0"}, hba="local all all trust\n"
    )
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(DATA)
        connection.execute("ANALYZE")
    return cluster


def _samples(
    cluster: Cluster, user: str = "postgres", rows: int = 200
) -> tuple[Snapshot, dict[str, list[ColumnSample]]]:
    target = Target(cluster.dsn(user=user, dbname="lab"))
    snapshot = read_samples(target, read_snapshot(target, ["lab"]), rows)
    return snapshot, _named(snapshot)


def _named(snapshot: Snapshot) -> dict[str, list[ColumnSample]]:
    database = snapshot.inspected[0]
    names = {one.oid: one.name for one in database.relations}
    columns = {(one.relation, one.number): one.name for one in database.columns}
    found: dict[str, list[ColumnSample]] = {}
    for (relation, number), samples in by_column(database).items():
        found[f"{names[relation]}.{columns.get((relation, number), '*')}"] = samples
    return found


def test_the_values_tell_what_the_names_do_not(own: Cluster) -> None:
    _, found = _samples(own)
    best = {name: next((one.category for one in told(samples)), None) for name, samples in found.items()}
    assert best["t.a1"] == best["t.a7"] == "national_id"
    assert best["t.a2"] == best["t.a5"] == best["t.a6"] == "contact"
    assert best["t.a3"] == "date_of_birth"
    assert best["t.a9"] == "health_observation"
    assert best["t.a4"] is None
    assert best["parts.a"] == "contact"
    assert "parts_1.a" not in found
    (a1,) = found["t.a1"]
    assert (a1.rows, a1.filled) == (200, 200)
    assert dict(found["t.a8"][0].matches)["pgp_message"] == 200
    paths = {one.path for one in found["t.a5"]}
    # a key that holds a number is nobody's field
    assert paths == {"contact", "contact.mail", "notes"} - {"contact"}


def test_no_value_is_in_anything_that_comes_out(own: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    before = own.log.read_text(errors="replace")
    snapshot, _ = _samples(own)
    words = repr([one for database in snapshot.inspected for one in database.samples or ()])
    words += repr([list(told(samples)) for samples in _named(snapshot).values()])
    said = capfd.readouterr()
    logged = own.log.read_text(errors="replace")[len(before) :]
    for value in PLANTED:
        assert value not in words + said.out + said.err
        assert value not in logged
    assert "SELECT" in logged


def test_what_may_not_be_read_says_why_and_the_rest_goes_on(own: Cluster) -> None:
    _, found = _samples(own, user="looker")
    assert next(told(found["t.a2"])).category == "contact"
    assert [one.unread for one in found["t.a1"]] == ["permission denied"]
    assert [one.unread for one in found["closed.x"]] == ["permission denied"]


def test_a_locked_table_and_a_table_that_goes_do_not_hold_it_up(own: Cluster) -> None:
    target = Target(own.dsn(dbname="lab"))
    snapshot = read_snapshot(target, ["lab"])
    with psycopg.connect(own.dsn(dbname="lab")) as other:
        other.execute("LOCK TABLE lab.t IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as third:
            third.execute("DROP TABLE lab.closed")
        start = time.monotonic()
        found = _named(read_samples(target, snapshot, 200))
        assert time.monotonic() - start < 10
    assert {one.unread for one in found["t.a1"]} == {"somebody holds a lock on it"}
    assert next(told(found["parts.a"])).category == "contact"
    assert {one.unread for name, some in found.items() if name.startswith("closed") for one in some} <= {
        "it is no longer there",
        "permission denied",
    }


def test_a_large_table_is_not_read_whole(own: Cluster) -> None:
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE lab.large AS SELECT n AS id, 'x' || n AS v FROM generate_series(1, 400000) AS n"
        )
        connection.execute("ANALYZE lab.large")
        connection.execute("SELECT pg_stat_reset()")
        _, found = _samples(own)
        assert found["large.v"][0].rows == 200
        time.sleep(1)
        row = connection.execute(
            "SELECT heap_blks_read + heap_blks_hit, pg_relation_size('lab.large') / 8192 "
            "FROM pg_statio_user_tables WHERE relname = 'large'"
        ).fetchone()
        assert row is not None
        assert row[0] < row[1] / 4


def test_statistics_tell_the_same_without_reading_a_table(own: Cluster) -> None:
    target = Target(own.dsn(dbname="lab"))
    found = _named(read_statistics(target, read_snapshot(target, ["lab"])))
    assert next(told(found["t.a2"])).category == "contact"
    assert next(told(found["t.a3"])).category == "date_of_birth"
    assert {one.origin for samples in found.values() for one in samples} == {"statistics"}
    for value in PLANTED:
        assert value not in repr(found)
