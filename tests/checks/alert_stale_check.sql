-- fires: cluster
-- evidence: ended 40 hours ago
-- evidence: 26 are allowed
-- last-run: 40

-- fires: cluster
-- evidence: no nightly check has ever looked
-- last-run: never

-- silent: it ran last night
-- last-run: 25

-- silent: once a week is enough for the policy
-- policy: [thresholds]
-- policy: check_max_age_hours = 170
-- last-run: 160

-- not-applicable: nobody keeps a history
SELECT;
