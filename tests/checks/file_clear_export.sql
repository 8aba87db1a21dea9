-- fires: /{folder}
-- evidence: 3 files are not encrypted, under mandate migration 2026: /{folder}/a.dump (database dump
-- evidence: /{folder}/b.csv (CSV;
-- evidence: 2 columns look personal: date_of_birth, direct_identifier
-- severity: critical
-- file: a.dump 0600 0 PGDMP
-- file: b.csv 0600 0 patient_nom;date_naissance;colour\nx;y;z
-- file: old/c.sql 0600 0 --\n-- PostgreSQL database dump\n--\nCOPY lab.patient (nom) FROM stdin;\nx\n\\.\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
-- policy: mandate = "migration 2026"
SELECT 1;

-- fires: /{folder}
-- evidence: 1 file is not encrypted: /{folder}/rows.csv (CSV of 3 columns without a header
-- severity: medium
-- file: rows.csv 0600 0 1;x;2001-02-03\n2;y;2002-03-04\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- silent: encrypted, definitions alone, a header alone, postcodes, other files
-- file: a.age 0600 0 age-encryption.org/v1\n-> X25519 abc\n
-- file: b.bin 0600 0 Salted__12345678abcdefgh
-- file: c.sql 0600 0 --\n-- PostgreSQL database dump\n--\nCREATE TABLE lab.patient (nom text);\n
-- file: d.csv 0600 0 patient_nom;date_naissance;colour\n
-- file: e.csv 0600 0 colour,size,weight\nred,2,3\n
-- file: f.txt 0600 0 Dear all, this folder is for exports.\nThank you, and goodbye.\n
-- file: g.sql 0600 0 INSERT INTO lab.patient (nom, nir) VALUES ($1, $2);\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- unknown: a folder that is not there, and what cannot be unpacked
-- file: a.sql.zst 0600 0 \x28\xb5\x2f\xfdabcdef
-- policy: [[folder]]
-- policy: path = "/{folder}/a"
-- policy: purpose = "exports"
-- policy: keep_days = 30
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- not-applicable: nobody looked at the folders
-- policy: [[folder]]
-- policy: path = "/srv/exports"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- not-applicable: the policy names no folder
SELECT 1;
