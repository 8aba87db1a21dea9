-- fires: /{folder}
-- evidence: other accounts can read /{folder}/a.dump (database dump
-- severity: critical
-- folder: 0755
-- file: a.dump 0644 0 PGDMP
-- file: b.dump 0640 0 PGDMP
-- file: c.age 0644 0 age-encryption.org/v1\n-> X25519 abc\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- fires: /{folder}/www
-- evidence: handed out under /{folder}/www: /{folder}/www/save/site.sql (SQL dump; 
-- severity: critical
-- fires: /{folder}/ftp/out
-- evidence: handed out under /{folder}/ftp: /{folder}/ftp/out/c.age (encrypted (age)
-- severity: medium
-- file: www/save/site.sql 0600 0 -- MySQL dump 10.13\nINSERT INTO `users` VALUES (1,'x');\n
-- file: www/index.html 0644 0 <html><body>Patients, and more</body></html>
-- file: ftp/out/c.age 0644 0 age-encryption.org/v1\n-> X25519 abc\n
-- policy: [files]
-- policy: web_roots = ["/{folder}/www"]
-- policy: ftp_roots = ["/{folder}/ftp"]
-- policy: [[folder]]
-- policy: path = "/{folder}/ftp/out"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- fires: /{folder}
-- severity: medium
-- folder: 0755
-- file: rows.csv 0644 0 1;x;2001-02-03\n2;y;2002-03-04\n
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- silent: the folder keeps others out
-- folder: 0750
-- file: a.dump 0644 0 PGDMP
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- silent: its owner and group alone, and nothing in the root
-- folder: 0755
-- file: a.dump 0640 0 PGDMP
-- file: www/index.html 0644 0 <html></html>
-- policy: [files]
-- policy: web_roots = ["/{folder}/www"]
-- policy: [[folder]]
-- policy: path = "/{folder}"
-- policy: purpose = "exports"
-- policy: keep_days = 30
SELECT 1;

-- unknown: a root that is not there
-- folder: 0700
-- policy: [files]
-- policy: web_roots = ["/{folder}/www"]
SELECT 1;

-- not-applicable: the policy names no folder and no root
SELECT 1;
