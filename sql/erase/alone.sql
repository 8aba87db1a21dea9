-- One run at a time in a database; the number is ours alone.
SELECT pg_catalog.pg_try_advisory_lock(8099002026112600001);
