-- Tablespaces.
SELECT json_build_array(spcname, pg_get_userbyid(spcowner), coalesce(spcacl, acldefault('t', spcowner))::text)::text
FROM pg_catalog.pg_tablespace
ORDER BY spcname;
