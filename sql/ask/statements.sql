-- The view hides other roles' statements, without an error, from who may not read all statistics; where the
-- extension is not installed there is nothing to read.
SELECT count(*) > 0 AND pg_has_role('pg_read_all_stats', 'USAGE') AS readable,
       CASE WHEN count(*) > 0 THEN 'the server hides other roles'' statements from ' || current_user
            ELSE '' END AS reason
FROM pg_catalog.pg_extension
WHERE extname = 'pg_stat_statements';
