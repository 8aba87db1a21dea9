-- Purges, and over what their digests go.
SELECT p.number, p.entries, p.digest, coalesce((SELECT pg_catalog.sum(s.entries) FROM pgguard_audit.purged_seal AS s WHERE s.purge = p.number), 0)::bigint,
    coalesce((SELECT pg_catalog.string_agg(pg_catalog.int8send(s.seal) || pg_catalog.int8send(s.entries)
        || pg_catalog.sha256(coalesce(s.leaves, ''::bytea)), ''::bytea ORDER BY s.seal)
     FROM pgguard_audit.purged_seal AS s WHERE s.purge = p.number), ''::bytea)
FROM pgguard_audit.purged AS p ORDER BY p.number
