"""What changes an audited table changes its audit, and no write is stopped or lost by it."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.audit.oracle import Audited, Place
from tests.audit.store import install, with_store
from tests.audit.writes import PARTED, PARTS, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

LEVELS = ["statement", "row"] if "PGGUARD_LONG" in os.environ else ["statement"]
ONE = {"lab.t": Audited("who", {"b": "plain"})}


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN; CREATE ROLE lab_owner LOGIN")
        yield cluster


@pytest.fixture(scope="module")
def place(running: Cluster) -> Iterator[Place]:
    with_store(running, "ddl")
    made = Place(running, "ddl")
    yield made
    made.looking().close()


@pytest.fixture(scope="module")
def unfollowed(running: Cluster) -> Iterator[Place]:
    """Without the event triggers, as where nobody is a superuser."""
    with_store(running, "unfollowed")
    made = Place(running, "unfollowed")
    for trigger in ("ddl", "drop", "rewrite"):
        made.superuser(f"DROP EVENT TRIGGER IF EXISTS pgguard_audit_{trigger}")
    yield made
    made.looking().close()


def _owner(place: Place, *statements: str) -> None:
    with place.session("lab_owner") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _app(place: Place, *statements: str) -> None:
    with place.session() as connection:
        for statement in statements:
            place.run(connection, statement)


def _fine(place: Place) -> None:
    assert place.compare().total() == 0
    place.all_audited()


@pytest.mark.parametrize(
    "statements",
    [
        ("DROP TYPE lab.mood CASCADE",),
        ("DROP DOMAIN lab.word CASCADE",),
        ("ALTER TYPE lab.mood ADD VALUE 'worse'", "ALTER TYPE lab.mood RENAME VALUE 'ok' TO 'fine'"),
        ("ALTER TYPE lab.mood RENAME TO temper",),
        ("ALTER DOMAIN lab.word ADD CHECK (VALUE <> 'x')",),
        ("DROP INDEX lab.t_a",),
        ("DROP INDEX CONCURRENTLY lab.t_a",),
        ("ALTER TABLE lab.t DROP CONSTRAINT t_pkey",),
        ("ALTER TABLE lab.t ALTER a DROP NOT NULL",),
        ("ALTER TABLE lab.t RENAME TO u; ALTER TABLE lab.u RENAME TO t",),
        (
            "ALTER TABLE lab.t ALTER b TYPE text",
            "ALTER TABLE lab.t ALTER who TYPE bigint, ALTER a TYPE varchar(9)",
        ),
        (
            "ALTER TABLE lab.t RENAME b TO bb; ALTER TABLE lab.t RENAME who TO b; ALTER TABLE lab.t"
            " RENAME bb TO who",
        ),
    ],
    ids=lambda one: one[0],
)
@pytest.mark.parametrize("level", LEVELS)
def test_ddl_that_would_stop_writes(place: Place, level: str, statements: tuple[str, ...]) -> None:
    place.level = level
    without_key = "t_a" in statements[0]
    place.begin(
        "CREATE TYPE lab.mood AS ENUM ('ok', 'bad'); CREATE DOMAIN lab.word AS text;"
        "CREATE TABLE lab.t (id int, a text NOT NULL, who int, b numeric, m lab.mood, w lab.word);"
        + ("" if without_key else "ALTER TABLE lab.t ADD PRIMARY KEY (id);")
        + "CREATE UNIQUE INDEX t_a ON lab.t (a);"
        "INSERT INTO lab.t SELECT g, 'a' || g, g, g FROM generate_series(1, 4) AS g;",
        {"lab.t": Audited("id", {"b": "plain"}, key=("a",) if without_key else None)},
    )
    _app(place, "UPDATE lab.t SET who = 7")
    _owner(place, *statements)
    if without_key:
        # two rows that nothing tells apart are recorded by digests
        place.audited["lab.t"] = Audited("id", {"b": "plain"})
        _app(place, "INSERT INTO lab.t VALUES (3, 'a3', 3, 3)", "DELETE FROM lab.t WHERE id = 4")
    else:
        if "bb TO who" in statements[0]:
            # the class goes with the column
            place.audited["lab.t"] = Audited("id", {"who": "plain"})
        if "DROP CONSTRAINT" in statements[0]:
            place.audited["lab.t"] = Audited("id", {"b": "plain"}, key=("a",))
        _app(
            place,
            "INSERT INTO lab.t (id, a) VALUES (9, 'n')",
            "UPDATE lab.t SET who = 8, b = '1'",
            "DELETE FROM lab.t WHERE id = 2",
        )
    _fine(place)


def test_a_unique_index_becomes_the_key_and_its_end_ends_that(place: Place) -> None:
    place.level = "statement"
    place.begin("CREATE TABLE lab.t (id int NOT NULL, who int);", {"lab.t": Audited("who")})
    _app(place, "INSERT INTO lab.t VALUES (1, 1)")
    _owner(place, "CREATE UNIQUE INDEX one ON lab.t (id)")
    place.audited["lab.t"] = Audited("who", key=("id",))
    _app(place, "UPDATE lab.t SET who = 2")
    _owner(place, "DROP INDEX lab.one")
    place.audited["lab.t"] = Audited("who")
    _app(place, "INSERT INTO lab.t VALUES (1, 2)")
    _owner(place, "DELETE FROM lab.t")
    recorded = place.recorded()
    assert Counter(one.kind for one in recorded.elements()) == {"came": 2, "changed": 1, "gone": 2}
    place.all_audited()


def test_new_tables_of_a_covered_schema(place: Place) -> None:
    place.level = "statement"
    place.begin("SELECT 1", {})
    place.superuser("INSERT INTO pgguard_audit.covered VALUES ('lab') ON CONFLICT DO NOTHING")
    try:
        with place.session("lab_owner") as connection:
            with connection.transaction():
                connection.execute("CREATE TABLE lab.made (id int PRIMARY KEY, v text)")
                connection.execute("INSERT INTO lab.made VALUES (1, 'x')")
                with connection.cursor().copy("COPY lab.made FROM STDIN (FREEZE)") as copy:
                    copy.write_row((2, "frozen"))
            place.audited = {"lab.made": Audited()}
            place.expected += place.differences({}, place.rows(connection))
            connection.execute(
                "CREATE TABLE lab.parted (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k)"
            )
            connection.execute("CREATE TABLE lab.parted_1 PARTITION OF lab.parted FOR VALUES IN (1)")
            connection.execute(
                "CREATE TABLE lab.copied AS"
                " SELECT id, v, now() AS at, 1 AS tag_key_, '\\x00ff'::bytea AS raw FROM lab.made"
            )
            connection.execute("SELECT id INTO lab.into_ FROM lab.made")
            connection.execute("CREATE TABLE lab.empty AS SELECT 1 AS one WITH NO DATA")
            place.audited |= {"lab.copied": Audited(), "lab.into_": Audited(), "lab.parted": Audited()}
            found = place.rows(connection)
            place.expected += place.differences(
                {}, {name: found[name] for name in ("lab.copied", "lab.into_")}
            )
            place.run(connection, "INSERT INTO lab.parted_1 VALUES (5, 1)")
            place.run(connection, "DELETE FROM lab.copied WHERE id = 1")
            # nobody keeps a right that he did not have
            assert not place.superuser(
                "SELECT 1 FROM pg_class AS c, aclexplode(c.relacl) AS e WHERE c.relnamespace ="
                " 'lab'::regnamespace"
                " AND e.grantee = 'pgguard_audit_owner'::regrole"
            )
            # temporary ones are not in it
            connection.execute("CREATE TEMP TABLE own (id int); INSERT INTO own VALUES (1)")
        _fine(place)
    finally:
        place.superuser("DELETE FROM pgguard_audit.covered")


def test_partitions_that_leave_and_come(place: Place) -> None:
    place.level = "statement"
    place.begin(PARTED, PARTS)
    _owner(place, "ALTER TABLE lab.p DETACH PARTITION lab.p1", "ALTER TABLE lab.p DETACH PARTITION lab.rest")
    place.audited |= {name: Audited("who", {"v": "plain"}) for name in ("lab.p1", "lab.rest")}
    _app(
        place,
        "UPDATE lab.p1 SET v = 'alone'",
        "UPDATE lab.p SET v = 'rest'",
        "INSERT INTO lab.p1 VALUES (7, 1, 1, 'x')",
    )
    # the parent goes on without it
    _owner(
        place, "ALTER TABLE lab.p ADD COLUMN more int, DROP COLUMN v", "ALTER TABLE lab.p RENAME who TO whose"
    )
    place.audited["lab.p"] = Audited("whose")
    _app(place, "UPDATE lab.p1 SET who = 5", "UPDATE lab.p SET more = 1", "DELETE FROM lab.p1 WHERE id = 7")
    _fine(place)
    _owner(place, "ALTER TABLE lab.p DETACH PARTITION lab.p2 CONCURRENTLY")
    place.audited["lab.p2"] = Audited("whose")
    _app(place, "UPDATE lab.p2 SET more = 2", "DELETE FROM lab.p WHERE k = 3")
    _fine(place)


def test_a_parent_that_comes_above(place: Place) -> None:
    place.level = "statement"
    place.begin(f"{TABLE} CREATE TABLE lab.base (id int NOT NULL, who int);", ONE)
    _owner(place, "ALTER TABLE lab.t INHERIT lab.base")
    # what is written through the one above is written to it
    with place.session() as connection, place.noted(connection):
        connection.execute("UPDATE lab.base SET who = 9 WHERE id < 3")
        connection.execute("DELETE FROM lab.base WHERE id = 4")
    recorded = {(one.kind, one.key) for one in place.recorded()}
    assert recorded == {("changed", "1"), ("changed", "2"), ("gone", "4")}
    _owner(place, "ALTER TABLE lab.t NO INHERIT lab.base")
    _app(place, "UPDATE lab.t SET a = 'z' WHERE id = 5")
    _fine(place)


def test_truncate_is_refused_and_recorded_where_it_is_allowed(place: Place) -> None:
    place.level = "statement"
    tables = (
        f"{PARTED} {TABLE} CREATE TABLE lab.ref (id int PRIMARY KEY, t int REFERENCES lab.t);"
        f" INSERT INTO lab.ref VALUES (1, 1);"
    )
    both = {**PARTS, "lab.t": Audited("who"), "lab.ref": Audited("t")}
    every = (
        "lab.p",
        "lab.p1",
        "lab.p3",
        "lab.p33",
        "lab.rest",
        "lab.t CASCADE",
        "lab.ref, lab.p2",
        "ONLY lab.ref",
    )
    for allowed in (False, True):
        place.begin(tables, {name: how._replace(truncate_allowed=allowed) for name, how in both.items()})
        for what in every:
            with place.session("lab_owner") as connection:
                if allowed:
                    connection.execute(f"TRUNCATE {what}".encode())
                    continue
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(f"TRUNCATE {what}".encode())
                assert refused.value.sqlstate == "PGA03"
        ((left,),) = place.superuser("SELECT (SELECT count(*) FROM lab.p) + (SELECT count(*) FROM lab.t)")
        assert (left == 0) == allowed
    told = Counter(
        name
        for (name,) in place.superuser(
            "SELECT object FROM pgguard_audit.entry WHERE verb = 'TRUNCATE' AND at > %s", place.start
        )
    )
    parts = ["lab.p", "lab.p1", "lab.p2", "lab.p3", "lab.p33", "lab.p34", "lab.rest"]
    assert told == Counter(
        [
            *parts,
            "lab.p1",
            "lab.p3",
            "lab.p33",
            "lab.p34",
            "lab.p33",
            "lab.rest",
            "lab.t",
            "lab.ref",
            "lab.ref",
            "lab.p2",
            "lab.ref",
        ]
    )


def test_enabling_all_triggers_makes_them_as_they_were(place: Place) -> None:
    """As pg_restore --disable-triggers does it around its rows."""
    place.level = "statement"
    place.begin(TABLE, ONE)
    place.superuser("ALTER TABLE lab.t DISABLE TRIGGER ALL")
    assert place.superuser("SELECT pgguard_audit.is_audited('lab.t')") == [(False,)]
    place.superuser("ALTER TABLE lab.t ENABLE TRIGGER ALL")
    _app(place, "UPDATE lab.t SET a = 'x'")
    _fine(place)
    assert place.superuser(
        "SELECT 1 FROM pgguard_audit.entry WHERE verb = 'AUDIT OFF' AND at > %s", place.start
    )


def test_tables_that_go_leave_nothing_behind(place: Place) -> None:
    place.level = "statement"
    place.begin(TABLE, ONE)
    count = (
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgguard_audit'::regnamespace AND"
        " proname ~ '^audit_.*_[0-9]+$'"
    )
    assert place.superuser(count) == [(4,)]
    _owner(place, "DROP TABLE lab.t")
    assert place.superuser(count) == [(0,)]
    assert not place.superuser("SELECT 1 FROM pgguard_audit.known_column")


def test_what_cannot_be_audited_is_said(place: Place) -> None:
    place.begin("CREATE TABLE lab.t (id int PRIMARY KEY); CREATE VIEW lab.v AS SELECT 1;", {})
    for name, words in (
        ("lab.v", "by itself"),
        ("own", "temporary"),
        ("pg_class", "by itself"),
        ("pgguard_audit.entry", "by itself"),
    ):
        with place.session("postgres") as connection:
            connection.execute("CREATE TEMP TABLE own (id int)")
            with pytest.raises(psycopg.errors.RaiseException, match=words):
                connection.execute("SELECT pgguard_audit.audit(%s::regclass)", (name,))
    with pytest.raises(psycopg.errors.RaiseException, match="has no column b"):
        place.superuser("SELECT pgguard_audit.audit('lab.t', 'b')")
    if place.cluster.postgres.major >= 18:
        place.superuser("ALTER TABLE lab.t ADD twice int GENERATED ALWAYS AS (id * 2) VIRTUAL")
        with pytest.raises(psycopg.errors.RaiseException, match="has no column twice"):
            place.superuser("SELECT pgguard_audit.audit('lab.t', 'twice')")
    with pytest.raises(psycopg.errors.RaiseException, match="auditor's key is missing"):
        place.superuser("SELECT pgguard_audit.audit('lab.t', NULL, '{\"id\": \"seal\"}')")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "change",
    [
        "RENAME b TO c",
        "DROP COLUMN b",
        "DROP COLUMN who",
        "ALTER b TYPE text",
        "ALTER a TYPE bytea USING a::bytea",
        "RENAME id TO di",
        "DROP COLUMN a",
        "ALTER who TYPE text",
    ],
)
def test_without_event_triggers_a_changed_table_stops_no_write(
    unfollowed: Place, change: str, level: str
) -> None:
    place = unfollowed
    place.level = level
    place.begin(TABLE, {"lab.t": Audited("who", {"b": "plain"})})
    _owner(place, f"ALTER TABLE lab.t {change}")
    since = place.superuser("SELECT clock_timestamp()")[0][0]
    key = "di" if "di" in change.split() else "id"
    with place.session() as connection:
        for _ in range(2):
            connection.execute(f"UPDATE lab.t SET {key} = {key} WHERE {key} = 1".encode())
            connection.execute(f"INSERT INTO lab.t ({key}) VALUES (50)".encode())
            connection.execute(f"DELETE FROM lab.t WHERE {key} = 50".encode())
    told = "SELECT verb, login FROM pgguard_audit.entry WHERE at > %s AND shape IS NOT NULL ORDER BY at"
    assert place.superuser(told, since) == [("UPDATE", "app"), ("INSERT", "app"), ("DELETE", "app")] * 2
    # what was changed is recorded as before once the code is written anew
    place.superuser("SELECT pgguard_audit.refresh('lab.t')")
    if "who" not in change:
        place.audited["lab.t"] = Audited("who")
        ((place.start,),) = place.superuser("SELECT clock_timestamp()")
        _app(place, f"UPDATE lab.t SET d = now() WHERE {key} < 4")
        assert {one.changed for one in place.recorded()} == {frozenset({"d"})}


def test_tables_dropped_unseen_do_not_stop_the_event_triggers_from_being_installed(running: Cluster) -> None:
    with_store(running, "later")
    made = Place(running, "later")
    for trigger in ("ddl", "drop", "rewrite"):
        made.superuser(f"DROP EVENT TRIGGER IF EXISTS pgguard_audit_{trigger}")
    made.begin(TABLE, ONE)
    made.superuser("DROP TABLE lab.t")
    with made.session("postgres") as connection:
        install(connection)
    made.looking().close()
