ROLLBACK;

-- What belongs to the whole cluster. The settings come first, before anything is SET; once more after it
-- if the role's own statement_timeout ended that.
\qecho '{"format": "pgguard-snapshot", "version": 1}'
:open
\set header '{"section": "settings"}'
\set query :sql_settings
:section
\set settings_failed :failed
:limit_session
\if :settings_failed
:section
\endif
SELECT json_build_object('target', :'HOST' || ':' || :'PORT')::text;
:cluster_sections

-- The database that the connection is to, in the same transaction.
SELECT json_build_object('database', current_database())::text;
:database_sections

-- The other databases, and why some cannot be read.
-- -v skip=NAME,NAME leaves databases out: psql ends at the first one that it cannot connect to.
\set skip :skip
\set databases '{}'
\set refusals '{}'
\set more false
SELECT coalesce(array_agg(datname::text ORDER BY datname), '{}') AS databases,
       coalesce(array_agg(CASE WHEN datname = ANY (string_to_array(:'skip', ',')) THEN 'it was left out with -v skip'
                               WHEN NOT datallowconn THEN 'it refuses all connections'
                               WHEN datconnlimit = -2 THEN 'it is invalid, left over from an interrupted DROP DATABASE'
                               WHEN datconnlimit = 0 AND current_setting('is_superuser') = 'off'
                                   THEN 'its connection limit is 0'
                               WHEN NOT has_database_privilege(oid, 'CONNECT')
                                   THEN 'permission denied: ' || current_user || ' may not connect to it'
                               ELSE '' END ORDER BY datname), '{}') AS refusals
FROM pg_catalog.pg_database
WHERE datname NOT IN ('template0', 'template1', current_database())
\gset
ROLLBACK TO SAVEPOINT pgguard;
SELECT cardinality(:'databases'::text[]) > 0 AS more, 0 AS done \gset
