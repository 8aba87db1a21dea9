-- The unsealed entries: transactions from $1 on and entries after $3, not older than generation $2: how many (a million
-- at most), since when, and one of a transaction that this cluster has not come to yet.
SELECT pg_catalog.count(*), pg_catalog.timestamptz_send(pg_catalog.min(u.at)), pg_catalog.min(u.id) FILTER (
    WHERE u.xid >= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint)
FROM (
    SELECT e.at, e.id, e.xid FROM pgguard_audit.entry AS e WHERE (e.xid >= $1 OR e.id > $3) AND NOT EXISTS (
        SELECT FROM pgguard_audit.generation AS g
        WHERE g.number <= $2 AND (e.xid < g.old_xid AND e.id <= g.old_id OR e.xid >= g.rest_xid AND e.id <= g.rest_id))
    LIMIT 1000000) AS u
