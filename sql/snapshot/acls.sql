-- The distinct ACLs of all objects of this database, spelled out once.
WITH used (acl) AS (
    SELECT coalesce(nspacl, acldefault('n', nspowner)) FROM pg_catalog.pg_namespace
    UNION ALL SELECT DISTINCT ON (relkind, relowner, relacl::text)
                     coalesce(relacl, acldefault(CASE WHEN relkind = 'S' THEN 's' ELSE 'r' END::"char", relowner))
              FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT attacl FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL
    UNION ALL SELECT DISTINCT ON (proowner, proacl::text) coalesce(proacl, acldefault('f', proowner))
              FROM pg_catalog.pg_proc
    UNION ALL SELECT coalesce(lanacl, acldefault('l', lanowner)) FROM pg_catalog.pg_language
    UNION ALL SELECT coalesce(fdwacl, acldefault('F', fdwowner)) FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT coalesce(srvacl, acldefault('S', srvowner)) FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT DISTINCT ON (lomowner, lomacl::text) coalesce(lomacl, acldefault('L', lomowner))
              FROM pg_catalog.pg_largeobject_metadata
    UNION ALL SELECT defaclacl FROM pg_catalog.pg_default_acl
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
