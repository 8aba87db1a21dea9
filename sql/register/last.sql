-- The last recorded version of the register: its digest, its file's name, by whom and when (UTC).
SELECT v.sha256, v.file, v.by, pg_catalog.to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pgguard.register_version AS v ORDER BY v.id DESC LIMIT 1
