-- For every fix, how serious the finding was and how many seconds it was open.
SELECT event.seriousness, event.open_seconds
FROM event JOIN run ON run.id = event.run
WHERE run.target = $1 AND event.kind = 'fixed' AND event.open_seconds IS NOT NULL
ORDER BY event.seriousness, event.open_seconds
