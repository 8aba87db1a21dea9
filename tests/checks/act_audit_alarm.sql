-- fires: dr_odd
-- evidence: mass-change
-- evidence: 4000 rows in 60 minutes
-- severity: high
-- fires: nurse
-- evidence: odd-hours
-- severity: medium
-- audit-feed: asked
-- alarm: mass-change dr_odd 4000 rows in 60 minutes
-- alarm: new-origin dr_odd 4000 rows from 203.0.113.7: it never wrote from there before
-- alarm: odd-hours nurse 3 rows, from 03:07 on, when it did not work in the weeks before
CREATE ROLE dr_odd LOGIN;
CREATE ROLE nurse LOGIN;

-- silent: nothing was told
-- audit-feed: asked
CREATE ROLE nurse LOGIN;

-- unknown: the store is young
-- audit-feed: new origins and odd hours: the store knows 2 days before, and 7 are needed
CREATE ROLE nurse LOGIN;

-- not-applicable: nobody asked
CREATE ROLE nurse LOGIN;
