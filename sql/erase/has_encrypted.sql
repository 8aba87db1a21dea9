-- Whether columns were encrypted in this database, and whether this login may know which.
SELECT pg_catalog.to_regclass('pgguard.encrypted_column') IS NOT NULL,
       CASE WHEN pg_catalog.to_regclass('pgguard.encrypted_column') IS NOT NULL
            THEN pg_catalog.has_schema_privilege('pgguard', 'USAGE')
                 AND pg_catalog.has_table_privilege('pgguard.encrypted_column', 'SELECT') ELSE false END;
