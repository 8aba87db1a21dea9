-- So many months before the server's now ($1), as the zone of this session has it.
SELECT (pg_catalog.now() - pg_catalog.make_interval(months => $1::integer))::text;
