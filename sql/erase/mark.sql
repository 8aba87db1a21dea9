-- A transaction of its own: whatever was committed before it is on disk when it is, and is older than its number.
SELECT (pg_catalog.txid_current() % 4294967296)::text;
