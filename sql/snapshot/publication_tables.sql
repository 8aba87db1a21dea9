-- The tables that a publication names (publications of all tables name none).
SELECT json_build_array(p.pubname, r.prrelid::bigint, json_build_array())::text
FROM pg_catalog.pg_publication_rel AS r
JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
ORDER BY p.pubname, r.prrelid;
