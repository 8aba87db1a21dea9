-- The findings of a target that are there: open ones and waived ones.
SELECT
    id, digest, check_id, kind, database, name, seriousness, state, evidence, found_at, open_since,
    not_looked_since, ended_at, returned
FROM issue WHERE target = $1 AND state IN ('open', 'waived') ORDER BY id
