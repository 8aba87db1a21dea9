-- A finding as it now stands.
INSERT INTO issue (
    id, target, digest, check_id, kind, database, name, seriousness, state, evidence, found_at, open_since,
    not_looked_since, ended_at, returned)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id) DO UPDATE SET
    digest = excluded.digest, kind = excluded.kind, database = excluded.database,
    name = excluded.name, seriousness = excluded.seriousness, state = excluded.state,
    evidence = excluded.evidence, open_since = excluded.open_since,
    not_looked_since = excluded.not_looked_since, ended_at = excluded.ended_at, returned = excluded.returned
