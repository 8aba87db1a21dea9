-- What was done to the audit itself from $1 to before $2: when, what, to what, by whom.
SELECT e.at, e.verb, coalesce(e.object, ''), e.login
FROM pgguard_audit.entry AS e
WHERE e.shape IS NULL AND e.verb LIKE 'AUDIT%' AND e.verb NOT IN ('AUDIT INSTALLED', 'AUDIT SHAPE')
    AND ($1::timestamp with time zone IS NULL OR e.at >= $1) AND ($2::timestamp with time zone IS NULL OR e.at < $2)
ORDER BY e.at, e.id
