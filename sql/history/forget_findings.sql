-- Findings that were gone before.
DELETE FROM issue WHERE target = $1 AND state NOT IN ('open', 'waived') AND ended_at < $2
