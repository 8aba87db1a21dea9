-- fires: contract maintenance 2020
-- evidence: it ended on 2020-12-31, and v_anna, v_bot can log in under it
-- severity: high
-- fires: contract maintenance 2090
-- evidence: it begins on 2090-01-01, and v_early can log in under it
-- fires: certificate HDS of Vendor
-- evidence: it ended on 2024-05-01
-- severity: medium
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[certificate]]
-- policy: processor = "Vendor"
-- policy: name = "HDS"
-- policy: until = 2024-05-01
-- policy: [[certificate]]
-- policy: processor = "Vendor"
-- policy: name = "ISO 27001"
-- policy: until = 2090-05-01
-- policy: [[contract]]
-- policy: name = "maintenance 2020"
-- policy: processor = "Vendor"
-- policy: end = 2020-12-31
-- policy: roles = ["vendor"]
-- policy: [[contract]]
-- policy: name = "maintenance 2090"
-- policy: processor = "Vendor"
-- policy: start = 2090-01-01
-- policy: roles = ["v_early"]
-- policy: [[service]]
-- policy: role = "v_bot"
-- policy: owner = "Vendor"
-- policy: purpose = "migration"
-- policy: contract = "maintenance 2020"
CREATE ROLE vendor; CREATE ROLE v_anna LOGIN IN ROLE vendor; CREATE ROLE v_bot LOGIN; CREATE ROLE v_early LOGIN;

-- fires: contract maintenance 2020
-- evidence: it ended on 2020-12-31, and v_anna can log in under it
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2020"
-- policy: processor = "Vendor"
-- policy: end = 2020-12-31
-- policy: roles = ["vendor"]
CREATE ROLE vendor; CREATE ROLE v_anna LOGIN IN ROLE vendor;

-- silent: another contract follows, and those of an old one cannot log in
-- policy: [[processor]]
-- policy: name = "Vendor"
-- policy: [[contract]]
-- policy: name = "maintenance 2020"
-- policy: processor = "Vendor"
-- policy: end = 2020-12-31
-- policy: roles = ["vendor"]
-- policy: [[contract]]
-- policy: name = "maintenance from 2021"
-- policy: processor = "Vendor"
-- policy: start = 2021-01-01
-- policy: roles = ["vendor"]
-- policy: [[contract]]
-- policy: name = "migration 2019"
-- policy: processor = "Vendor"
-- policy: end = 2019-12-31
-- policy: roles = ["v_migration"]
CREATE ROLE vendor; CREATE ROLE v_anna LOGIN IN ROLE vendor; CREATE ROLE v_migration NOLOGIN;

-- not-applicable: no contract is declared
SELECT 1;
