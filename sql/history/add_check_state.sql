-- A check's verdict, which is not what it was.
INSERT INTO check_state (target, check_id, at, verdict, incomplete, reason) VALUES ($1, $2, $3, $4, $5, $6)
