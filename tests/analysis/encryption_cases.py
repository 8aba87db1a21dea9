"""Statements as programs send them, each of which has to run on the table in clear."""

from __future__ import annotations

from tests.analysis.encryption_shapes import READER, Case

_AS_READER = f"SET LOCAL ROLE {READER}"
_ADD = "INSERT INTO patient (name, nir) VALUES ('Roux', '1850578006048') RETURNING 1"

READING = (
    Case("SELECT count(*) FROM patient"),
    Case("SELECT name, visits FROM lab.patient WHERE id = 2"),
    Case("SELECT name FROM ONLY patient"),
    Case("SELECT nir FROM patient WHERE id = 1"),
    Case("SELECT * FROM patient"),
    Case("TABLE patient"),
    Case("SELECT p.* FROM patient p JOIN stay s ON s.patient = p.id"),
    Case("SELECT name FROM patient WHERE nir = '1850578006048'"),
    Case("SELECT name FROM patient WHERE nir IN ('1850578006048', '1551144109777')"),
    Case("SELECT name FROM patient WHERE note IS NULL"),
    Case("SELECT name FROM patient WHERE nir BETWEEN '15' AND '19'"),
    Case("SELECT name FROM patient WHERE nir LIKE '18%'"),
    Case("SELECT name FROM patient WHERE note ~* 'ASTH'"),
    Case("SELECT name FROM patient WHERE id = 1 AND nir = '1850578006048'"),
    Case("SELECT name FROM patient WHERE lower(note) = 'asthma' OR visits > 2"),
    Case("SELECT name FROM patient ORDER BY nir"),
    Case("SELECT name, nir AS number FROM patient ORDER BY number DESC LIMIT 1"),
    Case("SELECT name, nir FROM patient ORDER BY 2"),
    Case("SELECT max(nir), count(note) FROM patient"),
    Case("SELECT note, count(*) FROM patient GROUP BY note"),
    Case("SELECT DISTINCT note FROM patient"),
    Case("SELECT name, row_number() OVER (ORDER BY nir) FROM patient"),
    Case("SELECT p.name, s.ward FROM patient p JOIN stay s ON s.nir = p.nir"),
    Case("SELECT name, ward FROM stay JOIN patient USING (nir)"),
    Case("SELECT name FROM patient NATURAL JOIN stay"),
    Case("SELECT name FROM patient WHERE nir IN (SELECT s.nir FROM stay s WHERE ward = 'B')"),
    Case("SELECT ward FROM stay s WHERE EXISTS (SELECT nir FROM patient p WHERE p.id = s.patient)"),
    Case("SELECT ward FROM stay s WHERE EXISTS (SELECT 1 FROM patient p WHERE p.nir = s.nir)"),
    Case("SELECT ward, (SELECT p.nir FROM patient p WHERE p.id = s.patient) FROM stay s"),
    Case("SELECT count(*) FROM (SELECT id, nir, note FROM patient) AS all_of_them"),
    Case("SELECT x.name FROM (SELECT * FROM patient) AS x WHERE x.nir = '1850578006048'"),
    Case("WITH seen AS (SELECT id, nir AS number FROM patient) SELECT number FROM seen WHERE id = 3"),
    Case("WITH patient AS (SELECT nir FROM stay) SELECT nir FROM patient"),
    Case("SELECT id FROM patient UNION SELECT id FROM stay"),
    Case("SELECT nir FROM patient UNION ALL SELECT nir FROM stay"),
    Case("SELECT * FROM patient UNION ALL SELECT * FROM archive"),
    Case(
        "SELECT s.id, one.nir FROM stay s, LATERAL (SELECT p.nir FROM patient p WHERE p.id = s.patient) one"
    ),
    Case("SELECT CASE WHEN nir = '1850578006048' THEN 'yes' ELSE 'no' END FROM patient"),
    Case("SELECT id, name FROM patient GROUP BY id"),
    Case(
        "SELECT p.id, p.name, count(s.id) FROM patient p LEFT JOIN stay s ON s.patient = p.id GROUP BY p.id"
    ),
    Case("SELECT p.id, upper(p.name) FROM patient p GROUP BY p.id, upper(p.name)"),
    Case("SELECT id, max(name) FROM patient GROUP BY id HAVING max(visits) > 1"),
    Case("SELECT tableoid::regclass IS NOT NULL FROM patient"),
    Case("SELECT count(*) FROM patient TABLESAMPLE SYSTEM (100)"),
    Case("SELECT name FROM patient WHERE id = 1 FOR UPDATE"),
    Case("SELECT name FROM patient FOR NO KEY UPDATE SKIP LOCKED"),
    Case("SELECT p FROM patient p WHERE id = 1"),
    Case("SELECT row_to_json(p) FROM patient p"),
    Case("SELECT to_jsonb(p.*) FROM patient p"),
    Case("SELECT label(p) FROM patient p"),
    Case("SELECT count(p) FROM patient p"),
    Case("SELECT (ROW(1, 'x', NULL, 0, '2', 'n')::patient).name"),
    Case(
        "PREPARE one (integer) AS SELECT nir FROM patient WHERE id = $1",
        before="DEALLOCATE ALL",
        after="EXECUTE one (1)",
    ),
    Case("DECLARE c CURSOR FOR SELECT name, nir FROM patient ORDER BY id", after="FETCH ALL c"),
    Case("CREATE VIEW v AS SELECT id, nir FROM patient", after="TABLE v ORDER BY 1"),
    Case("CREATE TABLE x AS SELECT id, nir FROM patient", after="TABLE x ORDER BY 1"),
    Case("SELECT id, note INTO x FROM patient", after="TABLE x ORDER BY 1"),
    Case("CREATE MATERIALIZED VIEW m AS SELECT id, nir FROM patient", after="TABLE m ORDER BY 1"),
    Case("COPY (SELECT id, name FROM patient) TO STDOUT"),
    Case("COPY (SELECT id, nir FROM patient) TO STDOUT"),
    Case("COPY patient TO STDOUT"),
    Case("COPY patient (id, name) TO STDOUT"),
)

WRITING = (
    Case("INSERT INTO patient (name) VALUES ('Roux') RETURNING id, visits"),
    Case("INSERT INTO patient (nir, name) VALUES ('17', 'Roux'), ('18', 'Blanc')"),
    Case("INSERT INTO patient (nir, name) VALUES ('17', 'Roux') RETURNING id, nir"),
    Case("INSERT INTO patient (nir, name) SELECT id, ward FROM stay WHERE id = 1"),
    Case("INSERT INTO patient VALUES (9, 'Roux', NULL, 1, '17', 'n')"),
    Case(
        "INSERT INTO patient SELECT * FROM jsonb_populate_record(NULL::patient,"
        """ '{"id": 8, "nir": "5", "name": "Roux", "visits": 0}')"""
    ),
    Case("INSERT INTO archive SELECT * FROM patient", after="TABLE archive ORDER BY 1"),
    Case("INSERT INTO archive (id, nir) SELECT id, nir FROM patient", after="TABLE archive ORDER BY 1"),
    Case("INSERT INTO patient (id, name) VALUES (1, 'Roux') ON CONFLICT DO NOTHING"),
    Case(
        "INSERT INTO patient (id, name) VALUES (1, 'R') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name"
    ),
    Case(
        "INSERT INTO patient (id, nir, name) VALUES (1, '17', 'Roux')"
        " ON CONFLICT (id) DO UPDATE SET nir = EXCLUDED.nir"
    ),
    Case("INSERT INTO patient (nir, name) VALUES ('17', 'Roux') ON CONFLICT (nir) DO NOTHING"),
    Case(
        "INSERT INTO patient (nir, name) VALUES ('17', 'Roux')"
        " ON CONFLICT ON CONSTRAINT patient_nir_key DO NOTHING"
    ),
    Case("UPDATE patient SET name = 'Roux' WHERE id = 2 RETURNING id, name"),
    Case("UPDATE patient SET name = 'Roux' WHERE id = 2 RETURNING *"),
    Case("UPDATE ONLY patient SET nir = '17' WHERE id = 2"),
    Case("UPDATE patient SET (name, nir) = ('Roux', '17') WHERE id = 1"),
    Case("UPDATE patient SET note = NULL WHERE id = 1"),
    Case("UPDATE patient SET born = NULL, visits = DEFAULT WHERE id = 1"),
    Case("UPDATE patient SET note = name WHERE id = 1"),
    Case("UPDATE patient SET note = nir WHERE id = 1"),
    Case("UPDATE patient SET id = 50 WHERE id = 2"),
    Case("UPDATE patient SET visits = 9 WHERE nir = '1850578006048'"),
    Case("UPDATE patient p SET name = s.ward FROM stay s WHERE s.patient = p.id AND s.id = 3"),
    Case(
        "UPDATE stay s SET nir = p.nir FROM patient p WHERE p.id = s.patient",
        before="UPDATE stay SET nir = 'x'",
        after="SELECT id, nir FROM stay ORDER BY 1",
    ),
    Case(
        "UPDATE patient SET name = 'u' WHERE id = 1 RETURNING old.name, new.name",
        since=18,
    ),
    Case("UPDATE patient SET name = 'u' WHERE id = 1 RETURNING old.nir", since=18),
    Case("DELETE FROM patient WHERE id = 2 RETURNING name"),
    Case("DELETE FROM patient WHERE id = 2 RETURNING nir"),
    Case("DELETE FROM patient WHERE nir = '2690975018912'"),
    Case("DELETE FROM patient p USING archive a WHERE a.id = p.id"),
    Case(
        "WITH gone AS (DELETE FROM patient WHERE id = 2 RETURNING id, nir)"
        " INSERT INTO archive (id, nir) SELECT id, nir FROM gone",
        after="TABLE archive",
    ),
    Case(
        "UPDATE patient SET name = 'cc' WHERE CURRENT OF c",
        before="DECLARE c CURSOR FOR SELECT name FROM patient WHERE id = 1 FOR UPDATE; FETCH c",
    ),
    Case("COPY patient (id, nir, name) FROM STDIN", data="8\t17\tRoux\n"),
    Case("COPY patient (id, name) FROM STDIN WHERE id > 3", data="8\tRoux\n"),
    Case("COPY patient FROM STDIN", data="8\tRoux\t2020-01-01\t0\t17\tn\n"),
    Case("TRUNCATE patient CASCADE"),
    Case("LOCK TABLE patient IN ACCESS EXCLUSIVE MODE"),
    Case(
        "MERGE INTO patient p USING stay s ON p.id = s.id"
        " WHEN MATCHED THEN UPDATE SET name = s.ward"
        " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id + 10, 'x')",
        since=15,
    ),
    Case(
        "MERGE INTO patient p USING stay s ON p.id = s.id WHEN MATCHED THEN UPDATE SET nir = s.at::text",
        since=15,
    ),
    Case("MERGE INTO patient p USING stay s ON p.id = s.id AND s.id = 2 WHEN MATCHED THEN DELETE", since=15),
    Case(
        "MERGE INTO patient p USING stay s ON p.id = s.id"
        " WHEN MATCHED AND s.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET name = 'u'",
        since=15,
    ),
    Case("MERGE INTO patient p USING stay s ON p.id = s.id WHEN MATCHED THEN DO NOTHING", since=15),
    Case(
        "MERGE INTO stay s USING patient p ON p.nir = s.nir WHEN MATCHED THEN UPDATE SET ward = p.note",
        after="SELECT id, ward FROM stay ORDER BY 1",
        since=15,
    ),
)

DEFINING = (
    Case("CREATE TABLE x (p integer REFERENCES patient)"),
    Case("CREATE TABLE x (n text REFERENCES patient (nir))"),
    Case("ALTER TABLE archive ADD FOREIGN KEY (id) REFERENCES patient (id)"),
    Case("ALTER TABLE patient ADD COLUMN colour text"),
    Case("ALTER TABLE patient DROP COLUMN born", after=_ADD),
    Case("ALTER TABLE patient ALTER name DROP NOT NULL"),
    Case(
        "ALTER TABLE patient ALTER COLUMN born SET DEFAULT '2020-01-01'",
        after="INSERT INTO patient (name) VALUES ('z') RETURNING born",
    ),
    Case("ALTER TABLE patient ADD CHECK (visits >= 0)"),
    Case(
        "ALTER TABLE patient ADD CHECK (length(nir) = 13)",
        after="INSERT INTO patient (nir, name) VALUES ('17', 'z')",
    ),
    Case(
        "ALTER TABLE patient ADD UNIQUE (note)",
        after="INSERT INTO patient (name, note) VALUES ('z', 'asthma')",
    ),
    Case("ALTER TABLE patient ALTER nir SET NOT NULL"),
    Case("ALTER TABLE patient ALTER nir TYPE varchar(20)"),
    Case("ALTER TABLE patient DROP COLUMN nir"),
    Case("ALTER TABLE patient ENABLE ROW LEVEL SECURITY"),
    Case("ALTER TABLE patient RENAME TO sick", after="SELECT name FROM sick ORDER BY 1"),
    Case("ALTER TABLE patient SET SCHEMA public", after="SELECT name FROM public.patient ORDER BY 1"),
    Case(
        "ALTER TABLE patient RENAME COLUMN name TO label",
        after="INSERT INTO patient (label) VALUES ('z') RETURNING 1",
    ),
    Case(
        "ALTER TABLE patient RENAME COLUMN nir TO number",
        after="INSERT INTO patient (number, name) VALUES ('17', 'z') RETURNING 1",
    ),
    Case("ALTER TABLE patient RENAME CONSTRAINT patient_pkey TO pk"),
    Case(
        f"ALTER TABLE patient OWNER TO {READER}",
        after="SELECT relowner = 'postgres'::regrole FROM pg_class WHERE relkind = 'r'"
        " AND relname LIKE 'patient%'",
    ),
    Case("CREATE INDEX ON patient (name)"),
    Case("CREATE INDEX ON patient (note)"),
    Case(
        "CREATE UNIQUE INDEX ON patient (note)",
        after="INSERT INTO patient (name, note) VALUES ('z', 'asthma')",
    ),
    Case("CREATE TRIGGER t AFTER INSERT ON patient EXECUTE FUNCTION noted()"),
    Case("CREATE TRIGGER t BEFORE INSERT ON patient FOR EACH ROW EXECUTE FUNCTION noted()"),
    Case("DROP TRIGGER noted ON patient"),
    Case(
        "DROP TRIGGER IF EXISTS noted ON patient",
        after="SELECT count(*) FROM pg_trigger WHERE tgname = 'noted'",
    ),
    Case("CREATE POLICY p ON patient USING (true)"),
    Case("CREATE RULE r AS ON DELETE TO patient DO ALSO NOTHING"),
    Case("COMMENT ON TABLE patient IS 'patients'"),
    Case("COMMENT ON COLUMN patient.name IS 'of birth'"),
    Case("DROP TABLE IF EXISTS patient CASCADE"),
    Case("CREATE TABLE IF NOT EXISTS patient (id integer)"),
    Case(
        "CREATE TABLE x (LIKE patient INCLUDING ALL)",
        after="SELECT attname, attnotnull FROM pg_attribute"
        " WHERE attrelid = 'x'::regclass AND attnum > 0 ORDER BY 1",
    ),
    Case(
        "CREATE TABLE x () INHERITS (patient)",
        after="INSERT INTO x (id, name, nir) VALUES (9, 'Roux', '17') RETURNING id",
    ),
    Case(
        "ANALYZE patient",
        before="DELETE FROM pg_statistic",
        after="SELECT DISTINCT 1 FROM pg_stats WHERE tablename LIKE 'patient%'",
    ),
    Case("CLUSTER patient USING patient_pkey"),
    Case("REINDEX TABLE patient"),
    Case("CREATE STATISTICS s ON name, born FROM patient"),
    Case(
        "CREATE PUBLICATION pb FOR TABLE patient",
        after="SELECT count(*) FROM pg_publication_rel JOIN pg_attribute ON attrelid = prrelid"
        " WHERE attnum > 0 AND NOT attisdropped",
    ),
    Case(
        "GRANT SELECT ON patient TO impact_reader", after=f"{_AS_READER}; SELECT name FROM patient ORDER BY 1"
    ),
    Case(
        "GRANT SELECT, INSERT, UPDATE ON patient TO impact_reader",
        after=f"{_AS_READER}; UPDATE patient SET name = 'z' WHERE id = 1",
    ),
    Case(
        "REVOKE ALL ON patient FROM impact_admin",
        after="SELECT count(*) FROM pg_class"
        " WHERE relname LIKE 'patient%' AND relacl::text LIKE '%impact_admin=%'",
    ),
)

ASKING = (
    Case(
        "SELECT a.attname FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
        " WHERE i.indrelid = 'lab.patient'::regclass AND i.indisprimary"
    ),
    Case("SELECT constraint_name FROM information_schema.table_constraints WHERE table_name = 'patient'"),
    Case("SELECT constraint_name FROM information_schema.key_column_usage WHERE table_name = 'stay'"),
    Case("SELECT conname FROM pg_constraint WHERE conrelid = 'patient'::regclass"),
    Case("SELECT indexname FROM pg_indexes WHERE tablename = 'patient'"),
    Case("SELECT tablename FROM pg_tables WHERE schemaname = 'lab'"),
    Case("SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = 'patient'"),
    Case("SELECT relkind FROM pg_class WHERE oid = 'patient'::regclass"),
    Case("SELECT reltuples > 0 FROM pg_class WHERE oid = 'patient'::regclass"),
    Case("SELECT pg_get_serial_sequence('lab.patient', 'id')"),
    Case("SELECT pg_total_relation_size('patient') > 0"),
    Case("SELECT 'patient'::regclass::text"),
)

CASES = (*READING, *WRITING, *DEFINING, *ASKING)
