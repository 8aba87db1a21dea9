-- fires: cluster
-- evidence: out of support since 20
-- versions: 10-14
SELECT 1;

-- silent: supported
-- versions: 15-
SELECT 1;
