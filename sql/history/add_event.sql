-- What happened to a finding in a run.
INSERT INTO event (run, finding, kind, severity, detail, open_seconds) VALUES ($1, $2, $3, $4, $5, $6)
