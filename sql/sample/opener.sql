-- The schema of pgcrypto's decrypt(), if it is pgcrypto's own and may be called: compiled code that belongs to the
-- extension, and no function that somebody put in its place.
SELECT pg_catalog.quote_ident(n.nspname)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'c'
JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pgcrypto'
WHERE p.proname = 'decrypt' AND pg_catalog.oidvectortypes(p.proargtypes) = 'bytea, bytea, text'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE');
