-- Runs write one after another: ids are given by who writes.
SELECT pg_catalog.pg_advisory_xact_lock(1346848597, 4)
