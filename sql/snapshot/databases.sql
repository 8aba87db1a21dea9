-- All databases of the cluster.
SELECT json_build_array(
    oid::bigint, datname, pg_get_userbyid(datdba),
    coalesce(datacl, acldefault('d', datdba))::text,
    datallowconn, datconnlimit, datistemplate, pg_encoding_to_char(encoding)
)::text
FROM pg_catalog.pg_database
ORDER BY datname;
