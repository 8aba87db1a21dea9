-- Rewrite rules, without the _RETURN rules that make views.
SELECT json_build_array(
    r.oid::bigint, r.ev_class::bigint, r.rulename,
    CASE r.ev_type WHEN '1' THEN 'SELECT' WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' ELSE 'DELETE' END,
    r.is_instead, r.ev_enabled
)::text
FROM pg_catalog.pg_rewrite AS r
WHERE r.rulename <> '_RETURN' AND r.oid >= 16384
ORDER BY r.ev_class, r.rulename;
