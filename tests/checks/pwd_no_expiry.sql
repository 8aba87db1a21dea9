-- fires: "c.martin"
-- policy: [passwords]
-- policy: require_expiry = true
CREATE ROLE "c.martin" LOGIN;

-- silent: it ends
-- policy: [passwords]
-- policy: require_expiry = true
CREATE ROLE "c.martin" LOGIN VALID UNTIL '2027-01-01';
CREATE ROLE lis_app LOGIN;

-- not-applicable: the policy is silent
CREATE ROLE "c.martin" LOGIN;
