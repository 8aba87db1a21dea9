-- The last statement of every other session; NULL where it is hidden from this role.
SELECT CASE WHEN query = '<insufficient privilege>' THEN NULL
            ELSE pg_catalog.convert_to(query, pg_catalog.getdatabaseencoding()) END
FROM pg_catalog.pg_stat_activity
WHERE pid <> pg_catalog.pg_backend_pid() AND query <> '';
