-- Seals after number $1, as long as they cover no more than $2 entries together; one at least. Gone: how many of their
-- entries went with partitions.
SELECT s.number, s.generation, s.rest, s.xid_from, s.xid_to, s.entries, s.first_id, s.last_id,
    pg_catalog.timestamptz_send(s.sealed_at), s.encoding, s.root, s.previous, s.hash, s.head, s.edge, s.gone, s.kept
FROM (
    SELECT n.*, (SELECT pg_catalog.sum(p.entries)::bigint FROM pgguard_audit.purged_seal AS p WHERE p.seal = n.number) AS gone,
        (SELECT pg_catalog.string_agg(p.leaves, ''::bytea ORDER BY p.purge) FROM pgguard_audit.purged_seal AS p WHERE p.seal = n.number) AS kept,
        pg_catalog.sum(n.entries) OVER (ORDER BY n.number ROWS UNBOUNDED PRECEDING) AS together,
        pg_catalog.row_number() OVER (ORDER BY n.number) AS place
    FROM (SELECT * FROM pgguard_audit.seal AS f WHERE f.number > $1 ORDER BY f.number LIMIT 2000) AS n
) AS s
WHERE s.together <= $2 OR s.place = 1
ORDER BY s.number
