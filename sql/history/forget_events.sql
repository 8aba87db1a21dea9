-- What happened in runs that are too old to be kept.
DELETE FROM event WHERE run IN (SELECT id FROM run WHERE target = $1 AND started < $2)
