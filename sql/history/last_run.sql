-- The last run of a target.
SELECT
    id, started, finished, looked_at, exit_code, version, server_version, policy_sha256, critical, high, medium, low,
    waived, not_looked_at, not_evaluated, unread, failure, register_sha256
FROM run WHERE target = $1 ORDER BY id DESC LIMIT 1
