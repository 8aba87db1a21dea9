"""What depends on an encrypted table: what is said of it against what becomes of it on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis import catalog
from pgguard.analysis.encryption_impact import Dependent, Form, Verdict, dependents
from pgguard.demo.cluster import Cluster
from pgguard.server.read import read_open
from tests.analysis.encryption_shapes import SHAPES, VIEW, made_in_clear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

OLDEST = 14

_DEPENDING = """
CREATE TABLE lab.log (id integer, seen text, trigger text);
CREATE VIEW lab.v_nir AS SELECT id, nir FROM lab.patient;
CREATE VIEW lab.v_over AS SELECT nir FROM lab.v_nir;
CREATE VIEW lab.v_name AS SELECT id, name FROM lab.patient;
CREATE VIEW lab.v_count AS SELECT count(*) FROM lab.patient;
CREATE VIEW lab.v_row AS SELECT to_jsonb(p) ->> 'nir' AS nir FROM lab.patient AS p;
CREATE MATERIALIZED VIEW lab.m_nir AS SELECT id, nir FROM lab.patient;
CREATE FUNCTION lab.f_standard() RETURNS text LANGUAGE sql
    BEGIN ATOMIC SELECT max(nir) FROM lab.patient; END;
CREATE FUNCTION lab.f_standard_name() RETURNS text LANGUAGE sql
    BEGIN ATOMIC SELECT max(name) FROM lab.patient; END;
CREATE FUNCTION lab.f_text() RETURNS text LANGUAGE sql AS 'SELECT max(nir) FROM lab.patient';
CREATE FUNCTION lab.f_path() RETURNS text LANGUAGE sql SET search_path = lab
    AS 'SELECT max(name) FROM patient';
CREATE FUNCTION lab.f_conflict() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lab.patient (id, name) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING;
    RETURN 'done';
END $$;
CREATE FUNCTION lab.f_row(p lab.patient) RETURNS text LANGUAGE sql AS 'SELECT p.nir';
CREATE FUNCTION lab.f_rows() RETURNS SETOF lab.patient LANGUAGE sql AS 'SELECT * FROM lab.patient';
CREATE FUNCTION lab.f_built(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I', t) INTO n;
    RETURN n;
END $$;
CREATE FUNCTION lab.f_elsewhere() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM lab.stay';
CREATE FUNCTION lab.seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lab.log VALUES (NEW.id, NEW.nir, TG_NAME);
    RETURN NEW;
END $$;
CREATE FUNCTION lab.seen_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lab.log VALUES (NEW.id, NEW.name, TG_NAME);
    RETURN NEW;
END $$;
CREATE TRIGGER seen AFTER UPDATE OF nir ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.seen();
CREATE TRIGGER seen_name AFTER UPDATE OF name ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.seen_name();
CREATE TRIGGER seen_any AFTER UPDATE ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.seen_name();
CREATE RULE gone AS ON DELETE TO lab.patient DO ALSO INSERT INTO lab.log VALUES (OLD.id, OLD.nir);
CREATE RULE counted AS ON INSERT TO lab.stay DO ALSO
    INSERT INTO lab.log SELECT count(*), max(p.nir) FROM lab.patient AS p;
ALTER TABLE lab.archive ADD CONSTRAINT archive_nir FOREIGN KEY (nir) REFERENCES lab.patient (nir);
ALTER TABLE lab.patient ADD CONSTRAINT long_enough CHECK (length(nir) = 13);
CREATE INDEX by_note ON lab.patient (note);
CREATE INDEX by_lower_note ON lab.patient (lower(note));
CREATE INDEX by_name ON lab.patient (name);
CREATE STATISTICS lab.together ON name, note FROM lab.patient;
CREATE PUBLICATION sent FOR TABLE lab.patient;
CREATE POLICY mine ON lab.stay USING (EXISTS (SELECT FROM lab.patient AS p WHERE p.nir = stay.nir));
ALTER TABLE lab.patient ADD COLUMN initial text GENERATED ALWAYS AS (left(note, 1)) STORED;
CREATE TABLE lab.child () INHERITS (lab.patient);
CREATE TABLE lab.box (one lab.patient);
"""

# as after contract, but that the columns are emptied instead of dropped, so that what depends on them stays
_EMPTIED = """
CREATE FUNCTION lab.seal(value text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT convert_to(reverse(value), 'UTF8') $$;
CREATE FUNCTION lab.open(value bytea) RETURNS text LANGUAGE sql STABLE COST 1000
    AS $$ SELECT reverse(convert_from(value, 'UTF8')) $$;
ALTER TABLE lab.patient ADD nir_pgg1 bytea, ADD nir_find bytea, ADD note_pgg1 bytea;
ALTER TABLE lab.patient DISABLE TRIGGER USER;
UPDATE lab.patient SET nir_pgg1 = lab.seal(nir), note_pgg1 = lab.seal(note);
UPDATE lab.patient SET nir = NULL, note = NULL;
ALTER TABLE lab.patient ENABLE TRIGGER USER;
"""
_SEALED = """
CREATE FUNCTION lab.sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.nir IS NOT NULL THEN
        NEW.nir_pgg1 := lab.seal(NEW.nir);
        NEW.nir := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER zzz_seal BEFORE INSERT OR UPDATE ON lab.patient FOR EACH ROW EXECUTE FUNCTION lab.sealed();
"""

_LOGGED = "SELECT * FROM lab.log WHERE trigger ="
# what shows whether an object does what it did
_PROBES = {
    "lab.v_nir": "SELECT * FROM lab.v_nir ORDER BY id",
    "lab.v_over": "SELECT * FROM lab.v_over ORDER BY 1",
    "lab.v_name": "SELECT * FROM lab.v_name ORDER BY id",
    "lab.v_count": "SELECT * FROM lab.v_count",
    "lab.v_row": "SELECT * FROM lab.v_row ORDER BY 1",
    "lab.m_nir": "REFRESH MATERIALIZED VIEW lab.m_nir; SELECT * FROM lab.m_nir ORDER BY id",
    "lab.f_standard()": "SELECT lab.f_standard()",
    "lab.f_standard_name()": "SELECT lab.f_standard_name()",
    "lab.f_text()": "SELECT lab.f_text()",
    "lab.f_path()": "SELECT lab.f_path()",
    "lab.f_conflict()": "SELECT lab.f_conflict()",
    "lab.f_row(lab.patient)": "SELECT lab.f_row(p) FROM lab.patient AS p ORDER BY 1",
    "lab.f_rows()": "SELECT nir FROM lab.f_rows() ORDER BY 1",
    "seen on lab.patient": f"UPDATE lab.patient SET nir = '1234567890123' WHERE id = 1; {_LOGGED} 'seen'",
    "seen_name on lab.patient": f"UPDATE lab.patient SET visits = 8 WHERE id = 1; {_LOGGED} 'seen_name'",
    "seen_any on lab.patient": f"UPDATE lab.patient SET visits = 8 WHERE id = 1; {_LOGGED} 'seen_any'",
    "gone on lab.patient": "DELETE FROM lab.patient WHERE id = 2; TABLE lab.log",
    "counted on lab.stay": "INSERT INTO lab.stay (id) VALUES (90); TABLE lab.log",
    "stay_patient_fkey on lab.stay": "INSERT INTO lab.stay (id, patient) VALUES (91, 3) RETURNING patient",
    "archive_nir on lab.archive": "INSERT INTO lab.archive (nir) VALUES ('1850578006048'); TABLE lab.archive",
}
# these are told by what would have to be done to the table, or by what others would meet
_TOLD = {
    ("generated-column", "lab.patient.initial"): Verdict.BREAKS,
    ("publication", "sent"): Verdict.BREAKS,
    ("statistics", "lab.together"): Verdict.SLOWER,
    ("index", "lab.by_note"): Verdict.SLOWER,
    ("index", "lab.by_lower_note"): Verdict.SLOWER,
    ("check", "long_enough on lab.patient"): Verdict.SILENTLY_WRONG,
    ("policy", "mine on lab.stay"): Verdict.SILENTLY_WRONG,
    ("row-type", "lab.box.one"): Verdict.SILENTLY_WRONG,
    ("child", "lab.child"): Verdict.SILENTLY_WRONG,
    ("unique", "patient_nir_key on lab.patient"): Verdict.WORKS,
    ("function", "lab.f_built(text)"): Verdict.NOT_UNDERSTOOD,
    ("trigger", "noted on lab.patient"): Verdict.WORKS,
}
_WORST = (Verdict.BREAKS, Verdict.SILENTLY_WRONG, Verdict.NOT_UNDERSTOOD, Verdict.SLOWER, Verdict.WORKS)


@pytest.fixture(scope="module")
def connection(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    if postgres.major < OLDEST:
        pytest.skip(f"columns are encrypted from {OLDEST} on")
    with Cluster.start(postgres) as cluster:
        made_in_clear(cluster)
        with psycopg.connect(cluster.dsn(dbname=SHAPES["clear"])) as opened:
            opened.execute(_DEPENDING)
            opened.commit()
            yield opened


@pytest.mark.parametrize("form", Form, ids=lambda form: form.value)
def test_dependents_do_what_is_said(form: Form, connection: psycopg.Connection[Any]) -> None:
    found = _dependents(connection, form)
    worst = {
        name: min((one.verdict for one in found if one.name == name), key=_WORST.index, default=None)
        for name in _PROBES
    }
    before = {name: _probed(connection, probe) for name, probe in _PROBES.items()}
    connection.execute(_EMPTIED)
    connection.execute(_SEALED)
    if form is Form.VIEW:
        connection.execute(
            VIEW.format(
                options="" if connection.info.server_version < 150000 else "WITH (security_invoker = true)"
            )
        )
    wrong = {}
    for name, probe in _PROBES.items():
        after = _probed(connection, probe)
        met = Verdict.WORKS if after == before[name] else Verdict.SILENTLY_WRONG
        if isinstance(after, str) and after != before[name]:
            met = Verdict.BREAKS
        said = Verdict.WORKS if worst[name] is Verdict.SLOWER else worst[name]
        if said is not met:
            wrong[name] = (said, met, after)
    connection.rollback()
    assert wrong == {}


@pytest.mark.parametrize("form", Form, ids=lambda form: form.value)
def test_every_kind_of_dependent_is_told(form: Form, connection: psycopg.Connection[Any]) -> None:
    found = {(one.kind, one.name): one.verdict for one in _dependents(connection, form)}
    connection.rollback()
    assert {key: found.get(key) for key in _TOLD} == _TOLD
    names = {name for _, name in found}
    assert names.isdisjoint({"lab.f_elsewhere()", "lab.by_name", "lab.stay"})
    assert names >= _PROBES.keys()


def test_parents_and_tables_without_anything(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE lab.whole (id integer PRIMARY KEY, nir text) PARTITION BY RANGE (id)")
    connection.execute("CREATE TABLE lab.part PARTITION OF lab.whole DEFAULT")
    snapshot = read_open(connection)
    database = snapshot.inspected[0]
    connection.rollback()

    def told(name: str) -> list[tuple[str, str, Verdict]]:
        relation = catalog.relation_named(database, "lab", name)
        assert relation is not None
        return [
            (one.kind, one.name, one.verdict)
            for one in dependents(snapshot, database, relation, {"nir"})
            if one.kind != "function"
        ]

    assert ("partition", "lab.part", Verdict.WORKS) in told("whole")
    assert ("partitioned-table", "lab.whole", Verdict.SILENTLY_WRONG) in told("part")
    assert told("box") == []


def _dependents(connection: psycopg.Connection[Any], form: Form) -> list[Dependent]:
    snapshot = read_open(connection)
    database = snapshot.inspected[0]
    relation = catalog.relation_named(database, "lab", "patient")
    assert relation is not None
    return dependents(snapshot, database, relation, ["nir", "note"], form=form, searchable=["nir"])


def _probed(connection: psycopg.Connection[Any], probe: str) -> Any:
    """The rows, or the SQLSTATE; nothing of it is kept."""
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT probe")
        try:
            cursor.execute(probe)
            while cursor.nextset():
                pass
            return cursor.fetchall()
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            cursor.execute("ROLLBACK TO probe")
