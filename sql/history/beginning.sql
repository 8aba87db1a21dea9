-- The findings of a target whose fingerprint begins like this.
SELECT
    id, fingerprint, check_id, kind, database, name, severity, state, evidence, found_at, open_since,
    not_looked_since, ended_at, returned
FROM finding WHERE target = $1 AND substr(fingerprint, 1, length($2)) = $2 ORDER BY id
