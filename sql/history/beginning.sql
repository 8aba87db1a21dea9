-- The findings of a target whose fingerprint begins like this.
SELECT
    id, digest, check_id, kind, database, name, seriousness, state, evidence, found_at, open_since,
    not_looked_since, ended_at, returned
FROM issue WHERE target = $1 AND substr(digest, 1, length($2)) = $2 ORDER BY id
