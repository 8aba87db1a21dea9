-- What hangs on a role in this database and on the cluster's shared objects: what it owns, where it
-- holds privileges, and the policies that name it. $1 is the role's name.
SELECT d.deptype::text, d.classid::regclass::text,
       coalesce((pg_identify_object(d.classid, d.objid, d.objsubid)).type, ''),
       coalesce((pg_identify_object(d.classid, d.objid, d.objsubid)).identity, d.objid::text)
FROM pg_catalog.pg_shdepend AS d
WHERE d.deptype IN ('o', 'a', 'r') AND d.refclassid = 'pg_catalog.pg_authid'::regclass
  AND d.refobjid = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1)
  AND d.dbid IN (0, (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = current_database()))
ORDER BY 1, 2, 4;
