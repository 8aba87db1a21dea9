-- What happened to a finding, in order.
SELECT run.started, event.kind, event.seriousness, event.detail, event.open_seconds
FROM event JOIN run ON run.id = event.run WHERE event.issue = $1 ORDER BY event.run
