UPDATE pgguard.key SET state = 'destroyed', wrapped = NULL, destroyed_at = pg_catalog.now()
WHERE id = ANY ($1) AND state <> 'destroyed' RETURNING id
