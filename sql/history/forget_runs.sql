-- Runs that are too old to be kept.
DELETE FROM run WHERE target = $1 AND started < $2
