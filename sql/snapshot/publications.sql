-- Publications.
SELECT json_build_array(pubname, pg_get_userbyid(pubowner), puballtables)::text
FROM pg_catalog.pg_publication
ORDER BY pubname;
