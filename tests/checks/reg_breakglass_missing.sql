-- fires: cluster
-- evidence: the register declares no emergency account
-- severity: low
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
SELECT 1;

-- fires: x_asleep
-- evidence: the emergency account x_asleep cannot log in
-- fires: x_gone
-- evidence: the emergency account x_gone does not exist
-- fires: x_later
-- evidence: the emergency account x_later has a test in the future (2090-01-01)
-- fires: x_old
-- evidence: the emergency account x_old was tested last on 2020-01-01
-- fires: x_untested
-- evidence: the emergency account x_untested was never tested
-- policy: [[breakglass]]
-- policy: role = "x_asleep"
-- policy: sealed_at = "safe"
-- policy: [[breakglass]]
-- policy: role = "x_gone"
-- policy: sealed_at = "safe"
-- policy: [[breakglass]]
-- policy: role = "x_later"
-- policy: sealed_at = "safe"
-- policy: last_test = 2090-01-01
-- policy: [[breakglass]]
-- policy: role = "x_old"
-- policy: sealed_at = "safe"
-- policy: last_test = 2020-01-01
-- policy: [[breakglass]]
-- policy: role = "x_untested"
-- policy: sealed_at = "safe"
CREATE ROLE x_asleep; CREATE ROLE x_later LOGIN; CREATE ROLE x_old LOGIN; CREATE ROLE x_untested LOGIN;

-- silent: tested within the days of the policy
-- policy: [thresholds]
-- policy: breakglass_test_days = 36500
-- policy: [[breakglass]]
-- policy: role = "x_emergency"
-- policy: sealed_at = "safe"
-- policy: last_test = 2020-01-01
CREATE ROLE x_emergency LOGIN;

-- silent: a throwaway cluster
-- policy: [cluster]
-- policy: throwaway = true
-- policy: [[activity]]
-- policy: name = "care"
-- policy: purpose = "care"
-- policy: databases = ["lab"]
SELECT 1;

-- not-applicable: no register
SELECT 1;
