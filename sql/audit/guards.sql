-- What the watch itself consists of, from the catalog alone: whoever takes the place of pgguard_audit_owner could replace
-- the functions that tell of it.
SELECT 'function ' || p.oid::pg_catalog.regprocedure::text, pg_catalog.md5(pg_catalog.concat_ws('/', p.prosrc,
    pg_catalog.pg_get_function_sqlbody(p.oid), p.proconfig, p.prosecdef, p.proowner, p.oid))
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'pgguard_audit' AND p.proname !~ '^audit_.*_[0-9]+$' OR n.nspname = 'pgguard' AND p.proname ~ '^audit_'
UNION ALL
SELECT 'event trigger ' || pg_catalog.quote_ident(e.evtname),
    pg_catalog.concat_ws('/', e.evtevent, e.evtenabled, e.evtfoid, e.evtowner, e.xmin)
FROM pg_catalog.pg_event_trigger AS e
UNION ALL
SELECT pg_catalog.format('membership of %s in pgguard_audit_owner, by %s', m.member::pg_catalog.regrole, m.grantor::pg_catalog.regrole),
    ''
FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
WHERE r.rolname = 'pgguard_audit_owner'
ORDER BY 1;
