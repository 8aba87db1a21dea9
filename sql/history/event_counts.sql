-- How many findings of a target were new, fixed and so on in each run.
SELECT event.run, event.kind, count(*)
FROM event JOIN run ON run.id = event.run WHERE run.target = $1
GROUP BY event.run, event.kind ORDER BY event.run, event.kind
