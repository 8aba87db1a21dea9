-- All runs of a target, in order, in a history of the first form, which kept no digest of the register.
SELECT
    id, started, finished, looked_at, exit_code, version, server_version, policy_sha256, critical, high, medium, low,
    waived, not_looked_at, not_evaluated, unread, failure, ''
FROM run WHERE target = $1 ORDER BY id
