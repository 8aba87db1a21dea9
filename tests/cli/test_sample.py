"""`--sample N`: counts of values reach reports and snapshot files, and no value reaches anything at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.server.sample import read_samples
from pgguard.store.snapshot_file import load, save
from tests.snapshots import differences

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

# one mark in every value, of every kind of column, in keys, labels of rows, bytes, dates and numbers
MARK = "Zwqplanted"
NUMBER = 4_815_162_342
DAY = "1897-03-09"
VALUES = f"""
CREATE SCHEMA s; CREATE EXTENSION citext;
CREATE TYPE s.part AS (street text, day date);
CREATE DOMAIN s.code AS varchar(60);
CREATE TABLE s.everything (
    a text, b varchar(80), c char(80), d name, e citext, f s.code, g bigint, h numeric, i date, j timestamptz,
    k jsonb, l json, m xml, n bytea, o text[], p s.part, q s.part[], r uuid, t inet, u int4range, v jsonb[],
    w text
);
INSERT INTO s.everything
SELECT '{MARK}' || n || '@x.fr', '{MARK}' || n, '{MARK}' || n, '{MARK}' || n, '{MARK}' || n, '{MARK}' || n,
    {NUMBER} + n, {NUMBER}.5 + n, '{DAY}', '{DAY} 12:00',
    jsonb_build_object('{MARK}_' || n, '{MARK}', 'plain', n, 'same',
        jsonb_build_object('deep', jsonb_build_array(jsonb_build_object('{MARK}' || n, '{MARK}@x.fr')))),
    json_build_array('{MARK}' || n), xmlparse(CONTENT '<a>{MARK}</a>'), convert_to('{MARK}' || n, 'UTF8'),
    ARRAY['{MARK}', '{MARK}' || n], ROW('{MARK}' || n, '{DAY}')::s.part,
    ARRAY[ROW('{MARK}' || n, '{DAY}')::s.part], md5('{MARK}' || n)::uuid, '10.1.2.3', int4range(n, n + 5),
    ARRAY[jsonb_build_object('a', '{MARK}')], repeat('{MARK} ', 50)
FROM generate_series(1, 200) AS n;
CREATE TABLE s.few AS SELECT '{MARK}' AS x, '{{"{MARK}": "{MARK}"}}'::jsonb AS y;
CREATE TABLE s.locked AS TABLE s.few;
CREATE TABLE s.denied AS TABLE s.few;
CREATE VIEW s.shown AS SELECT a AS mail FROM s.everything;
CREATE VIEW s.broken AS SELECT a::int AS x FROM s.everything;
ANALYZE;
CREATE ROLE looker LOGIN IN ROLE pg_monitor; GRANT USAGE ON SCHEMA s TO looker;
GRANT SELECT ON ALL TABLES IN SCHEMA s TO looker; REVOKE SELECT ON s.denied FROM looker;
"""


@pytest.fixture
def planted(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(
        settings={
            "log_statement": "all",
            "log_min_duration_statement": "0",
            "log_error_verbosity": "verbose",
            "log_min_messages": "notice",
        },
        hba="local all all trust\n",
    )
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(VALUES)
    return cluster


def place(cluster: Cluster, user: str = "looker") -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", user, "-d", "lab"]


def test_no_planted_value_comes_out_anywhere(pgguard: Run, planted: Cluster, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text("[discovery]\nuse_statistics = true\n")
    before = len(planted.log.read_bytes())
    with psycopg.connect(planted.dsn(dbname="lab")) as other:
        other.execute("LOCK TABLE s.locked IN ACCESS EXCLUSIVE MODE")
        done = [
            pgguard("inspect", *place(planted), "--sample", "150", "--format", "json", "-o", "report.json"),
            pgguard("inspect", *place(planted), "--sample", "150"),
            pgguard("snapshot", *place(planted), "--sample", "150", "-o", "snapshot.jsonl"),
            pgguard("inspect", "--from", "snapshot.jsonl"),
            pgguard("discover", *place(planted), "--sample", "150"),
            pgguard(
                "discover", *place(planted), "--sample", "5", "--sample-only", "s.shown", "--format", "json"
            ),
        ]
    assert {one.returncode for one in done} <= {0, 1, 3}
    written = "".join(
        (tmp_path / name).read_text() for name in ("report.json", "snapshot.jsonl", "pgguard.toml")
    )
    logged = planted.log.read_bytes()[before:].decode(errors="replace")
    everything = written + logged + "".join(one.stdout + one.stderr for one in done)
    assert '{"section":"samples"}' in written
    assert "TABLESAMPLE" in logged
    for value in (MARK, MARK.lower(), DAY, str(NUMBER)[:7], MARK.encode().hex()):
        assert value not in everything
    # what was looked at, and what was not
    snapshot = load(tmp_path / "snapshot.jsonl")
    (lab,) = (one for one in snapshot.inspected if one.name == "lab")
    names = {one.oid: one.name for one in lab.relations}
    by_name = {(names[one.relation], one.number, one.path): one for one in lab.samples or ()}
    assert dict(by_name["everything", 1, ""].matches)["email"] == 150
    assert {path for name, number, path in by_name if (name, number) == ("everything", 11)} == {
        "", "*", "plain", "same.deep.*",
    }  # fmt: skip
    assert {path for name, number, path in by_name if name == "few" and number == 2} == {"", "*"}
    assert by_name["locked", 1, ""].unread == "somebody holds a lock on it"
    assert by_name["denied", 1, ""].unread == "permission denied"


def test_an_error_with_a_value_in_it_is_told_in_words_of_ours(
    pgguard: Run, planted: Cluster, tmp_path: Path
) -> None:
    done = pgguard(
        "snapshot", *place(planted), "--sample", "5", "--sample-only", "s.broken", "-o", "made.jsonl"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    made = (tmp_path / "made.jsonl").read_text()
    assert "SQLSTATE 22P02" in made
    assert MARK not in made


def test_mistakes_are_said_before_anything_is_read(pgguard: Run, planted: Cluster) -> None:
    for wrong, said in (
        (["--from", "none.jsonl", "--sample", "5"], "--sample looks at a server"),
        ([*place(planted), "--sample", "-1"], "--sample looks at a server"),
        ([*place(planted), "--sample-only", "s.few"], "--sample looks at a server"),
        ([*place(planted), "--sample", "5", "--sample-only", "s.gone"], "no table or view s.gone"),
    ):
        done = pgguard("inspect", *wrong)
        assert done.returncode == 2
        assert said in done.stderr


def test_samples_are_saved_and_loaded_and_files_without_them_too(planted: Cluster, tmp_path: Path) -> None:
    target = Target(planted.dsn(dbname="lab"))
    plain = read_snapshot(target)
    sampled = read_samples(target, plain, 50)
    for one in (plain, sampled):
        save(one, tmp_path / "saved")
        again = load(tmp_path / "saved")
        assert differences(one, again, ignore=()) == {}
        assert [two.samples for two in again.inspected] == [two.samples for two in one.inspected]
    assert all(two.samples is None for two in plain.inspected)
    assert any(two.samples for two in sampled.inspected)
    assert not any(json.loads(line) == {"section": "samples"} for line in _lines(plain, tmp_path / "plain"))


def _lines(snapshot: object, path: Path) -> list[str]:
    save(snapshot, path)  # type: ignore[arg-type]
    return path.read_text().splitlines()
