"""From every phase there is a way back, to the same catalog and data; every file can be run twice."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.encryption import EncryptedColumn
from tests.encryption.encrypting import COLUMNS, every_columns, fill, patient_columns
from tests.encryption.phases import planned
from tests.plan.rights import rights

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form
    from tests.encryption.phases import Phases

LONG = "PGGUARD_LONG" in os.environ

# beside the tables of `fill`: one with everything that hangs on a table, one with partitions
SCHEMA = """
ALTER DEFAULT PRIVILEGES IN SCHEMA lab GRANT SELECT ON TABLES TO intruder;
CREATE TABLE lab.subject (
    id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5), centre int NOT NULL DEFAULT 1,
    code text COLLATE "C" NOT NULL CONSTRAINT code_given CHECK (code <> ''),
    nir lab.number, surname varchar(40) DEFAULT 'née ' || current_user, mood lab.mood DEFAULT 'ok',
    born date NOT NULL DEFAULT '2000-01-01', weight numeric(6,2) CHECK (weight BETWEEN 0 AND 500),
    doubled int GENERATED ALWAYS AS (centre * 2) STORED, changes int NOT NULL DEFAULT 0,
    owner name DEFAULT session_user,
    PRIMARY KEY (id, centre), CONSTRAINT one_code UNIQUE (code),
    UNIQUE (centre, code) INCLUDE (changes, surname),
    CONSTRAINT aged CHECK (born < date '2100-01-01' OR weight IS NULL));
CREATE INDEX ON lab.subject (surname text_pattern_ops) WITH (fillfactor = 70);
CREATE INDEX part_of_it ON lab.subject (born) WHERE weight > 10;
CREATE INDEX lowered ON lab.subject (lower(code));
COMMENT ON TABLE lab.subject IS 'those who take part';
COMMENT ON COLUMN lab.subject.code IS 'their code';
COMMENT ON COLUMN lab.subject.centre IS 'where';
COMMENT ON INDEX lab.lowered IS 'for searches';
COMMENT ON CONSTRAINT code_given ON lab.subject IS 'no blank codes';
COMMENT ON CONSTRAINT one_code ON lab.subject IS 'one each';
CREATE STATISTICS lab.together (dependencies, ndistinct) ON surname, born, centre FROM lab.subject;
ALTER STATISTICS lab.together OWNER TO lab_owner;
COMMENT ON STATISTICS lab.together IS 'those that go together';
ALTER TABLE lab.subject CLUSTER ON lowered;
ALTER TABLE lab.subject ALTER COLUMN surname SET STATISTICS 500, ALTER COLUMN surname SET STORAGE EXTERNAL,
    ALTER COLUMN weight SET (n_distinct = -0.5);
CREATE FUNCTION lab.counted() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN NEW.changes := coalesce(OLD.changes, 0) + 1; RETURN NEW; END$$;
CREATE TRIGGER counted BEFORE UPDATE OF centre ON lab.subject FOR EACH ROW EXECUTE FUNCTION lab.counted();
CREATE TABLE lab.log (what text);
CREATE FUNCTION lab.noted() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO lab.log VALUES (TG_OP || TG_TABLE_NAME); RETURN NULL; END$$;
CREATE TRIGGER noted AFTER DELETE ON lab.subject FOR EACH STATEMENT EXECUTE FUNCTION lab.noted();
ALTER TABLE lab.subject OWNER TO lab_owner;
GRANT SELECT (id, code, born), UPDATE (code) ON lab.subject TO secretary WITH GRANT OPTION;
GRANT SELECT, INSERT, REFERENCES, TRIGGER ON lab.subject TO biologist;
REVOKE SELECT ON lab.subject FROM intruder;
CREATE TABLE lab.stay (subject bigint, centre int, FOREIGN KEY (subject, centre) REFERENCES lab.subject);
INSERT INTO lab.subject (code, nir, surname, mood, born, weight)
    SELECT 'c' || g, '1' || lpad(g::text, 12, '0'), 'Nom ' || g, (ARRAY['ok', 'NULL'])[g % 2 + 1]::lab.mood,
        date '1950-01-01' + g, g % 100 FROM generate_series(1, 120) AS g;
INSERT INTO lab.stay SELECT id, centre FROM lab.subject LIMIT 10;
CREATE TABLE lab.visit (day date, id int, nir text NOT NULL, words text[], PRIMARY KEY (day, id))
    PARTITION BY RANGE (day);
CREATE TABLE lab.visit_2024 PARTITION OF lab.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE lab.visit_rest PARTITION OF lab.visit DEFAULT PARTITION BY LIST (id);
CREATE TABLE lab.visit_odd PARTITION OF lab.visit_rest FOR VALUES IN (1, 3, 5, 7, 9);
CREATE TABLE lab.visit_rest_rest PARTITION OF lab.visit_rest DEFAULT;
CREATE INDEX ON lab.visit (nir);
GRANT SELECT ON lab.visit TO clerk;
INSERT INTO lab.visit SELECT date '2023-06-01' + g * 10, g % 13, 'V' || g, ARRAY['w' || g]
    FROM generate_series(1, 150) AS g;
ANALYZE;
"""
VIEWS = """
CREATE VIEW lab.coded WITH (security_barrier) AS
    SELECT id, code, surname AS "Nom", born FROM lab.subject WHERE centre = 1
    WITH LOCAL CHECK OPTION;
CREATE VIEW lab.born AS SELECT c.id, c.born, s.centre FROM lab.coded AS c JOIN lab.subject AS s USING (id);
COMMENT ON VIEW lab.coded IS 'by code';
COMMENT ON COLUMN lab.coded."Nom" IS 'surname';
ALTER VIEW lab.coded OWNER TO lab_owner;
ALTER VIEW lab.coded ALTER COLUMN code SET DEFAULT 'x';
GRANT SELECT, UPDATE ("Nom") ON lab.coded TO clerk;
CREATE VIEW lab.visits AS SELECT nir, count(*) AS number FROM lab.visit GROUP BY nir;
"""
ROWS = """
ALTER TABLE lab.subject ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.subject FORCE ROW LEVEL SECURITY;
CREATE POLICY of_centre ON lab.subject FOR SELECT TO biologist, secretary USING (centre = 1);
COMMENT ON POLICY of_centre ON lab.subject IS 'their own';
CREATE POLICY all_of_it ON lab.subject TO lab_owner USING (true) WITH CHECK (centre > 0);
"""
SUBJECT = (
    EncryptedColumn("code", searchable=True),
    EncryptedColumn("nir", searchable=True, key_group="special"),
    EncryptedColumn("surname", padding=32),
    EncryptedColumn("mood"),
    EncryptedColumn("born", mask="year"),
    EncryptedColumn("weight"),
)
VISIT = (EncryptedColumn("nir", searchable=True), EncryptedColumn("words"))
DATA = {
    "lab.every": ("id", *COLUMNS),
    "lab.patient": ("id", "name", "nir", "born", "phone", "note", "data"),
    "lab.subject": (
        *("id", "centre", "code", "nir", "surname", "mood", "born", "weight", "doubled", "changes", "owner"),
    ),
    "lab.visit": ("day", "id", "nir", "words"),
}
# of each form those where something else is to be undone; the phases between them belong to the next
STOPS = {
    "view": ("expand", "backfill", "verify", "switch", "soak", "contract", "scrub"),
    "in-place": ("expand", "backfill", "verify", "soak", "contract", "scrub"),
}


def test_there_is_a_way_back_from_every_phase_of_a_view(running: Cluster) -> None:
    _there_and_back(running, "view")


def test_there_is_a_way_back_from_every_phase_in_place(running: Cluster) -> None:
    _there_and_back(running, "in-place")


def _there_and_back(cluster: Cluster, form: Form) -> None:
    database = f"undo_{form[:2]}"
    fill(cluster, database)
    with_rows = form == "in-place" or cluster.postgres.major >= 15
    with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        if form == "view":
            connection.execute(VIEWS.encode())
        if with_rows:
            connection.execute(ROWS.encode())
    columns = {
        "lab.patient": patient_columns(),
        "lab.every": every_columns(),
        "lab.subject": SUBJECT,
        "lab.visit": VISIT,
    }
    phases = planned(cluster, database, columns, form=form, acknowledged=("column-grants",))
    phases.install()
    before = _State(cluster, database)
    for last in STOPS[form] if LONG else (STOPS[form][0], STOPS[form][-4], STOPS[form][-2]):
        wanted = STOPS[form][: STOPS[form].index(last) + 1]
        for phase in wanted:
            _twice(phases, phase)
        phases.down(*(one for one in reversed(wanted) if phases.of(one)))
        _State(cluster, database).equal(before, last, in_order="contract" not in wanted)
        before = _State(cluster, database)
        # the clear columns of a table that was contracted stand last from then on
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database}".encode())


def _twice(phases: Phases, phase: str) -> None:
    for one in phases.of(phase):
        # what only looks holds at any time
        looks = all(not change.done for change in one.step.changes)
        if not looks:
            with pytest.raises(psycopg.errors.RaiseException, match="does not hold"):
                phases.run(one, "verify")
        for _ in range(2):
            phases.run(one, "up")
            phases.run(one, "verify")


class _State:
    """Everything about a database: its schema as SQL, its rights, its data; without pgguard's own."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        done = subprocess.run(
            [cluster.postgres.bin / "pg_dump", "-s", "-N", "pgguard*", "-d", cluster.dsn(dbname=database)],
            check=True,
            capture_output=True,
            text=True,
            env=cluster.postgres.environment(),
        )
        # from 14.19 on each dump has a word of its own in it
        self.schema = re.sub(r"(?m)^\\(un)?restrict .*$", "", done.stdout)
        self.rights = {
            name: [
                row
                for row in rows
                if not any("pgguard" in str(one) or "pg.dropped" in str(one) for one in row)
            ]
            for name, rows in rights(cluster, database).items()
            if not name.endswith((" comments", " column defaults", " verifiers"))
        }
        with psycopg.connect(cluster.dsn(dbname=database)) as connection:
            connection.execute("SET row_security = off")
            self.data = {
                table: connection.execute(
                    f"SELECT {', '.join(f'{one}::text' for one in columns)} FROM {table} "
                    f"ORDER BY {', '.join(columns[:2])}".encode()
                ).fetchall()
                for table, columns in DATA.items()
            }

    def equal(self, before: _State, phase: str, *, in_order: bool) -> None:
        """Asserts that it is as before; after a contract columns may stand in another order."""
        assert self.data == before.data, phase
        for name, rows in before.rights.items():
            assert sorted(map(str, self.rights[name])) == sorted(map(str, rows)), (phase, name)
        if in_order:
            assert self.schema == before.schema, phase
        differ = [
            line for line in difflib.ndiff(_lines(before.schema), _lines(self.schema)) if line[0] in "+-"
        ]
        assert not differ, (phase, "\n".join(differ))


def _lines(schema: str) -> list[str]:
    """What does not hang on the columns' order: the lines without it."""
    return sorted(
        line.strip().removesuffix(",")
        for line in schema.splitlines()
        if line.strip() and not line.startswith("--")
    )
