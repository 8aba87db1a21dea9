-- What happened to the files of one plan in this database, in order.
SELECT m.number, m.slug, m.sha256, m.action, m.state, m.by,
    pg_catalog.to_char(m.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), m.message
FROM pgguard.migration AS m
WHERE m.plan = $1
ORDER BY m.id
