-- fires: /{folder}
-- evidence: 2 files are older than 30 days: /{folder}/a.dump (database dump
-- evidence: /{folder}/b.age (encrypted (age)
-- severity: high
-- file: a.dump 0600 32 PGDMP
-- file: b.age 0600 400 age-encryption.org/v1\n-> X25519 abc\n
-- file: c.csv 0600 2 patient_nom;date_naissance;colour\nx;y;z
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- fires: /{folder}
-- evidence: of 2019-03-14
-- file: copied.dump 0600 0 PGDMP\x01\x0e\0\x04\x08\x01\0\1\0\0\0\0\x05\0\0\0\0\x04\0\0\0\0\x03\0\0\0\0\x0e\0\0\0\0\x02\0\0\0\0\x77\0\0\0
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- fires: /{folder}
-- severity: medium
-- file: rows.csv 0600 40 1;x;2001-02-03\n2;y;2002-03-04\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- silent: within its days; a folder within has an entry of its own; what is no export stays
-- file: a.dump 0600 20 PGDMP
-- file: archive/b.dump 0600 300 PGDMP
-- file: README.txt 0600 4000 Dear all, this folder is for exports.
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
-- policy: [[folder]]
-- policy: path = "/{folder}/archive"
-- policy: purpose = "archive"
-- policy: keep_days = 365
SELECT 1;

-- unknown: a folder that is not there
-- folder: 0700
-- policy: [[folder]]
-- policy: path = "/{folder}/gone"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- not-applicable: the policy names no folder
SELECT 1;
