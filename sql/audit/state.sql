-- The audit of this database as it is set up, as one JSON object; run where pgguard_audit.audited is there.
SELECT pg_catalog.jsonb_build_object(
    'period', (SELECT i.period FROM pgguard_audit.installation AS i),
    'ahead', (SELECT i.ahead FROM pgguard_audit.installation AS i),
    'follows_ddl', pgguard_audit.follows_ddl(),
    'covered', coalesce((SELECT pg_catalog.jsonb_agg(c.schema ORDER BY c.schema) FROM pgguard_audit.covered AS c), '[]'),
    'tables', coalesce((
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', pg_catalog.format('%I.%I', n.nspname, r.relname), 'subject', coalesce(a.subject, ''),
            'subject_is_tag', a.subject_is_tag, 'key_is_tag', a.key_is_tag, 'truncate', a.truncate_allowed,
            'complete', pgguard_audit.is_audited(a.relation),
            'classes', coalesce((
                SELECT pg_catalog.jsonb_object_agg(c.name, c.class) FROM pgguard_audit.audited_column AS c
                WHERE c.relation = a.relation AND c.class <> 'mark'), '{}')
        ) ORDER BY n.nspname, r.relname)
        FROM pgguard_audit.audited AS a JOIN pg_catalog.pg_class AS r ON r.oid = a.relation
        JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace), '[]'))
