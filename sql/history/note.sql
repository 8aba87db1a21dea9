-- What was noted under a key.
SELECT value FROM note WHERE key = $1
