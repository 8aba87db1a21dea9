-- fires: cluster
-- evidence: declares no alert channel
-- policy: [thresholds]

-- fires: cluster
-- evidence: the alert channel mail failed its test
-- evidence: it does not answer
-- policy: [[alert_channel]]
-- policy: name = "mail"
-- policy: url = "mailto://relay.example.org?to=rssi@example.org"
-- last-run: 3
-- tested: mail it does not answer

-- fires: cluster
-- evidence: was never tested
-- policy: [[alert_channel]]
-- policy: name = "mail"
-- policy: url = "mailto://relay.example.org?to=rssi@example.org"
-- last-run: 3

-- silent: it answered
-- policy: [[alert_channel]]
-- policy: name = "mail"
-- policy: url = "mailto://relay.example.org?to=rssi@example.org"
-- last-run: 3
-- tested: mail ok

-- not-applicable: whether it answers nobody knows
-- policy: [[alert_channel]]
-- policy: name = "mail"
-- policy: url = "mailto://relay.example.org?to=rssi@example.org"

-- silent: nobody misses a throwaway cluster
-- policy: [cluster]
-- policy: throwaway = true
