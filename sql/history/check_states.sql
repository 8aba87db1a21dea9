-- The last verdict of each check on a target.
SELECT check_id, verdict, incomplete, reason FROM check_state AS one
WHERE target = $1 AND at = (
    SELECT max(other.at) FROM check_state AS other
    WHERE other.target = one.target AND other.check_id = one.check_id)
ORDER BY check_id
