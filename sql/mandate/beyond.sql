-- What a role ($1) gets at in this database besides tables: a row for each, as kind and name. Functions that
-- run as somebody else, large objects, and what the catalog keeps from logins.
SELECT 'function',
       quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgguard', 'pgguard_audit')
  AND p.prorettype::regtype::text NOT IN ('trigger', 'event_trigger')
  AND has_schema_privilege($1::name, n.oid, 'USAGE')
  AND has_function_privilege($1::name, p.oid, 'EXECUTE')
UNION ALL
SELECT 'large object', l.oid::text
FROM pg_catalog.pg_largeobject_metadata AS l
LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = $1
WHERE EXISTS (SELECT FROM aclexplode(l.lomacl) AS e WHERE e.grantee IN (0, r.oid))
   OR current_setting('lo_compat_privileges') = 'on'
UNION ALL
SELECT 'relation', 'pg_catalog.' || c.relname
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::regnamespace
  AND EXISTS (
      SELECT FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND (c.relname, a.attname) IN (
            ('pg_authid', 'rolpassword'), ('pg_shadow', 'passwd'), ('pg_user_mapping', 'umoptions'),
            ('pg_subscription', 'subconninfo'), ('pg_largeobject', 'data'),
            ('pg_statistic', 'stavalues1'), ('pg_statistic_ext_data', 'stxdmcv'))
        AND has_column_privilege($1::name, c.oid, a.attnum, 'SELECT'))
ORDER BY 1, 2;
