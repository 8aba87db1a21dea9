-- Publications that send these tables' rows away. $1: their oids.
SELECT DISTINCT p.pubname::text
FROM pg_catalog.pg_publication AS p
LEFT JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = p.oid AND r.prrelid = ANY ($1::pg_catalog.oid[])
WHERE p.puballtables OR r.oid IS NOT NULL
ORDER BY 1;
