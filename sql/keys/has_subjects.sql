-- Whether this database has keys for persons.
SELECT pg_catalog.to_regclass('pgguard.subject_key') IS NOT NULL
