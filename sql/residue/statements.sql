-- The texts of tracked statements; NULL where they are hidden from this role.
SELECT CASE WHEN query = '<insufficient privilege>' THEN NULL
            ELSE pg_catalog.convert_to(query, pg_catalog.getdatabaseencoding()) END
FROM pg_stat_statements;
