-- A finding of a target that is not there any more, the latest last.
SELECT
    id, digest, check_id, kind, database, name, seriousness, state, evidence, found_at, open_since,
    not_looked_since, ended_at, returned
FROM issue WHERE target = $1 AND digest = $2 AND state NOT IN ('open', 'waived') ORDER BY ended_at, id
