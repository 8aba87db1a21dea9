-- cluster: roles
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolreplication,
       rolbypassrls, rolvaliduntil
FROM pg_roles ORDER BY 1
-- cluster: parameters
SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' ORDER BY 1
-- cluster: memberships
SELECT roleid::regrole::text, member::regrole::text, grantor::regrole::text, admin_option
FROM pg_auth_members ORDER BY 1, 2, 3
-- cluster: settings
SELECT setdatabase, setrole::regrole::text, setconfig FROM pg_db_role_setting ORDER BY 1, 2
-- cluster: databases
SELECT datname, e.* FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS e ORDER BY 1, 2, 3, 4
-- cluster: verifiers
SELECT rolname, rolpassword FROM pg_authid ORDER BY 1
-- database: relations
SELECT c.oid::regclass::text, relowner::regrole::text, relrowsecurity, relforcerowsecurity, reloptions::text, e.*
FROM pg_class AS c,
     aclexplode(coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner))) AS e
WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace) ORDER BY 1, 6, 7, 8, 9
-- database: columns
SELECT attrelid::regclass::text, attname, attstattarget, e.*
FROM pg_attribute, aclexplode(attacl) AS e ORDER BY 1, 2, 4, 5, 6
-- database: functions
SELECT p.oid::regprocedure::text, proowner::regrole::text, prosecdef, proconfig::text, e.*
FROM pg_proc AS p, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS e
WHERE pronamespace <> 'pg_catalog'::regnamespace ORDER BY 1, 5, 6, 7
-- database: schemas
SELECT nspname, nspowner::regrole::text, e.*
FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS e ORDER BY 1, 3, 4, 5
-- database: defaults
SELECT defaclrole::regrole::text, defaclnamespace, defaclobjtype, e.*
FROM pg_default_acl, aclexplode(defaclacl) AS e ORDER BY 1, 2, 3, 4, 5, 6
-- database: policies
SELECT polname, polrelid::regclass::text, polcmd, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
       (SELECT array_agg(coalesce(nullif(r, 0)::regrole::text, 'public') ORDER BY r) FROM unnest(polroles) AS r)
FROM pg_policy ORDER BY 1, 2
-- database: triggers
SELECT tgname, tgrelid::regclass::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2
-- database: rules
SELECT rulename, ev_class::regclass::text, ev_enabled::text, pg_get_ruledef(oid) FROM pg_rewrite ORDER BY 1, 2
-- database: event triggers
SELECT evtname, evtenabled::text FROM pg_event_trigger ORDER BY 1
-- database: indexes
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid >= 16384 ORDER BY 1
-- database: large objects
SELECT l.oid, lomowner::regrole::text, e.*
FROM pg_largeobject_metadata AS l, aclexplode(coalesce(lomacl, acldefault('L', lomowner))) AS e ORDER BY 1, 3, 4, 5
-- database: languages
SELECT lanname, e.* FROM pg_language, aclexplode(coalesce(lanacl, acldefault('l', lanowner))) AS e ORDER BY 1, 2, 3, 4
-- database: extensions
SELECT extname, extversion FROM pg_extension ORDER BY 1
-- database: extended statistics
SELECT stxname, stxrelid::regclass::text FROM pg_statistic_ext ORDER BY 1, 2
-- database: column defaults
SELECT adrelid::regclass::text, adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef ORDER BY 1, 2
-- database: comments
SELECT classoid::regclass::text, objoid, objsubid, description FROM pg_description WHERE objoid >= 16384 ORDER BY 1, 2, 3
