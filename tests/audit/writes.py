"""The ways in which rows can be written: tables, and what is done to them by a program's login."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from tests.audit.oracle import Audited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.audit.oracle import Place

TABLE = """
CREATE TABLE lab.t (id int PRIMARY KEY, who int, a text, b numeric, d timestamptz DEFAULT
    '2020-02-02 02:02+00');
INSERT INTO lab.t (id, who, a, b) SELECT g, g % 3, 'a' || g, g / 4.0 FROM generate_series(1, 9) AS g;
"""
ONE = {"lab.t": Audited("who", {"b": "plain", "d": "plain"})}
PARTED = """
CREATE TABLE lab.p (id int, k int, who int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE lab.p1 PARTITION OF lab.p FOR VALUES IN (1);
-- columns in another order, and one that is gone
CREATE TABLE lab.p2 (v text, gone int, k int NOT NULL, id int NOT NULL, who int, PRIMARY KEY (id, k));
ALTER TABLE lab.p2 DROP COLUMN gone;
ALTER TABLE lab.p ATTACH PARTITION lab.p2 FOR VALUES IN (2);
CREATE TABLE lab.p3 PARTITION OF lab.p FOR VALUES IN (3, 4) PARTITION BY LIST (k);
CREATE TABLE lab.p33 PARTITION OF lab.p3 FOR VALUES IN (3);
CREATE TABLE lab.p34 PARTITION OF lab.p3 FOR VALUES IN (4);
CREATE TABLE lab.rest PARTITION OF lab.p DEFAULT;
INSERT INTO lab.p SELECT g, g, g, 'v' || g FROM generate_series(1, 6) AS g;
"""
PARTS = {"lab.p": Audited("who", {"v": "plain"})}
INHERITED = """
CREATE TABLE lab.base (id int PRIMARY KEY, who int, v text);
CREATE TABLE lab.child (PRIMARY KEY (id)) INHERITS (lab.base);
INSERT INTO lab.base SELECT g, g, 'b' || g FROM generate_series(1, 3) AS g;
INSERT INTO lab.child SELECT g, g, 'c' || g FROM generate_series(11, 13) AS g;
"""
FAMILY = {"lab.base": Audited("who", {"v": "plain"})}
CASCADES = """
CREATE TABLE lab.up (id int PRIMARY KEY, v text);
CREATE TABLE lab.gone (id int PRIMARY KEY, up int REFERENCES lab.up ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE lab.further (id int PRIMARY KEY, gone int REFERENCES lab.gone ON DELETE CASCADE ON UPDATE
    CASCADE);
CREATE TABLE lab.empty (id int PRIMARY KEY, up int REFERENCES lab.up ON DELETE SET NULL ON UPDATE SET NULL);
CREATE TABLE lab.usual (
    id int PRIMARY KEY, up int DEFAULT 0 REFERENCES lab.up ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);
INSERT INTO lab.up SELECT g, 'u' || g FROM generate_series(0, 5) AS g;
INSERT INTO lab.gone SELECT 10 + g, g / 2 FROM generate_series(0, 9) AS g;
INSERT INTO lab.further SELECT 10 + g, 10 + g / 2 FROM generate_series(0, 19) AS g;
INSERT INTO lab.empty SELECT 10 + g, g / 2 FROM generate_series(0, 9) AS g;
INSERT INTO lab.usual SELECT 10 + g, g / 2 FROM generate_series(0, 9) AS g;
"""
RELATED = {
    "lab.up": Audited(),
    "lab.gone": Audited("up", {"up": "plain"}),
    "lab.further": Audited("gone", {"gone": "plain"}),
    "lab.empty": Audited("up", {"up": "plain"}),
    "lab.usual": Audited("up", {"up": "plain"}),
}
ALL = ("statement", "row", "guarded")
FOLLOWED = ("statement", "row")
INSERT, UPDATE, DELETE = {"INSERT"}, {"UPDATE"}, {"DELETE"}
MOVED = {"UPDATE FROM", "UPDATE TO"}


class Form(NamedTuple):
    """A way to write. act: statements, each in a transaction of its own, or what is done with a session.

    verbs are those by which it is recorded, where triggers are statements' ones; unchanged: how many rows are
    written as they were. In variants that are not named it is not tried.
    """

    act: tuple[str, ...] | Callable[[Place, psycopg.Connection], None]
    tables: str = TABLE
    audited: Mapping[str, Audited] = ONE
    verbs: set[str] | None = None
    unchanged: int = 0
    since: int = 14
    variants: tuple[str, ...] = ALL
    prepare: str = ""
    also: Mapping[str, Audited] = {}
    icu: bool = False


def _copied(how: str, rows: str) -> Callable[[Place, psycopg.Connection], None]:
    def act(place: Place, connection: psycopg.Connection) -> None:
        with (
            place.session("postgres") as other,
            other.cursor() as cursor,
            cursor.copy(f"COPY ({rows}) TO STDOUT {how}".encode()) as copy,
        ):
            sent = b"".join(bytes(part) for part in copy)
        with (
            place.noted(connection),
            connection.cursor() as cursor,
            cursor.copy(f"COPY lab.t (id, who, a, b) FROM STDIN {how}".encode()) as copy,
        ):
            copy.write(sent)

    return act


def _frozen(place: Place, connection: psycopg.Connection) -> None:
    with connection.transaction():
        place.run(connection, "DELETE FROM lab.t")
        connection.execute("TRUNCATE lab.t")
        with (
            place.noted(connection),
            connection.cursor() as cursor,
            cursor.copy("COPY lab.t (id, a) FROM STDIN (FREEZE)") as copy,
        ):
            copy.write_row((70, "frozen"))
            copy.write_row((71, "frozen"))


def _truncated(place: Place, connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE lab.t")
    place.run(connection, "INSERT INTO lab.t (id) VALUES (1)")


def _cursor(place: Place, connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("DECLARE c CURSOR FOR SELECT * FROM lab.t ORDER BY id FOR UPDATE")
        connection.execute("FETCH 2 FROM c")
        place.run(connection, "UPDATE lab.t SET a = 'by cursor' WHERE CURRENT OF c")
        connection.execute("FETCH 1 FROM c")
        place.run(connection, "DELETE FROM lab.t WHERE CURRENT OF c")


def _savepoints(place: Place, connection: psycopg.Connection) -> None:
    with connection.transaction():
        place.run(connection, "UPDATE lab.t SET a = 'stays' WHERE id = 1")
        connection.execute("SAVEPOINT one")
        connection.execute("UPDATE lab.t SET a = 'goes' WHERE id = 2; INSERT INTO lab.t VALUES (50)")
        connection.execute("ROLLBACK TO one")
        place.run(connection, "UPDATE lab.t SET a = 'stays too' WHERE id = 3")
        connection.execute("SAVEPOINT two")
        place.run(connection, "DELETE FROM lab.t WHERE id = 4")
        connection.execute("RELEASE two")
        with contextlib.suppress(psycopg.Error), connection.transaction():
            connection.execute("INSERT INTO lab.t VALUES (60), (1)")
        place.run(connection, "INSERT INTO lab.t VALUES (61)")


def _rolled_back(place: Place, connection: psycopg.Connection) -> None:
    connection.execute("BEGIN; UPDATE lab.t SET a = 'goes'; DELETE FROM lab.t WHERE id = 1; ROLLBACK")
    with contextlib.suppress(psycopg.Error):
        connection.execute("UPDATE lab.t SET a = 'x', id = 1")
    place.run(connection, "UPDATE lab.t SET a = 'stays' WHERE id = 1")


def _two_phases(place: Place, connection: psycopg.Connection) -> None:
    for name, kept in (("kept", True), ("gone", False)):
        connection.execute("BEGIN")
        with place.noted(connection) if kept else contextlib.nullcontext():
            connection.execute(f"UPDATE lab.t SET a = '{name}' WHERE id < 4".encode())
        connection.execute(f"PREPARE TRANSACTION '{name}'".encode())
        # another session ends it
        with place.session() as other:
            other.execute(f"{'COMMIT' if kept else 'ROLLBACK'} PREPARED '{name}'".encode())


def _prepared(place: Place, connection: psycopg.Connection) -> None:
    connection.execute(
        "PREPARE up (int, text) AS UPDATE lab.t SET a = $2 WHERE id = $1;"
        "PREPARE ins (int) AS INSERT INTO lab.t (id, b) VALUES ($1, 1.50)"
    )
    # often enough for a plan that serves all
    for number in range(8):
        place.run(connection, f"EXECUTE up ({number + 1}, 'p{number}')")
        place.run(connection, f"EXECUTE ins ({number + 100})")
    for number in range(7):
        with place.noted(connection):
            connection.execute("DELETE FROM lab.t WHERE id = %s", (number + 100,), prepare=True)


def _pipeline(place: Place, connection: psycopg.Connection) -> None:
    with place.noted(connection), connection.pipeline():
        for number in range(1, 6):
            connection.execute("UPDATE lab.t SET a = %s WHERE id = %s", (f"piped {number}", number))
        connection.execute("INSERT INTO lab.t (id) VALUES (%s)", (80,))
        connection.execute("DELETE FROM lab.t WHERE id = %s", (6,))


def _batch(place: Place, connection: psycopg.Connection) -> None:
    with place.noted(connection), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO lab.t (id, a) VALUES (%s, %s)", [(n, f"many {n}") for n in range(90, 99)]
        )


def _serializable(place: Place, connection: psycopg.Connection) -> None:
    for level in ("SERIALIZABLE", "REPEATABLE READ"):
        connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        place.run(connection, "UPDATE lab.t SET b = b + 1 WHERE id < 5")
        place.run(connection, f"INSERT INTO lab.t (id) VALUES ({len(level) * 100})")
        connection.execute("COMMIT")


def _as_superuser(*statements: str) -> Callable[[Place, psycopg.Connection], None]:
    def act(place: Place, _: psycopg.Connection) -> None:
        with place.session("postgres") as connection:
            for statement in statements:
                if statement.startswith("SET "):
                    connection.execute(statement.encode())
                else:
                    place.run(connection, statement)

    return act


def _as_owner(*statements: str) -> Callable[[Place, psycopg.Connection], None]:
    """In one transaction of the owner: DDL and writes."""

    def act(place: Place, _: psycopg.Connection) -> None:
        with place.session("lab_owner") as connection, connection.transaction():
            for statement in statements:
                if statement.startswith(("INSERT", "UPDATE", "DELETE")):
                    place.run(connection, statement)
                else:
                    connection.execute(statement.encode())

    return act


def _with_settings(place: Place, connection: psycopg.Connection) -> None:
    connection.execute(
        "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET extra_float_digits = -10;"
        "SET bytea_output = 'escape'; SET IntervalStyle = 'iso_8601'; SET search_path = lab, pg_catalog"
    )
    place.run(connection, "INSERT INTO lab.t (id, b, d) VALUES (40, 1.10, '2020-03-29 01:30:00.123456+00')")
    place.run(connection, "UPDATE lab.t SET d = d + interval '1 day', b = b * 1.000 WHERE id > 5")
    place.run(connection, "DELETE FROM lab.t WHERE id = 40")


def _odd_types(place: Place, connection: psycopg.Connection) -> None:
    connection.execute(
        "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/Lima'; SET extra_float_digits = 0"
    )
    place.run(connection, "INSERT INTO lab.o SELECT * FROM lab.filling")
    for column in (
        "ts",
        "flt",
        "num",
        "raw",
        "en",
        "dom",
        "comp",
        "arr",
        "iv",
        "js",
        "ch",
        "net",
        "bits",
        "rng",
    ):
        place.run(connection, f"UPDATE lab.o SET {column} = NULL WHERE id = 1")
        place.run(
            connection,
            f"UPDATE lab.o SET {column} = f.{column} FROM lab.filling AS f WHERE o.id = 1 AND f.id = 2",
        )
    place.run(connection, "UPDATE lab.o SET num = 1.0 WHERE id = 2")
    place.run(connection, "UPDATE lab.o SET num = 1.00 WHERE id = 2")
    place.run(connection, "UPDATE lab.o SET flt = '-0' WHERE id = 2")
    place.run(connection, "UPDATE lab.o SET flt = '0', js = '{\"a\":  1}', ch = 'ab ' WHERE id = 2")
    place.run(connection, "UPDATE lab.o SET flt = 'NaN', raw = '\\x00' WHERE id = 2")
    place.run(connection, "DELETE FROM lab.o")


ODD = """
CREATE TYPE lab.mood AS ENUM ('ok', 'très bien');
CREATE DOMAIN lab.word AS text CHECK (VALUE <> '');
CREATE DOMAIN lab.deep AS lab.word;
CREATE TYPE lab.pair AS (at timestamptz, raw bytea, f float8);
CREATE TABLE lab.o (id int PRIMARY KEY, ts timestamptz, flt float8, num numeric, raw bytea, en lab.mood,
    dom lab.deep,
    comp lab.pair, arr text[], iv interval, js json, ch char(5), net inet, bits bit(3), rng tstzrange);
CREATE TABLE lab.filling AS SELECT * FROM lab.o;
INSERT INTO lab.filling VALUES
    (1, '2020-02-02 02:02:02.000002+05', 'Infinity', 'NaN', '\\x00ff5c', 'ok', 'é',
        ('2001-01-01 00:00+00', '\\xff', 0.1),
        '{a,NULL,"x,y"}', '1 mon', '{"a": 1}', 'ab', '192.0.2.1/24', B'101', '[2020-01-01 00:00+00,)'),
    (2, 'infinity', 0.1, 1.50, '', 'très bien', 'w', (NULL, NULL, NULL), '{}', '30 days', 'null', '',
        '::1', B'000', 'empty');
"""
ODD_CLASSES = dict.fromkeys(
    ("ts", "flt", "num", "raw", "en", "dom", "comp", "arr", "iv", "js", "ch", "net", "bits", "rng"), "plain"
)


def _keys(kind: str, *values: str, more: str = "", collate: str = "") -> Form:
    """A key of this type: inserted, kept, changed into the next, deleted."""
    given = [f"('{one}'::{kind})" for one in values]
    return Form(
        (
            f"INSERT INTO lab.k VALUES {', '.join(f'({one}, {nth})' for nth, one in enumerate(given))}",
            "UPDATE lab.k SET v = v + 1",
            f"UPDATE lab.k SET id = id WHERE v = 1; UPDATE lab.k SET v = v WHERE v = {len(values)}",
            "UPDATE lab.k SET who = id::text",
            "DELETE FROM lab.k WHERE v = 1",
            f"INSERT INTO lab.k VALUES ({given[0]}, 7)",
            "DELETE FROM lab.k WHERE v > 1",
        ),
        f"{more}CREATE TABLE lab.k (id {kind} {collate} PRIMARY KEY, v int, who text);",
        {"lab.k": Audited("id", {"v": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
        unchanged=2,
    )


_WIDE = 1600
_MANY = ", ".join(f"c{n} bool" for n in range(_WIDE - 1))

FORMS: dict[str, Form] = {
    "insert values": Form(
        ("INSERT INTO lab.t VALUES (20, 1, 'x', 2.50), (21, 2, NULL, NULL)",), verbs=INSERT
    ),
    "insert select": Form(("INSERT INTO lab.t SELECT id + 100, who, a, b FROM lab.t",), verbs=INSERT),
    "insert nothing": Form(("INSERT INTO lab.t SELECT * FROM lab.t WHERE false",), verbs=set()),
    "insert returning": Form(("INSERT INTO lab.t (id) VALUES (30) RETURNING *",), verbs=INSERT),
    "insert defaults, identity, generated": Form(
        (
            "INSERT INTO lab.i DEFAULT VALUES",
            "INSERT INTO lab.i (a) VALUES ('x'), ('y')",
            "INSERT INTO lab.i (id, a) OVERRIDING SYSTEM VALUE VALUES (100, 'z')",
            "INSERT INTO lab.i (id, a) OVERRIDING USER VALUE VALUES (100, 'w')",
            "UPDATE lab.i SET a = a || '!'",
            "UPDATE lab.i SET id = DEFAULT WHERE id = 100",
        ),
        "CREATE TABLE lab.i (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text DEFAULT 'd',"
        " twice text GENERATED ALWAYS AS (a || a) STORED);",
        {"lab.i": Audited("id", {"a": "plain", "twice": "plain"})},
        {"INSERT", "UPDATE", *MOVED},
    ),
    "on conflict do nothing": Form(
        (
            "INSERT INTO lab.t (id) VALUES (1), (31) ON CONFLICT DO NOTHING",
            "INSERT INTO lab.t (id) VALUES (1) ON CONFLICT DO NOTHING",
        ),
        verbs=INSERT,
    ),
    "on conflict do update": Form(
        (
            "INSERT INTO lab.t (id, a) VALUES (1, 'new'), (32, 'new'), (2, 'a2') ON CONFLICT (id)"
            " DO UPDATE SET a = excluded.a",
            "INSERT INTO lab.t (id, a) VALUES (3, 'x') ON CONFLICT (id) DO UPDATE SET id = 300 + excluded.id",
            "INSERT INTO lab.t (id, a) VALUES (4, 'x'), (5, 'x') ON CONFLICT (id) DO UPDATE SET a ="
            " 'x' WHERE excluded.id = 5",
        ),
        verbs={"INSERT", "UPDATE", *MOVED},
        unchanged=1,
    ),
    "copy text": Form(_copied("", "SELECT id + 200, who, a, b FROM lab.t"), verbs=INSERT),
    "copy csv": Form(_copied("(FORMAT csv)", "SELECT id + 200, who, a, b FROM lab.t"), verbs=INSERT),
    "copy binary": Form(_copied("(FORMAT binary)", "SELECT id + 200, who, a, b FROM lab.t"), verbs=INSERT),
    "copy freeze": Form(
        _frozen,
        audited={"lab.t": Audited("who", {"b": "plain"}, truncate_allowed=True)},
        verbs={"INSERT", "DELETE", "TRUNCATE"},
    ),
    "executemany": Form(_batch, verbs=INSERT),
    "update one, many, none": Form(
        (
            "UPDATE lab.t SET a = 'x' WHERE id = 1",
            "UPDATE lab.t SET a = 'y', b = NULL",
            "UPDATE lab.t SET a = 'z' WHERE id < 0",
        ),
        verbs=UPDATE,
    ),
    "update to the same": Form(("UPDATE lab.t SET a = a, b = b",), verbs=UPDATE, unchanged=9),
    "update from": Form(
        (
            "UPDATE lab.t SET a = u.a || u.id FROM lab.t AS u WHERE u.id = t.id + 1",
            "UPDATE lab.t SET (a, b) = (SELECT 's', 3.30) WHERE id = 2",
        ),
        verbs=UPDATE,
    ),
    "update of the key": Form(
        ("UPDATE lab.t SET id = id + 100", "UPDATE lab.t SET id = 1 WHERE id = 101"), verbs=MOVED
    ),
    "update of the subject": Form(
        ("UPDATE lab.t SET who = who + 1 WHERE id < 4", "UPDATE lab.t SET who = NULL"), verbs=UPDATE
    ),
    "keys that go from row to row": Form(
        ("UPDATE lab.t SET id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE id + 1 END WHERE id IN (1, 2, 9)",),
        "CREATE TABLE lab.t (id int PRIMARY KEY DEFERRABLE, who int, a text, b numeric, d timestamptz);"
        "INSERT INTO lab.t SELECT g, g, 'a' || g, g FROM generate_series(1, 9) AS g;",
        {"lab.t": Audited("who")},
        MOVED,
    ),
    "keys that step one on": Form(
        ("UPDATE lab.u SET id = id + 1",),
        # a key that can be shifted: in the order of the rows, from the end on
        "CREATE TABLE lab.u (id int PRIMARY KEY, who int, a text);"
        "INSERT INTO lab.u SELECT g, g, 'a' || g FROM generate_series(9, 1, -1) AS g;",
        {"lab.u": Audited("who", {"a": "plain"})},
        {"UPDATE", *MOVED},
        variants=("statement", "guarded"),
    ),
    "delete": Form(
        (
            "DELETE FROM lab.t WHERE id = 1",
            "DELETE FROM lab.t WHERE id < 0",
            "DELETE FROM lab.t RETURNING id",
        ),
        verbs=DELETE,
    ),
    "delete using": Form(("DELETE FROM lab.t USING lab.t AS u WHERE u.id = t.id + 3",), verbs=DELETE),
    "merge": Form(
        (
            "MERGE INTO lab.t USING (SELECT generate_series(5, 12) AS id) AS s ON t.id = s.id"
            " WHEN MATCHED AND s.id = 5 THEN DELETE WHEN MATCHED AND s.id = 6 THEN DO NOTHING"
            " WHEN MATCHED THEN UPDATE SET a = 'merged', who = 77"
            " WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, 'm')",
        ),
        verbs={"INSERT", "UPDATE", "DELETE"},
        since=15,
    ),
    "merge by source, returning": Form(
        (
            "MERGE INTO lab.t USING (SELECT generate_series(5, 12) AS id) AS s ON t.id = s.id"
            " WHEN MATCHED THEN UPDATE SET b = 9.90 WHEN NOT MATCHED BY SOURCE AND t.id = 1 THEN"
            " UPDATE SET a = 'alone'"
            " WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)"
            " RETURNING merge_action(), t.*",
        ),
        verbs={"INSERT", "UPDATE", "DELETE"},
        since=17,
    ),
    "merge into a partitioned table": Form(
        (
            "MERGE INTO lab.p USING (SELECT generate_series(1, 9) AS id) AS s ON p.id = s.id"
            " WHEN MATCHED AND s.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET k = p.k % 3 + 1, v = 'm'"
            " WHEN NOT MATCHED THEN INSERT (id, k, who, v) VALUES (s.id, s.id, 1, 'new')",
        ),
        PARTED,
        PARTS,
        since=15,
    ),
    "common table expressions that write": Form(
        (
            "WITH i AS (INSERT INTO lab.t (id, a) VALUES (500, 'i'), (501, 'i') RETURNING id),"
            " j AS (INSERT INTO lab.t (id, a) SELECT id + 100, 'j' FROM i RETURNING id),"
            " u AS (UPDATE lab.t SET a = 'u' WHERE id IN (1, 2) RETURNING id),"
            " v AS (UPDATE lab.t SET a = 'v' WHERE id = 3 RETURNING id),"
            " d AS (DELETE FROM lab.t WHERE id = 4 RETURNING *)"
            " INSERT INTO lab.t (id, a) SELECT id + 1000, 'moved' FROM d",
            "WITH d AS (DELETE FROM lab.t WHERE id > 500 RETURNING *) UPDATE lab.t SET a = 'w'"
            " WHERE id < (SELECT count(*) FROM d)",
        ),
        verbs={"INSERT", "UPDATE", "DELETE"},
    ),
    "partitions, through the parent": Form(
        (
            "INSERT INTO lab.p SELECT g + 20, g, g, 'n' FROM generate_series(1, 7) AS g",
            "UPDATE lab.p SET v = v || '!', who = who + 1",
            "UPDATE lab.p SET k = k % 5 + 1 WHERE id < 5",
            "DELETE FROM lab.p WHERE id IN (3, 4, 6)",
            "INSERT INTO lab.p VALUES (1, 2, 3, 'c'), (99, 99, 9, 'c') ON CONFLICT (id, k) DO"
            " UPDATE SET v = 'conflict'",
        ),
        PARTED,
        PARTS,
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "partitions, each by its name": Form(
        (
            "INSERT INTO lab.p1 VALUES (31, 1, 1, 'x')",
            "INSERT INTO lab.p2 (id, k, who, v) VALUES (32, 2, 2, 'x')",
            "INSERT INTO lab.p3 VALUES (33, 3, 3, 'x'), (34, 4, 4, 'x')",
            "INSERT INTO lab.p33 VALUES (35, 3, 3, 'x')",
            "INSERT INTO lab.rest VALUES (36, 66, 6, 'x')",
            "UPDATE lab.p2 SET v = 'p2', who = 3",
            "UPDATE lab.p3 SET v = 'p3'",
            "UPDATE lab.p3 SET k = 7 - k",
            "UPDATE lab.rest SET v = 'rest'",
            "UPDATE ONLY lab.p3 SET v = 'none'",
            "DELETE FROM lab.p34; DELETE FROM lab.p2; DELETE FROM lab.rest",
        ),
        PARTED,
        PARTS,
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "a move that a trigger drops": Form(
        (
            "UPDATE lab.p SET k = 2 WHERE k = 1",
            "UPDATE lab.p SET v = 'y', k = CASE k WHEN 4 THEN 2 ELSE k END",
        ),
        f"{PARTED} CREATE FUNCTION lab.drops() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER drops BEFORE INSERT ON lab.p2 FOR EACH ROW EXECUTE FUNCTION lab.drops();",
        PARTS,
        {"UPDATE", "UPDATE FROM"},
    ),
    "partitions made, attached and detached": Form(
        _as_owner(
            "CREATE TABLE lab.p7 PARTITION OF lab.p FOR VALUES IN (7)",
            "INSERT INTO lab.p VALUES (70, 7, 7, 'a')",
            "UPDATE lab.p7 SET v = 'b'",
            "CREATE TABLE lab.p8 (v text, who int, extra int, id int NOT NULL, k int NOT NULL)",
            "ALTER TABLE lab.p8 DROP COLUMN extra",
            "ALTER TABLE lab.p ATTACH PARTITION lab.p8 FOR VALUES IN (8)",
            "INSERT INTO lab.p8 VALUES ('a', 1, 80, 8)",
            "UPDATE lab.p SET k = 8 WHERE k = 7",
            "DELETE FROM lab.p8",
            "ALTER TABLE lab.p3 DETACH PARTITION lab.p33",
            "CREATE TABLE lab.p9 PARTITION OF lab.p3 FOR VALUES IN (3)",
            "INSERT INTO lab.p9 VALUES (90, 3, 1, 'x')",
            "UPDATE lab.p SET v = 'all'",
        ),
        PARTED,
        PARTS,
        variants=FOLLOWED,
    ),
    "inheritance": Form(
        (
            "INSERT INTO lab.base VALUES (4, 4, 'x')",
            "INSERT INTO lab.child VALUES (14, 4, 'x')",
            "UPDATE lab.base SET v = v || '!'",
            "UPDATE ONLY lab.base SET who = who + 1",
            "UPDATE lab.child SET v = 'child'",
            "UPDATE lab.base SET id = id + 100 WHERE id IN (1, 11)",
            "DELETE FROM lab.child WHERE id = 12",
            "DELETE FROM lab.base WHERE id IN (2, 13)",
            "DELETE FROM ONLY lab.base",
        ),
        INHERITED,
        FAMILY,
    ),
    "inheritance, further columns": Form(
        (
            "INSERT INTO lab.child VALUES (1, 1, 'a', 'mark', 5)",
            "UPDATE lab.child SET more = 'other'",
            "UPDATE lab.base SET v = 'b'",
            "UPDATE lab.child SET id = id + 1, n = 6",
            "DELETE FROM lab.base WHERE id = 2",
        ),
        "CREATE TABLE lab.base (id int PRIMARY KEY, who int, v text);"
        "CREATE TABLE lab.child (more text, n int, PRIMARY KEY (id)) INHERITS (lab.base);",
        # the child comes by itself
        {"lab.base": Audited("who", {"v": "plain"}, only=True)},
        also={"lab.child": Audited("who", {"v": "plain"})},
    ),
    "inheritance, one key twice": Form(
        ("UPDATE lab.base SET who = 9 WHERE id = 1", "DELETE FROM lab.base WHERE id = 1"),
        f"{INHERITED} INSERT INTO lab.child VALUES (1, 1, 'the other');",
        FAMILY,
    ),
    "cascades: delete": Form(
        ("DELETE FROM lab.up WHERE id IN (1, 2)", "DELETE FROM lab.up WHERE id = 3"), CASCADES, RELATED
    ),
    "cascades: update": Form(("UPDATE lab.up SET id = id + 100 WHERE id IN (1, 2)",), CASCADES, RELATED),
    "deferred constraints": Form(
        (
            "BEGIN; UPDATE lab.a SET b = 2 WHERE id = 1; INSERT INTO lab.b VALUES (2); COMMIT",
            "BEGIN; DELETE FROM lab.b WHERE id = 2; UPDATE lab.a SET b = NULL; COMMIT",
        ),
        "CREATE TABLE lab.b (id int PRIMARY KEY);"
        "CREATE TABLE lab.a (id int PRIMARY KEY, b int REFERENCES lab.b DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO lab.a VALUES (1, NULL), (2, NULL);",
        {"lab.a": Audited("b"), "lab.b": Audited("id")},
        {"INSERT", "UPDATE", "DELETE"},
        unchanged=1,
    ),
    "triggers that write to other tables": Form(
        (
            "UPDATE lab.t SET a = 'x' WHERE id < 4",
            "INSERT INTO lab.t (id, a) VALUES (40, 'x'), (41, 'y')",
            "DELETE FROM lab.t WHERE id > 7",
        ),
        f"""{TABLE} CREATE TABLE lab.other (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t int, what
            text);
        CREATE FUNCTION lab.copies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO lab.other (t, what) VALUES (coalesce(NEW.id, OLD.id), TG_OP || TG_WHEN);
            RETURN coalesce(NEW, OLD); END $$;
        CREATE TRIGGER a_before BEFORE INSERT OR UPDATE OR DELETE ON lab.t FOR EACH ROW EXECUTE FUNCTION
            lab.copies();
        CREATE TRIGGER z_after AFTER INSERT OR UPDATE OR DELETE ON lab.t FOR EACH ROW EXECUTE FUNCTION
            lab.copies();
        GRANT ALL ON lab.other TO app;""",
        {**ONE, "lab.other": Audited("t", {"what": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
    ),
    "triggers that change what is written": Form(
        ("INSERT INTO lab.t (id, a) VALUES (40, 'x'), (41, 'y')", "UPDATE lab.t SET a = 'z'"),
        f"""{TABLE} CREATE FUNCTION lab.other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.id % 2 = 0 THEN RETURN NULL; END IF;
            NEW.b := 7.70; RETURN NEW; END $$;
        CREATE TRIGGER other BEFORE INSERT OR UPDATE ON lab.t FOR EACH ROW EXECUTE FUNCTION lab.other();""",
        verbs={"INSERT", "UPDATE"},
    ),
    "triggers that come back to the same table": Form(
        ("DELETE FROM lab.tree WHERE id = 1", "INSERT INTO lab.tree VALUES (100, NULL, 3)"),
        """CREATE TABLE lab.tree (id int PRIMARY KEY, above int, depth int);
        INSERT INTO lab.tree SELECT g, nullif(g / 2, 0), 0 FROM generate_series(1, 20) AS g;
        CREATE FUNCTION lab.below() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'DELETE' THEN DELETE FROM lab.tree WHERE above = OLD.id;
            ELSIF NEW.depth > 0 THEN INSERT INTO lab.tree VALUES (NEW.id + 1, NEW.id, NEW.depth - 1); END IF;
            RETURN NULL; END $$;
        CREATE TRIGGER below AFTER INSERT OR DELETE ON lab.tree FOR EACH ROW EXECUTE FUNCTION lab.below();""",
        {"lab.tree": Audited("above", {"depth": "plain"})},
        {"INSERT", "DELETE"},
    ),
    "rules": Form(
        (
            "INSERT INTO lab.r VALUES (1, 'x'), (2, 'y')",
            "UPDATE lab.r SET a = 'z'",
            "DELETE FROM lab.r WHERE id = 1",
        ),
        f"""{TABLE} CREATE TABLE lab.r (id int PRIMARY KEY, a text);
        CREATE RULE also AS ON INSERT TO lab.r DO ALSO INSERT INTO lab.t (id, a) VALUES (NEW.id + 600, NEW.a);
        CREATE RULE instead AS ON DELETE TO lab.r DO INSTEAD
            UPDATE lab.r SET a = 'deleted' WHERE id = OLD.id;""",
        {**ONE, "lab.r": Audited("id", {"a": "plain"})},
        {"INSERT", "UPDATE"},
    ),
    "updatable views": Form(
        (
            "INSERT INTO lab.v VALUES (40, 'x')",
            "UPDATE lab.v SET a = 'y' WHERE id < 3",
            "DELETE FROM lab.v WHERE id = 3",
            "UPDATE lab.w SET a = 'w' WHERE id = 4; INSERT INTO lab.w VALUES (41, 'w'); DELETE FROM"
            " lab.w WHERE id = 5",
        ),
        f"""{TABLE} CREATE VIEW lab.v WITH (check_option = local) AS SELECT id, a FROM lab.t WHERE id < 100;
        CREATE VIEW lab.w AS SELECT DISTINCT id, a FROM lab.t;
        CREATE FUNCTION lab.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'INSERT' THEN INSERT INTO lab.t (id, a) VALUES (NEW.id, NEW.a);
            ELSIF TG_OP = 'UPDATE' THEN UPDATE lab.t SET a = NEW.a WHERE id = OLD.id;
            ELSE DELETE FROM lab.t WHERE id = OLD.id; RETURN OLD; END IF;
            RETURN NEW; END $$;
        CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON lab.w
            FOR EACH ROW EXECUTE FUNCTION lab.instead();""",
        verbs={"INSERT", "UPDATE", "DELETE"},
    ),
    "functions of another's rights": Form(
        (
            "SELECT lab.does(1)",
            "CALL lab.goes(2)",
            "DO $$ BEGIN PERFORM lab.does(3); UPDATE lab.t SET a = 'do' WHERE id = 4; END $$",
        ),
        f"""{TABLE} CREATE FUNCTION lab.does(one int) RETURNS void LANGUAGE sql SECURITY DEFINER
            AS 'UPDATE lab.t SET a = ''definer'' WHERE id = one';
        CREATE PROCEDURE lab.goes(one int) LANGUAGE plpgsql AS
            'BEGIN DELETE FROM lab.t WHERE id = one; COMMIT; INSERT INTO lab.t (id) VALUES (one + 700);
            ROLLBACK; INSERT INTO lab.t (id) VALUES (one + 800); END';""",
        verbs={"INSERT", "UPDATE", "DELETE"},
    ),
    "prepared statements": Form(_prepared, verbs={"INSERT", "UPDATE", "DELETE"}),
    "a pipeline": Form(_pipeline, verbs={"INSERT", "UPDATE", "DELETE"}),
    "where current of": Form(_cursor, verbs={"UPDATE", "DELETE"}),
    "savepoints": Form(_savepoints, verbs={"INSERT", "UPDATE", "DELETE"}),
    "what is rolled back": Form(_rolled_back, verbs=UPDATE),
    "two phases": Form(_two_phases, verbs=UPDATE),
    "serializable": Form(_serializable, verbs={"INSERT", "UPDATE"}),
    "as a replica": Form(
        _as_superuser(
            "SET session_replication_role = replica",
            "UPDATE lab.t SET a = 'r' WHERE id = 1",
            "DELETE FROM lab.t WHERE id = 2",
        ),
        verbs={"UPDATE", "DELETE"},
    ),
    "row security": Form(
        (
            "UPDATE lab.t SET a = 'seen'",
            "DELETE FROM lab.t WHERE id = 1",
            "INSERT INTO lab.t (id, who) VALUES (44, 1)",
        ),
        f"{TABLE} ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON lab.t USING (who = 1);"
        "GRANT SELECT ON lab.t TO app;",
        verbs={"INSERT", "UPDATE", "DELETE"},
    ),
    "truncate, allowed": Form(
        _truncated,
        audited={"lab.t": Audited("who", truncate_allowed=True)},
        verbs={"INSERT", "TRUNCATE"},
    ),
    "settings of the session": Form(_with_settings, verbs={"INSERT", "UPDATE", "DELETE"}),
    "columns of every type": Form(_odd_types, ODD, {"lab.o": Audited(None, ODD_CLASSES)}),
    "no key": Form(
        (
            "INSERT INTO lab.n VALUES (1, 'x'), (1, 'x'), (2, NULL)",
            "UPDATE lab.n SET b = 'y' WHERE a = 1",
            "UPDATE lab.n SET b = b",
            "DELETE FROM lab.n WHERE b = 'y'",
        ),
        "CREATE TABLE lab.n (a int, b text, j json);",
        {"lab.n": Audited("a")},
        {"INSERT", "DELETE", *MOVED},
    ),
    "no column": Form(
        ("INSERT INTO lab.n DEFAULT VALUES", "DELETE FROM lab.n"),
        "CREATE TABLE lab.n ();",
        {"lab.n": Audited()},
        {"INSERT", "DELETE"},
    ),
    "another key than the primary one": Form(
        (
            "INSERT INTO lab.n VALUES (1, 'x')",
            "UPDATE lab.n SET b = 'y'",
            "UPDATE lab.n SET a = 2",
            "DELETE FROM lab.n",
        ),
        "CREATE TABLE lab.n (a int NOT NULL UNIQUE, b text);",
        {"lab.n": Audited("a", key=("a",))},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "a key that includes others": Form(
        ("INSERT INTO lab.n VALUES (1, 'x')", "UPDATE lab.n SET b = 'y'", "DELETE FROM lab.n"),
        "CREATE TABLE lab.n (a int, b text, PRIMARY KEY (a) INCLUDE (b));",
        {"lab.n": Audited("a", {"b": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
    ),
    "keys as tags": Form(
        (
            "INSERT INTO lab.g VALUES ('1840575', 'Ada', 1)",
            "UPDATE lab.g SET name = 'Eva', n = 2",
            "UPDATE lab.g SET nir = '2840575'",
            "UPDATE lab.g SET name = NULL",
            "DELETE FROM lab.g",
        ),
        "CREATE TABLE lab.g (nir text PRIMARY KEY, name text, n int);",
        {"lab.g": Audited("name", {"n": "plain"}, key_is_tag=True, subject_is_tag=True)},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "key: int": _keys("int", "1", "2", "3"),
    "key: text": _keys("text", "a", "B", "é", "", "it''s, {\"x\"}"),
    "key: case-insensitive text": Form(
        (
            "INSERT INTO lab.k VALUES ('a', 1), ('b', 1)",
            "UPDATE lab.k SET v = 2",
            "UPDATE lab.k SET id = upper(id)",
            "DELETE FROM lab.k WHERE id = 'A'",
        ),
        "CREATE COLLATION lab.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TABLE lab.k (id text COLLATE lab.ci PRIMARY KEY, v int);",
        {"lab.k": Audited("id", {"id": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
        icu=True,
    ),
    "key: case-insensitive char": Form(
        (
            "INSERT INTO lab.k VALUES ('a', 1), ('b', 1)",
            "UPDATE lab.k SET v = 2",
            "UPDATE lab.k SET id = upper(id)",
            "DELETE FROM lab.k",
        ),
        "CREATE COLLATION lab.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TABLE lab.k (id char(3) COLLATE lab.ci PRIMARY KEY, v int);",
        {"lab.k": Audited("id")},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
        icu=True,
    ),
    "key: citext": Form(
        (
            "INSERT INTO lab.k VALUES ('a', 1), ('b', 1)",
            "UPDATE lab.k SET v = 2",
            "UPDATE lab.k SET id = upper(id)",
            "DELETE FROM lab.k",
        ),
        "CREATE TABLE lab.k (id citext PRIMARY KEY, v int);",
        {"lab.k": Audited("id", {"id": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
        prepare="CREATE EXTENSION IF NOT EXISTS citext SCHEMA public",
    ),
    "key: domain over citext": Form(
        (
            "INSERT INTO lab.k VALUES ('a@x', 1), ('b@x', 1)",
            "UPDATE lab.k SET v = 2",
            "UPDATE lab.k SET id = upper(id)",
            "DELETE FROM lab.k",
        ),
        "CREATE DOMAIN lab.mail AS citext CHECK (VALUE ~ '@'); CREATE TABLE lab.k (id lab.mail"
        " PRIMARY KEY, v int);",
        {"lab.k": Audited("id", {"id": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
        prepare="CREATE EXTENSION IF NOT EXISTS citext SCHEMA public",
    ),
    "key: enum": _keys("lab.mood", "ok", "bad", more="CREATE TYPE lab.mood AS ENUM ('ok', 'bad');"),
    "key: domain": _keys(
        "lab.word", "ok", "bad", more="CREATE DOMAIN lab.word AS varchar(9) CHECK (VALUE <> 'x');"
    ),
    "key: timestamptz": _keys(
        "timestamptz", "2020-01-01 00:00:00.000001+09", "infinity", "2019-06-01 12:00+02"
    ),
    "key: date": _keys("date", "2020-01-31", "-infinity", "0044-03-15 BC"),
    "key: numeric": _keys("numeric", "1.0", "2.50", "NaN", "-0.000"),
    "key: numeric of another scale": Form(
        (
            "INSERT INTO lab.k VALUES (1.0, 1), (2.0, 1)",
            "UPDATE lab.k SET id = 1.00 WHERE id = 1",
            "UPDATE lab.k SET v = 5",
            "DELETE FROM lab.k",
        ),
        "CREATE TABLE lab.k (id numeric PRIMARY KEY, v int);",
        {"lab.k": Audited("id", {"id": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "key: float": _keys("float8", "NaN", "-0", "0.1", "Infinity", "5e-324"),
    "key: bytea": _keys("bytea", r"\x00ff", r"\x", r"\x5c27"),
    "key: composite": _keys(
        "lab.pair", "(1,x)", "(2,)", "(,)", more="CREATE TYPE lab.pair AS (n int, t text);"
    ),
    "key: array": _keys("text[]", "{a,NULL}", "{}", '{{x},{"y,"}}'),
    "key: range": _keys("int4range", "[1,5)", "empty"),
    "key: uuid": _keys(
        "uuid", "00000000-0000-0000-0000-000000000001", "FFFFFFFF-ffff-4fff-bfff-ffffffffffff"
    ),
    "key: interval": _keys("interval", "1 mon", "2 days", "-1 year"),
    "key: inet": _keys("inet", "192.0.2.1/24", "::1"),
    "key: money": _keys("money", "1.50", "-2"),
    "key: bits and chars": _keys("bit(3)", "101", "000"),
    "key: name": _keys("name", "a", "B"),
    "key: jsonb": _keys("jsonb", '{"a": 1}', "null"),
    "key of several columns": Form(
        (
            "INSERT INTO lab.c VALUES ('x', '2020-01-01', 1, 1), ('y,z', '2020-01-01', 1, 1), ('x',"
            " '2021-01-01', 1.0, 1)",
            "UPDATE lab.c SET v = 2",
            "UPDATE lab.c SET a = 'w', n = 3 WHERE n = 1 AND a = 'x' AND d > '2020-06-01'",
            "DELETE FROM lab.c",
        ),
        # in another order than the columns
        "CREATE TABLE lab.c (a text, d date, n numeric, v int, PRIMARY KEY (n, a, d));",
        {"lab.c": Audited("a", {"v": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "huge values": Form(
        (
            "INSERT INTO lab.h VALUES ('k', repeat('é', 700000), repeat('x', 5000)::varchar,"
            " decode(repeat('00ff', 400000), 'hex'),"
            " jsonb_build_object('a', repeat('j', 300000)), (repeat('9', 100000) || '.5')::numeric,"
            " array_fill('y'::text, ARRAY[9000]))",
            "UPDATE lab.h SET t = t || 'z', r = r || '\\x00', n = n + 1",
            "UPDATE lab.h SET id = repeat('k', 2000), w = repeat(md5('1'), 400)",
            "UPDATE lab.h SET t = t, j = j || '{\"b\": 1}', w = w || 'x'",
            "DELETE FROM lab.h",
        ),
        "CREATE TABLE lab.h (id text PRIMARY KEY, t text, c varchar, r bytea, j jsonb, n numeric, a"
        " text[], w text);",
        {"lab.h": Audited("w", dict.fromkeys(("t", "c", "r", "j", "n", "a"), "plain"))},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "a subject of a huge number": Form(
        (
            "INSERT INTO lab.h VALUES (1, (repeat('9', 100000))::numeric)",
            "UPDATE lab.h SET n = n + 2",
            "DELETE FROM lab.h",
        ),
        "CREATE TABLE lab.h (id int PRIMARY KEY, n numeric);",
        {"lab.h": Audited("n", {"n": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
    ),
    "1,600 columns": Form(
        (
            "INSERT INTO lab.wide (id, c0, c1598) VALUES (1, true, false), (2, NULL, NULL)",
            "UPDATE lab.wide SET c7 = true, c1598 = NULL",
            "UPDATE lab.wide SET id = id + 10",
            "DELETE FROM lab.wide",
        ),
        f"CREATE TABLE lab.wide (id int PRIMARY KEY, {_MANY});",
        {"lab.wide": Audited("id", {"c7": "plain", "c1598": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "1,600 columns, all with their values": Form(
        (
            "INSERT INTO lab.wide (id, c0) VALUES (1, true)",
            "UPDATE lab.wide SET c7 = true, c1598 = false",
            "DELETE FROM lab.wide",
        ),
        f"CREATE TABLE lab.wide (id int PRIMARY KEY, {_MANY});",
        {"lab.wide": Audited("id", {f"c{n}": "plain" for n in range(_WIDE - 1)})},
        {"INSERT", "UPDATE", "DELETE"},
    ),
    "1,600 columns and no key": Form(
        (
            "INSERT INTO lab.wide (c0, c1598) VALUES (true, false)",
            "UPDATE lab.wide SET c7 = true",
            "DELETE FROM lab.wide",
        ),
        f"CREATE TABLE lab.wide (id int, {_MANY});",
        {"lab.wide": Audited("id")},
        {"INSERT", "DELETE", *MOVED},
    ),
    "names that are hard to quote": Form(
        (
            'INSERT INTO "lab"."Odd ""Table"".x" VALUES (1, 2, \'x\', 3, 4)',
            'UPDATE "lab"."Odd ""Table"".x" SET "a.b" = \'y\', "100%s %I" = 5, E = E + 1',
            'UPDATE "lab"."Odd ""Table"".x" SET "Key ""of"" it" = 7',
            'DELETE FROM "lab"."Odd ""Table"".x"',
        ),
        'CREATE TABLE lab."Odd ""Table"".x" ("Key ""of"" it" int PRIMARY KEY, "Who\'s\nthis\\" int,'
        ' "a.b" text, "100%s %I" int, e int);',
        {'lab."Odd ""Table"".x"': Audited("Who's\nthis\\", {"a.b": "plain", "100%s %I": "plain"})},
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "names that the code uses too": Form(
        (
            "INSERT INTO lab.entry VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)",
            "UPDATE lab.entry SET key = 5, verb = 6, n = 7, u = 0",
            "UPDATE lab.entry SET o = 9",
            "DELETE FROM lab.entry",
        ),
        "CREATE TABLE lab.entry (o int PRIMARY KEY, n int, u int, old_rows int, new_rows int, key"
        " int, subject int, verb int,"
        ' tag_key_ int, sealing_key_ int, half int, "new" int, "old" int, tg_op int, "OLD" int);',
        {
            "lab.entry": Audited(
                "key", {"o": "plain", "n": "plain", "verb": "plain"}, key_is_tag=True, subject_is_tag=True
            )
        },
        {"INSERT", "UPDATE", "DELETE", *MOVED},
    ),
    "names that the code uses too, without a key": Form(
        (
            "INSERT INTO lab.entry VALUES (1, 2, 3, 4, 5, 6, 7)",
            "UPDATE lab.entry SET key = 5",
            "DELETE FROM lab.entry",
        ),
        "CREATE TABLE lab.entry (o int, n int, u int, old_rows int, key int, subject int, tag_key_ int);",
        {"lab.entry": Audited("key")},
        {"INSERT", "DELETE", *MOVED},
    ),
    "an odd schema": Form(
        (
            'INSERT INTO "pg odd.""schema""".t VALUES (1)',
            'UPDATE "pg odd.""schema""".t SET a = 2',
            'DELETE FROM "pg odd.""schema""".t',
        ),
        'DROP SCHEMA IF EXISTS "pg odd.""schema""" CASCADE; CREATE SCHEMA "pg odd.""schema""";'
        'GRANT USAGE ON SCHEMA "pg odd.""schema""" TO app;'
        'CREATE TABLE "pg odd.""schema""".t (id int PRIMARY KEY, a int);'
        'GRANT ALL ON "pg odd.""schema""".t TO app;',
        {'"pg odd.""schema""".t': Audited("id", {"a": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
        prepare="GRANT CREATE ON DATABASE {database} TO lab_owner",
    ),
    "an unlogged table": Form(
        ("INSERT INTO lab.q VALUES (1, 1)", "UPDATE lab.q SET a = 2", "DELETE FROM lab.q"),
        "CREATE UNLOGGED TABLE lab.q (id int PRIMARY KEY, a int);",
        {"lab.q": Audited("id", {"a": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
    ),
    "virtual columns": Form(
        ("INSERT INTO lab.g VALUES (1, 2)", "UPDATE lab.g SET a = 3", "DELETE FROM lab.g"),
        "CREATE TABLE lab.g (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL);",
        {"lab.g": Audited("id", {"a": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
        since=18,
    ),
    "virtual columns, and no key": Form(
        ("INSERT INTO lab.g VALUES (1, 2)", "UPDATE lab.g SET a = 3", "DELETE FROM lab.g"),
        "CREATE TABLE lab.g (id int, a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL);",
        {"lab.g": Audited("id")},
        {"INSERT", "DELETE", *MOVED},
        since=18,
    ),
    "a key without overlaps": Form(
        (
            "INSERT INTO lab.w VALUES ('[1,2]', '[2020-01-01,2021-01-01)', 1)",
            "UPDATE lab.w SET v = 3",
            "DELETE FROM lab.w",
        ),
        "CREATE TABLE lab.w (id int4range, valid daterange, v int, PRIMARY KEY (id, valid WITHOUT"
        " OVERLAPS));",
        {"lab.w": Audited("id", {"v": "plain"})},
        {"INSERT", "UPDATE", "DELETE"},
        since=18,
    ),
    "the table altered between writes": Form(
        _as_owner(
            "UPDATE lab.t SET b = 1",
            "ALTER TABLE lab.t ADD COLUMN e int DEFAULT 4",
            "UPDATE lab.t SET e = 5 WHERE id = 1",
            "ALTER TABLE lab.t RENAME a TO a2",
            "UPDATE lab.t SET a2 = 'renamed', b = 2",
            "ALTER TABLE lab.t DROP COLUMN a2",
            "INSERT INTO lab.t (id, b) VALUES (60, 3)",
            "ALTER TABLE lab.t ALTER b TYPE text USING b::text || ' g'",
            "UPDATE lab.t SET b = '4 g'",
            "ALTER TABLE lab.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, b)",
            "UPDATE lab.t SET who = 5",
            "DELETE FROM lab.t WHERE id = 60",
        ),
        verbs={"INSERT", "UPDATE", "DELETE"},
        variants=FOLLOWED,
    ),
}
