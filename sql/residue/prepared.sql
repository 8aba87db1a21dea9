-- Transactions that wait for COMMIT PREPARED and keep old rows.
SELECT count(*), coalesce(pg_catalog.to_char(min(prepared) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
FROM pg_catalog.pg_prepared_xacts;
