-- fires: cluster
-- evidence: .3 is
-- evidence: by pgguard's table of
-- severity: medium
-- minor: 3
SELECT 1;

-- silent: newer than the table knows
-- minor: 99
SELECT 1;
