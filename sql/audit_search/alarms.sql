-- What is told whoever did it, from $1 to before $2: the audit was switched off or changed, entries went, the catalog
-- watch saw something, rows could not be told, somebody set a claim himself.
SELECT e.at,
    CASE WHEN e.shape IS NULL THEN e.verb WHEN e.claimed LIKE 'forged:%' THEN 'FORGED CLAIM' ELSE 'NOT TOLD' END,
    coalesce(s.relation, e.object, ''), e.login, coalesce(e.claimed, ''), coalesce(pg_catalog.host(e.client), ''), e.id,
    coalesce(e.object, '')
FROM pgguard_audit.entry AS e LEFT JOIN pgguard_audit.shape AS s ON s.id = e.shape
WHERE e.at >= $1::timestamp with time zone AND e.at < $2::timestamp with time zone
    AND ((e.shape IS NULL AND (e.verb IN ('AUDIT OFF', 'AUDIT CHANGED', 'AUDIT ERASED', 'AUDIT PURGED',
            'AUDIT MOVED', 'AUDITOR KEY', 'AUDIT SEALED KEYS DESTROYED')
            OR (e.verb = 'WATCH' AND e.object <> 'the watch begins')))
        OR (e.shape IS NOT NULL AND e.object IS NOT NULL AND e.verb <> 'TRUNCATE') OR e.claimed LIKE 'forged:%')
ORDER BY e.at, e.id
