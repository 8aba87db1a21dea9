-- The distinct ACLs of databases and tablespaces, spelled out.
WITH used (acl) AS (
    SELECT coalesce(datacl, acldefault('d', datdba)) FROM pg_catalog.pg_database
    UNION ALL SELECT coalesce(spcacl, acldefault('t', spcowner)) FROM pg_catalog.pg_tablespace
)
SELECT json_build_array(
    key,
    coalesce((SELECT json_agg(json_build_array(
                         CASE WHEN e.grantee = 0 THEN 'public' ELSE pg_get_userbyid(e.grantee) END,
                         e.privilege_type, e.is_grantable, pg_get_userbyid(e.grantor))
                     ORDER BY e.grantee, e.grantor, e.privilege_type COLLATE "C")
              FROM aclexplode(acl) AS e), '[]')
)::text
FROM (SELECT DISTINCT ON (acl::text COLLATE "C") acl::text COLLATE "C" AS key, acl FROM used ORDER BY acl::text COLLATE "C") AS d
ORDER BY key;
