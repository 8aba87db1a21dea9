"""Sampling on real servers: counts and no value, bounded in time and rows; what is unread is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.patterns import all_encrypted, by_column, told
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.server.sample import read_samples, read_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.binaries import Postgres
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
    cluster: Cluster, user: str = "postgres", rows: int = 200, **options: Any
) -> tuple[Snapshot, dict[str, list[ColumnSample]]]:
    target = Target(cluster.dsn(user=user, dbname="lab"))
    snapshot = read_samples(target, read_snapshot(target, ["lab"]), rows, **options)
    return snapshot, _named(snapshot)


def _run(cluster: Cluster, text: str, user: str = "postgres") -> None:
    with psycopg.connect(cluster.dsn(user=user, dbname="lab"), autocommit=True) as connection:
        connection.execute(text)


def _unread(found: dict[str, list[ColumnSample]]) -> dict[str, str]:
    return {name: one.unread for name, some in found.items() for one in some if one.unread}


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
    assert paths == {"", "*", "contact.mail", "notes"}


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


@pytest.mark.parametrize("analyzed", [True, False])
def test_a_large_table_is_not_read_whole(own: Cluster, analyzed: bool) -> None:
    rows = 1_000_000
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE lab.large AS SELECT n AS id, DATE '1900-01-01' + n / 25 AS v "
            f"FROM generate_series(1, {rows}) AS n"
        )
        if analyzed:
            connection.execute("ANALYZE lab.large")
        connection.execute("SELECT pg_stat_reset()")
        _, found = _samples(own)
        (one,) = found["large.v"]
        assert one.rows == 200
        # from all over it, and not its first pages
        assert one.years > 30
        time.sleep(1)
        row = connection.execute(
            "SELECT heap_blks_read + heap_blks_hit, pg_relation_size('lab.large') / 8192 "
            "FROM pg_statio_user_tables WHERE relname = 'large'"
        ).fetchone()
        assert row is not None
        assert row[0] < row[1] / 20


def test_no_code_of_other_people_runs(own: Cluster, postgres: Postgres) -> None:
    # before PostgreSQL 11 there are no arrays of a domain
    mails = "m.mail[]" if postgres.major >= 11 else "text[]"
    _run(own, "CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE lab TO mallory")
    _run(
        own,
        f"""
        CREATE SCHEMA m;
        CREATE TYPE m.pair AS (a text, b date);
        CREATE TYPE m.mood AS ENUM ('sad', 'glad');
        CREATE TYPE m.span AS RANGE (subtype = date);
        CREATE DOMAIN m.mail AS text;
        CREATE FUNCTION m.f(x anyelement) RETURNS text LANGUAGE plpgsql
            AS $$BEGIN RAISE LOG 'IT RAN'; RETURN ''; END$$;
        CREATE FUNCTION m.p(m.pair) RETURNS text LANGUAGE sql AS 'SELECT m.f($1)';
        CREATE FUNCTION m.e(m.mood) RETURNS text LANGUAGE sql AS 'SELECT m.f($1)';
        CREATE FUNCTION m.r(m.span) RETURNS text LANGUAGE sql AS 'SELECT m.f($1)';
        CREATE FUNCTION m.j(m.pair) RETURNS json LANGUAGE sql AS 'SELECT to_json(m.f($1))';
        CREATE FUNCTION m.left(text, int) RETURNS text LANGUAGE sql AS 'SELECT m.f($1)';
        CREATE CAST (m.pair AS text) WITH FUNCTION m.p(m.pair) AS IMPLICIT;
        CREATE CAST (m.mood AS text) WITH FUNCTION m.e(m.mood) AS IMPLICIT;
        CREATE CAST (m.span AS text) WITH FUNCTION m.r(m.span) AS IMPLICIT;
        CREATE CAST (m.pair AS json) WITH FUNCTION m.j(m.pair) AS IMPLICIT;
        CREATE TABLE m.t (pair m.pair, pairs m.pair[], mood m.mood, moods m.mood[], span m.span,
                          mail m.mail, mails {mails});
        INSERT INTO m.t SELECT ('planted.mail' || n || '@p.fr', DATE '1930-01-01' + n * 97)::m.pair,
            ARRAY[('x', DATE '1930-01-01' + n * 97)::m.pair], 'sad', '{{sad}}', '[2020-01-01,2020-01-02]',
            'planted.mail' || n || '@d.fr', ARRAY['planted.mail' || n || '@e.fr']
        FROM generate_series(1, 300) AS n;
        CREATE VIEW m.v AS SELECT m.f(mail) AS mail FROM m.t;
        """,
        user="mallory",
    )
    own.log.write_text("")
    _, found = _samples(own)
    assert "LOG:  IT RAN" not in own.log.read_text()
    assert _unread(found) == {}
    fields = {one.path: one for one in found["t.pair"]}
    assert dict(fields["a"].matches)["email"] == fields["b"].filled == 200
    (dates,) = (one for one in found["t.pairs"] if one.path == "b")
    assert dict(dates.matches)["past_date"] == 200
    assert next(told(found["t.mail"])).category == next(told(found["t.mails"])).category == "contact"
    assert not found.keys() & {"t.mood", "t.moods", "t.span", "v.mail"}
    # the counter-proof: what is named is looked at, and a view is code of its owner
    _, found = _samples(own, only=["m.v"])
    assert found.keys() == {"v.mail"}
    assert "LOG:  IT RAN" in own.log.read_text()


def test_what_would_raise_an_error_with_a_value_does_not(own: Cluster) -> None:
    _run(
        own,
        r"""
        CREATE TABLE lab.odd (j json, k json, x xml, n numeric, d date, t text);
        INSERT INTO lab.odd
        SELECT '{"a": "PLANTEDNAME \u0000", "\ud800": 1}', '{"a": 1e999999, "\u00e9": "\"\n"}',
            '<a>PLANTEDNAME</a>', 'NaN', 'infinity',
            repeat('PLANTEDNAME ', 1000)
        FROM generate_series(1, 20);
        """,
    )
    target = Target(own.dsn(dbname="lab"))
    snapshot = read_snapshot(target, ["lab"])
    before = len(own.log.read_bytes())
    found = _named(read_samples(target, snapshot, 200))
    assert _unread(found) == {}
    assert [one.path for one in found["odd.j"]] == [""]
    assert [one.path for one in found["odd.k"]] == ["", "*", "a"]
    logged = own.log.read_bytes()[before:]
    assert b"ERROR" not in logged
    assert b"PLANTEDNAME" not in logged


def test_a_collation_that_knows_no_patterns(own: Cluster, postgres: Postgres) -> None:
    if postgres.major < 12:
        pytest.skip("collations are deterministic before PostgreSQL 12")
    try:
        _run(own, "CREATE COLLATION lab.loose (provider = icu, locale = 'und', deterministic = false)")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server has no ICU")
    _run(
        own,
        "CREATE TABLE lab.l (t text COLLATE lab.loose);"
        "INSERT INTO lab.l SELECT 'planted.mail' || n || '@x.fr' FROM generate_series(1, 30) AS n",
    )
    _, found = _samples(own)
    assert dict(found["l.t"][0].matches)["email"] == 30


def test_no_lock_is_kept_while_the_next_table_is_looked_at(own: Cluster) -> None:
    target = Target(own.dsn(dbname="lab"))
    snapshot = read_snapshot(target, ["lab"])
    kept: set[str] = set()
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as other:

        def look(text: str) -> None:
            kept.update(
                row[0]
                for row in other.execute(
                    "SELECT relation::regclass::text FROM pg_locks "
                    "WHERE relation >= 16384 AND pid <> pg_backend_pid()"
                )
            )

        read_samples(target, snapshot, 10, progress=look)
    assert kept == set()


def test_only_what_is_named_and_no_other(own: Cluster) -> None:
    _, found = _samples(own, only=["lab.parts_1"])
    assert found.keys() == {"parts_1.a", "parts_1.b"}


def test_row_security_is_not_taken_for_an_empty_table(own: Cluster) -> None:
    _run(
        own,
        "CREATE TABLE lab.rows (x text, who text); ALTER TABLE lab.rows ENABLE ROW LEVEL SECURITY;"
        "INSERT INTO lab.rows SELECT 'planted.mail' || n || '@x.fr', 'looker' FROM generate_series(1, 30) n;"
        "GRANT SELECT ON lab.rows TO looker",
    )
    _, found = _samples(own, user="looker")
    assert "row security" in found["rows.x"][0].unread
    assert [(one.rows, one.unread) for one in found["empty.x"]] == [(0, "")]
    _run(own, "CREATE POLICY p ON lab.rows USING (who = current_user)")
    _, found = _samples(own, user="looker")
    assert (found["rows.x"][0].rows, found["rows.x"][0].unread) == (30, "")


def test_parents_and_their_parts(own: Cluster) -> None:
    _run(
        own,
        """
        CREATE TABLE lab.mother (a text); CREATE TABLE lab.child (b text) INHERITS (lab.mother);
        CREATE TABLE lab.twin () INHERITS (lab.mother);
        INSERT INTO lab.child SELECT 'planted.mail' || n || '@x.fr', 'b' FROM generate_series(1, 30) AS n;
        CREATE TABLE lab.many (a text, b int) PARTITION BY LIST (b);
        DO $$BEGIN FOR n IN 1..101 LOOP
            EXECUTE format('CREATE TABLE lab.many_%s PARTITION OF lab.many FOR VALUES IN (%s)', n, n);
        END LOOP; END$$;
        INSERT INTO lab.many SELECT 'planted.mail' || n || '@x.fr', 7 FROM generate_series(1, 300) AS n;
        ANALYZE lab.many_7;
        CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
        CREATE TABLE lab.mixed (a text, b int) PARTITION BY LIST (b);
        CREATE FOREIGN TABLE lab.mixed_1 PARTITION OF lab.mixed FOR VALUES IN (1) SERVER far;
        """,
    )
    _, found = _samples(own)
    assert dict(found["mother.a"][0].matches)["email"] == 30
    assert "child.b" in found
    assert not [name for name in found if name.startswith(("twin.", "many_"))]
    assert dict(found["many.a"][0].matches)["email"] == 200
    assert set(_unread(found)) == {"mixed.a", "mixed.b"}


def test_bytes_that_are_encrypted_and_bytes_that_are_not(own: Cluster) -> None:
    _run(
        own,
        r"""
        CREATE EXTENSION pgcrypto;
        CREATE TABLE lab.bytes (pgp bytea, armored text, picture bytea, words bytea, raw bytea, mixed bytea);
        INSERT INTO lab.bytes
        SELECT pgp_sym_encrypt('PLANTEDNAME' || n, 'k'), armor(pgp_sym_encrypt('PLANTEDNAME', 'k')),
            '\xffd8ffe000104a46'::bytea || decode(md5(n::text), 'hex'),
            convert_to('PLANTEDNAME é' || n, 'UTF8'),
            encrypt_iv(convert_to('PLANTEDNAME' || n, 'UTF8'), 'key', 'iv', 'aes'),
            CASE n % 2 WHEN 0 THEN pgp_sym_encrypt('x', 'k') ELSE convert_to('PLANTEDNAME ' || n, 'UTF8') END
        FROM generate_series(1, 50) AS n;
        """,
    )
    _, found = _samples(own)
    said = {
        name.removeprefix("bytes."): all_encrypted(some) for name, some in found.items() if "bytes." in name
    }
    assert said == {
        "pgp": True, "armored": True, "picture": False, "words": False, "raw": None, "mixed": False,
    }  # fmt: skip


def test_a_database_of_any_bytes(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE lab TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(
            b"CREATE TABLE t (\"\xc3\xa9\" text, j json); INSERT INTO t SELECT 'a' || n || '@x.fr', "
            b'\'{"k": "\xe9\\u00e9"}\' FROM generate_series(1, 9) AS n;'
            b'CREATE TABLE "\xe9" (x text)'
        )
    _, found = _samples(cluster)
    assert dict(found["t.é"][0].matches)["email"] == 9


def test_a_table_that_takes_too_long_is_unread_and_the_rest_goes_on(own: Cluster) -> None:
    _run(own, "CREATE VIEW lab.slow AS SELECT pg_sleep(60)::text AS x FROM generate_series(1, 2)")
    _, found = _samples(own, only=["lab.slow", "lab.parts"], seconds=0.5)
    assert _unread(found) == {"slow.x": "it took too long"}
    assert next(told(found["parts.a"])).category == "contact"


def test_statistics_tell_the_same_without_reading_a_table(own: Cluster) -> None:
    target = Target(own.dsn(dbname="lab"))
    found = _named(read_statistics(target, read_snapshot(target, ["lab"])))
    assert next(told(found["t.a2"])).category == "contact"
    assert next(told(found["t.a3"])).category == "date_of_birth"
    assert {one.origin for samples in found.values() for one in samples} == {"statistics"}
    for value in PLANTED:
        assert value not in repr(found)
