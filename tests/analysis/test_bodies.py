"""What functions do, read from the bodies that a real server stores and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from pgguard.analysis import catalog
from pgguard.analysis.bodies import accesses, calls, unparsed
from pgguard.analysis.names import function_name, relation_name
from pgguard.server.read import read_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import DatabaseSnapshot

SCHEMA = """
CREATE SCHEMA lab;
CREATE SCHEMA other;
CREATE TYPE lab.statut AS ENUM ('a', 'b');
CREATE DOMAIN lab.code AS text;
CREATE TABLE lab.patient (id integer PRIMARY KEY, nom text, nir text, statut lab.statut);
CREATE TABLE lab.demande (id integer, patient_id integer, urgent boolean);
CREATE TABLE other.patient (id integer, nom text);
CREATE VIEW lab.v AS SELECT id, nom FROM lab.patient;
CREATE FUNCTION lab.inner_one(a text) RETURNS text LANGUAGE sql AS $$ SELECT a $$;
CREATE FUNCTION lab.proc_like(a integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
"""


class Case(NamedTuple):
    """A function, and what it touches, names parted by blanks; versions before `since` do not take it."""

    signature: str
    language: str
    body: str
    reads: str = ""
    writes: str = ""
    calls: str = ""
    dynamic: bool = False
    since: int = 10


CASES = (
    Case(
        "f()",
        "sql",
        "SELECT nir FROM lab.patient",
        reads="lab.patient.nir",
    ),
    Case(
        "f()",
        "sql",
        "SELECT count(*) FROM lab.demande WHERE urgent",
        reads="lab.demande.urgent",
    ),
    Case(
        "f()",
        "sql",
        "SELECT * FROM lab.patient",
        reads="lab.patient",
    ),
    Case(
        "f()",
        "sql",
        "SELECT p FROM lab.patient AS p",
        reads="lab.patient",
    ),
    Case(
        "f()",
        "sql",
        "SELECT d.* FROM lab.patient p JOIN lab.demande d ON d.patient_id = p.id",
        reads="lab.demande lab.demande.patient_id lab.patient.id",
    ),
    Case(
        "f()",
        "sql",
        "SELECT row_to_json(v) FROM lab.v",
        reads="lab.v",
    ),
    Case(
        "f()",
        "sql",
        "WITH patient AS (SELECT 1 AS nir) SELECT nir FROM patient",
    ),
    Case(
        "f()",
        "sql",
        "SELECT nom FROM patient",
        reads="lab.patient.nom other.patient.nom",
    ),
    Case(
        "f() SET search_path = other, lab",
        "sql",
        "SELECT nom FROM patient",
        reads="other.patient.nom",
    ),
    Case(
        "f()",
        "sql",
        "INSERT INTO lab.patient (id, nom) VALUES (1, 'x')",
        writes="lab.patient.id lab.patient.nom",
    ),
    Case(
        "f()",
        "sql",
        "INSERT INTO lab.patient SELECT * FROM other.patient ON CONFLICT DO NOTHING RETURNING nir",
        reads="lab.patient lab.patient.nir other.patient",
        writes="lab.patient",
    ),
    Case(
        "f()",
        "sql",
        "UPDATE lab.patient SET nom = upper(nom) WHERE id = 1",
        reads="lab.patient.id lab.patient.nom",
        writes="lab.patient.nom",
    ),
    Case(
        "f()",
        "sql",
        "DELETE FROM lab.demande; SELECT lab.inner_one('x')",
        writes="lab.demande",
        calls="lab.inner_one(text)",
    ),
    Case(
        "f()",
        "sql",
        "SELECT lab.inner_one('x', 'y')",
    ),
    Case(
        "f(p lab.patient)",
        "plpgsql",
        "BEGIN RETURN p.nir; END",
    ),
    Case(
        "f(p lab.code, VARIADIC q text[])",
        "plpgsql",
        "DECLARE r lab.patient; t other.patient%ROWTYPE; c lab.code := 'x'; n "
        "lab.patient.nir%TYPE; a lab.code[]; BEGIN SELECT * INTO r FROM lab.patient WHERE id "
        "= 1; r.nom := 'x'; t.nom := 'y'; c := r.nom; RETURN c; END",
        reads="lab.patient lab.patient.id",
    ),
    Case(
        "f(OUT a integer, OUT b lab.code)",
        "plpgsql",
        "BEGIN SELECT id, nom INTO a, b FROM lab.v; RETURN; END",
        reads="lab.v.id lab.v.nom",
    ),
    Case(
        "f() RETURNS TABLE (a integer, b lab.statut)",
        "plpgsql",
        "BEGIN FOR a, b IN SELECT id, statut FROM lab.patient LOOP RETURN NEXT; END LOOP; END",
        reads="lab.patient.id lab.patient.statut",
    ),
    Case(
        "f() RETURNS SETOF lab.patient",
        "plpgsql",
        "BEGIN RETURN QUERY SELECT * FROM lab.patient; RETURN; END",
        reads="lab.patient",
    ),
    Case(
        "f() RETURNS SETOF lab.patient",
        "plpgsql",
        "DECLARE r lab.patient; BEGIN FOR r IN EXECUTE 'SELECT * FROM lab.patient' LOOP "
        "RETURN NEXT r; END LOOP; END",
        reads="lab.patient",
    ),
    Case(
        "f() RETURNS trigger",
        "plpgsql",
        "BEGIN NEW.nom := lab.inner_one(OLD.nom); IF TG_OP = 'INSERT' THEN RETURN NEW; END "
        "IF; RETURN OLD; END",
        calls="lab.inner_one(text)",
    ),
    Case(
        "f()",
        "plpgsql",
        "BEGIN PERFORM lab.proc_like(1); EXECUTE 'DELETE FROM lab.demande WHERE id = $1' "
        "USING 1; RETURN ''; END",
        reads="lab.demande.id",
        writes="lab.demande",
        calls="lab.proc_like(integer)",
    ),
    Case(
        "f(x text)",
        "plpgsql",
        "BEGIN EXECUTE format('UPDATE lab.patient SET nom = %L', x); RETURN ''; END",
        writes="lab.patient.nom",
    ),
    Case(
        "f(x text)",
        "plpgsql",
        "BEGIN EXECUTE format('TRUNCATE %I', x); RETURN ''; END",
        dynamic=True,
    ),
    Case(
        "f(x text)",
        "plpgsql",
        "BEGIN EXECUTE x; TRUNCATE lab.demande; RETURN ''; END",
        writes="lab.demande",
        dynamic=True,
    ),
    Case(
        "f(x text)",
        "plpgsql",
        "<<top>> DECLARE c CURSOR (k text) FOR SELECT nir FROM lab.patient WHERE nom = k; v "
        "text; BEGIN OPEN c(x); LOOP FETCH c INTO v; EXIT WHEN NOT FOUND; CONTINUE WHEN v IS "
        "NULL; END LOOP; CLOSE c; FOR r IN c('a') LOOP NULL; END LOOP; ASSERT true; GET "
        "DIAGNOSTICS v = ROW_COUNT; RETURN v; EXCEPTION WHEN OTHERS THEN RAISE; END",
        reads="lab.patient.nir lab.patient.nom",
    ),
    Case(
        "f(x text)",
        "plpgsql",
        "DECLARE i integer; s text[]; BEGIN CASE x WHEN 'a' THEN i := 1; ELSE i := 2; END "
        "CASE; WHILE i > 0 LOOP i = i - 1; s[i] := x; END LOOP; FOREACH x IN ARRAY s LOOP "
        "RAISE NOTICE '%', x USING DETAIL = x; END LOOP; FOR i IN 1..3 LOOP NULL; END LOOP; "
        "RETURN (SELECT nom FROM lab.v WHERE id = i LIMIT 1); END",
        reads="lab.v.id lab.v.nom",
    ),
    Case(
        "PROCEDURE f(x integer)",
        "plpgsql",
        "BEGIN CALL lab.proc(x); COMMIT; UPDATE lab.patient SET nir = ''; END",
        writes="lab.patient.nir",
        since=11,
    ),
    Case(
        "f()",
        "BEGIN ATOMIC SELECT nir FROM lab.patient; DELETE FROM lab.demande; END",
        "",
        reads="lab.patient.nir",
        writes="lab.demande",
        since=14,
    ),
    Case(
        "f()",
        "RETURN (SELECT nom FROM lab.patient LIMIT 1)",
        "",
        reads="lab.patient.nom",
        since=14,
    ),
    Case(
        "f()",
        "sql",
        "MERGE INTO lab.patient p USING other.patient o ON o.id = p.id WHEN MATCHED THEN "
        "UPDATE SET nom = o.nom WHEN NOT MATCHED THEN INSERT (id) VALUES (o.id)",
        reads="lab.patient.id other.patient.id other.patient.nom",
        writes="lab.patient.id lab.patient.nom",
        since=15,
    ),
)


@pytest.fixture
def lab(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute("SET LOCAL check_function_bodies = off")
        yield connection
        connection.rollback()


def test_what_bodies_touch(lab: psycopg.Connection) -> None:
    cases = [case for case in CASES if case.since <= lab.info.server_version // 10000]
    for number, case in enumerate(cases):
        _create(lab, f"f{number}", case.signature, case.language, case.body)
    snapshot = read_open(lab)
    database = snapshot.inspected[0]
    functions = {function.name: function for function in database.functions}
    names = {oid: function_name(one) for oid, one in catalog.functions(database).items()}
    for number, case in enumerate(cases):
        found = accesses(snapshot, database, functions[f"f{number}"])
        assert found.unknown == "", case
        assert _names(database, found.reads) == set(case.reads.split()), case
        assert _names(database, found.writes) == set(case.writes.split()), case
        assert {names[oid] for oid in found.calls} == set(case.calls.split()), case
        assert found.dynamic == case.dynamic, case


def test_what_cannot_be_read_says_why(lab: psycopg.Connection) -> None:
    for name, language, text in (
        ("broken", "plpgsql", "BEGIN this is ( not SQL; END"),
        ("broken_sql", "sql", "SELECT FROM WHERE crypt"),
        ("hidden", "sql", "SELECT $a$ $b$ crypt $b$ $a$"),
        ("compiled", "internal", "textout"),
    ):
        _create(lab, name, "f()", language, text)
    snapshot = read_open(lab)
    database = snapshot.inspected[0]
    reasons = {one.name: accesses(snapshot, database, one).unknown for one in database.functions}
    assert reasons["broken"] == "the parser does not take it"
    assert reasons["broken_sql"] == "the parser does not take it"
    assert reasons["hidden"].startswith("its text was hidden whole")
    assert reasons["compiled"] == "it is written in internal, which is not read"
    assert reasons["inner_one"] == ""
    names = {one.oid: one.name for one in database.functions}
    assert {names[one.oid] for one, _ in unparsed(database, ["crypt"])} == {"broken_sql", "hidden"}


def test_arguments_of_calls(lab: psycopg.Connection) -> None:
    bodies = {
        "literal": ("f()", "sql", "SELECT target('x', 1)"),
        "casted": ("f()", "sql", "SELECT target(('x' || 'y')::bytea, decode('00', 'hex'))"),
        "passed": ("f(a text)", "sql", "SELECT target(a, $1)"),
        "by_default": ("f(a text, k text DEFAULT 'x')", "sql", "SELECT target(a, k) || target($2, $1)"),
        "variable": (
            "f(a text)",
            "plpgsql",
            "DECLARE k CONSTANT text := 'x'; v text; w text := 'a'; BEGIN v := k || 'y'; w := a;"
            " RETURN target(v, w); END",
        ),
        "selected": ("f()", "plpgsql", "DECLARE v text; BEGIN SELECT 'x' INTO v; RETURN target(v); END"),
        "inner_query": ("f()", "sql", "WITH k AS (SELECT 'x' AS z) SELECT target(k.z) FROM k"),
        "key": ("f()", "sql", "SELECT 'x'::text"),
        "by_function": ("f()", "sql", "SELECT target(key())"),
        "fallback": ("f()", "sql", "SELECT target(coalesce(current_setting('app.k', true), 'x'))"),
        "built": ("f(a text)", "plpgsql", "BEGIN EXECUTE 'SELECT target($1, ''x'')' USING a; RETURN ''; END"),
        "formatted": (
            "f(a text)",
            "plpgsql",
            "BEGIN EXECUTE format('SELECT target(%L, ''x'')', a); RETURN ''; END",
        ),
        "by_name": ("f(a text)", "sql", "SELECT target(a, key => 'x')"),
    }
    lab.execute("CREATE FUNCTION target(text, text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'")
    for name, (signature, language, text) in bodies.items():
        _create(lab, name, signature, language, text)
    lab.execute("CREATE TABLE t (a text DEFAULT target('x', 'y'))")
    database = read_open(lab).inspected[0]
    names = {one.oid: one.name for one in database.functions}
    found: dict[str, list[list[bool]]] = {}
    for call in calls(database, ["target"]):
        where = names.get(call.definition.oid, call.definition.kind)
        found.setdefault(where, []).append([one.constant for one in call.arguments])
    assert found == {
        "literal": [[True, True]],
        "casted": [[True, True]],
        "passed": [[False, False]],
        "by_default": [[False, True], [True, False]],
        "variable": [[True, False]],
        "selected": [[True]],
        "inner_query": [[True]],
        "by_function": [[True]],
        "fallback": [[True]],
        "built": [[False, True]],
        "formatted": [[False, True]],
        "by_name": [[False, True]],
        "default": [[True, True]],
    }


def _create(connection: psycopg.Connection, name: str, signature: str, language: str, text: str) -> None:
    kind = "PROCEDURE" if signature.startswith("PROCEDURE") else "FUNCTION"
    head, _, settings = signature.removeprefix("PROCEDURE ").partition(" SET ")
    head = head.replace("f(", f"{name}(", 1)
    if kind == "FUNCTION" and " RETURNS " not in head and "OUT " not in head:
        head += " RETURNS text"
    settings = f"SET {settings}" if settings else ""
    if text:
        connection.execute(
            f"CREATE {kind} {head} LANGUAGE {language} {settings} AS $outside${text}$outside$".encode()
        )
    else:
        connection.execute(f"CREATE {kind} {head} LANGUAGE sql {language}".encode())


def _names(database: DatabaseSnapshot, found: Iterable[tuple[int, int]]) -> set[str]:
    names = set()
    for oid, number in found:
        relation = catalog.relations(database)[oid]
        columns = {one.number: one.name for one in catalog.columns(database, oid)}
        names.add(relation_name(relation) + (f".{columns[number]}" if number else ""))
    return names
