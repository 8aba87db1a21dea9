-- fires: data_checksums
-- evidence: data_checksums = off
-- versions: 10-17
SELECT 1;

-- silent: on
-- versions: 18-
SELECT 1;
