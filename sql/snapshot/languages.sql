-- Languages that functions can be written in, without sql; of internal and c only what somebody marked
-- as trusted by hand.
SELECT json_build_array(
    l.oid::bigint, l.lanname, l.lanpltrusted, pg_get_userbyid(l.lanowner),
    coalesce(l.lanacl, acldefault('l', l.lanowner))::text, coalesce(e.extname, '')
)::text
FROM pg_catalog.pg_language AS l
LEFT JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
WHERE l.lanispl OR l.lanname IN ('c', 'internal') AND l.lanpltrusted
ORDER BY l.lanname;
