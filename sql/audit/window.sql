-- The unsealed entries: transactions from $1 on and entries after $3, not older than generation $2; how many (a million
-- at most), and since when.
SELECT pg_catalog.count(*), pg_catalog.timestamptz_send(pg_catalog.min(u.at)) FROM (
    SELECT e.at FROM pgguard_audit.entry AS e WHERE (e.xid >= $1 OR e.id > $3) AND NOT EXISTS (
        SELECT FROM pgguard_audit.generation AS g
        WHERE g.number <= $2 AND (e.xid < g.old_xid AND e.id <= g.old_id OR e.xid >= g.rest_xid AND e.id <= g.rest_id))
    LIMIT 1000000) AS u
