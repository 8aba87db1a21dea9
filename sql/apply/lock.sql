-- Take one of our advisory locks for the session, unless somebody else has it.
SELECT pg_catalog.pg_try_advisory_lock($1::integer, $2::integer)
