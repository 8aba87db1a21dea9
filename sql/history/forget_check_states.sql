-- Verdicts that are old and not the last of their check.
DELETE FROM check_state WHERE target = $1 AND at < $2 AND EXISTS (
    SELECT 1 FROM check_state AS later
    WHERE later.target = check_state.target AND later.check_id = check_state.check_id
        AND later.at > check_state.at)
