-- What happened to a finding in a run.
INSERT INTO event (run, issue, kind, seriousness, detail, open_seconds) VALUES ($1, $2, $3, $4, $5, $6)
