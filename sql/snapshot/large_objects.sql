-- Large objects, counted by owner and ACL: there may be millions.
SELECT json_build_array(
    pg_get_userbyid(lomowner), acl, count(*), min(oid::bigint)
)::text
FROM (SELECT oid, lomowner, coalesce(lomacl, acldefault('L', lomowner))::text COLLATE "C" AS acl
      FROM pg_catalog.pg_largeobject_metadata) AS l
GROUP BY lomowner, acl
ORDER BY pg_get_userbyid(lomowner), acl;
