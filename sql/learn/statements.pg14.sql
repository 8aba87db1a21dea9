-- Tracked statements of all databases with their texts, which are read and forgotten. The view is named before
-- the query, in the schema that the extension is in.
SELECT d.datname, pg_catalog.pg_get_userbyid(s.userid), s.query, s.calls, s.toplevel
FROM pg_stat_statements AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid;
