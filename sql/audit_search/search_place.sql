-- The database, who we are there, whether the store is there and new enough, and whether we may read it. Names in a
-- schema that we may not use cannot even be asked for.
SELECT pg_catalog.current_database(), current_user, pg_catalog.to_regnamespace('pgguard_audit') IS NOT NULL,
    CASE WHEN a.usable THEN pg_catalog.to_regprocedure('pgguard_audit.index_past()') IS NOT NULL
        AND pg_catalog.to_regclass('pgguard_audit.sealed_key') IS NOT NULL END,
    CASE WHEN a.usable THEN pg_catalog.has_table_privilege(pg_catalog.to_regclass('pgguard_audit.entry'), 'SELECT')
        AND pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pgguard_audit.tag(text)'), 'EXECUTE')
        END IS TRUE,
    pg_catalog.current_setting('is_superuser') = 'on', pg_catalog.getdatabaseencoding()
FROM (SELECT pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('pgguard_audit'), 'USAGE')) AS a (usable)
