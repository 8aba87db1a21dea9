-- Whether the audit store is here and lets this login note something.
SELECT CASE WHEN pg_catalog.to_regprocedure('pgguard_audit.note(text, text, text[], text[])') IS NULL THEN false
    ELSE pg_catalog.has_schema_privilege('pgguard_audit', 'USAGE')
        AND pg_catalog.has_function_privilege('pgguard_audit.note(text, text, text[], text[])', 'EXECUTE') END;
