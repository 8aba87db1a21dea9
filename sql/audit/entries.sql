-- Entries as they are hashed, in the order of their seals: transactions from $1 to before $2 that are no older than
-- generation $3; where that one has ended, up to entry $4, and without those below ($5, $6).
SELECT pg_catalog.record_send(ROW(e.id, e.at, e.began, e.xid, e.backend_start, e.pid, e.shape, e.verb, e.login, e.role,
        e.authenticated, e.client, e.application, e.claimed, e.object, e.changed)),
    pg_catalog.record_send(ROW(e.key, e.subject, e.subject_before, e.old, e.new, e.sealed)), e.erased
FROM pgguard_audit.entry AS e
WHERE e.xid >= $1 AND e.xid < $2 AND e.id <= $4 AND (e.xid < $5::bigint AND e.id <= $6::bigint) IS NOT TRUE AND NOT EXISTS (
    SELECT FROM pgguard_audit.generation AS g
    WHERE g.number <= $3 AND (e.xid < g.old_xid AND e.id <= g.old_id OR e.xid >= g.rest_xid AND e.id <= g.rest_id))
ORDER BY e.xid, e.id
