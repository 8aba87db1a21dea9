-- Whether the audit store is here, and whether this login may see which tables it audits.
SELECT pg_catalog.to_regclass('pgguard_audit.audited') IS NOT NULL,
       CASE WHEN pg_catalog.to_regclass('pgguard_audit.audited') IS NOT NULL
            THEN pg_catalog.has_schema_privilege('pgguard_audit', 'USAGE')
                 AND pg_catalog.has_table_privilege('pgguard_audit.audited', 'SELECT') ELSE false END;
