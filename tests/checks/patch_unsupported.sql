-- fires: cluster
-- evidence: out of support since 20
-- versions: 10-13
SELECT 1;

-- silent: supported
-- versions: 18-
SELECT 1;
