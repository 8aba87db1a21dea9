-- What happened to a finding, in order.
SELECT run.started, event.kind, event.severity, event.detail, event.open_seconds
FROM event JOIN run ON run.id = event.run WHERE event.finding = $1 ORDER BY event.run
