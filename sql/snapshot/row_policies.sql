-- Row security policies; their expressions are definitions.
SELECT json_build_array(
    p.oid::bigint, p.polrelid::bigint, p.polname, p.polpermissive,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                  WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT json_agg(CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r) END ORDER BY r)
     FROM unnest(p.polroles) AS r)
)::text
FROM pg_catalog.pg_policy AS p
ORDER BY p.polrelid, p.polname;
