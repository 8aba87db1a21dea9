-- fires: cluster
-- evidence: PostgreSQL 15.18 is 1 behind 15.19
-- severity: low
-- versions: 15-15
SELECT 1;

-- silent: the newest known
-- versions: 16-
SELECT 1;

-- silent: the last of its kind
-- versions: 10-14
SELECT 1;
