-- A run.
INSERT INTO run (
    id, target, started, finished, looked_at, exit_code, version, server_version, policy_sha256, critical, high,
    medium, low, waived, not_looked_at, not_evaluated, unread, failure, register_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
