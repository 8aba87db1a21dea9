-- fires: lab.demande
-- evidence: policy everybody FOR ALL TO PUBLIC USING (true) is always true, for labo
-- severity: high
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE TABLE lab.demande (n integer, hospital text);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON lab.demande USING (true);
CREATE POLICY own ON lab.demande USING (hospital = current_setting('app.hospital', true));
GRANT USAGE ON SCHEMA lab TO labo;
GRANT SELECT ON lab.demande TO labo;

-- fires: lab.a
-- evidence: (1 = 1) is always true
-- fires: lab.b
-- evidence: is always true
-- fires: lab.c
-- evidence: is always true
-- fires: lab.d
-- evidence: is always true
-- fires: lab.e
-- evidence: is always true
-- fires: lab.f
-- evidence: is always true
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
GRANT USAGE ON SCHEMA lab TO labo;
CREATE FUNCTION lab.may_see(integer) RETURNS boolean LANGUAGE sql AS $body$ SELECT true $body$;
DO $do$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['a', 'b', 'c', 'd', 'e', 'f'] LOOP
    EXECUTE format('CREATE TABLE lab.%I (n integer NOT NULL, hospital text)', t);
    EXECUTE format('ALTER TABLE lab.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT SELECT, DELETE ON lab.%I TO labo', t);
END LOOP; END $do$;
CREATE POLICY p ON lab.a FOR SELECT USING (1 = 1);
CREATE POLICY p ON lab.b USING (n = n);
CREATE POLICY p ON lab.c USING (hospital = 'north' OR NOT false);
CREATE POLICY p ON lab.d FOR DELETE TO labo USING (coalesce(NULL, true));
CREATE POLICY p ON lab.e USING (lab.may_see(n));
CREATE POLICY p ON lab.f USING (hospital = 'north' OR 'a' = 'a');

-- fires: lab.t
-- evidence: policy p FOR INSERT TO PUBLIC WITH CHECK (true) is always true, for labo
-- severity: medium
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE TABLE lab.t (n integer, hospital text);
ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON lab.t FOR INSERT WITH CHECK (true);
GRANT USAGE ON SCHEMA lab TO labo;
GRANT INSERT ON lab.t TO labo;

-- fires: lab.t
-- evidence: policy p FOR ALL TO PUBLIC WITH CHECK (true) is always true
-- severity: medium
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE TABLE lab.t (n integer, hospital text);
ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON lab.t USING (hospital = current_user) WITH CHECK (true);
GRANT USAGE ON SCHEMA lab TO labo;
GRANT ALL ON lab.t TO labo;

-- fires: lab.t
-- evidence: but nobody whom row security holds has the privilege
-- severity: low
CREATE SCHEMA lab;
CREATE TABLE lab.t (n integer);
ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON lab.t USING (true);

-- fires: lab.t
-- evidence: for labo
-- severity: high
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE TABLE lab.t (n integer, hospital text);
ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON lab.t TO labo USING (true);
CREATE POLICY bounds_writes ON lab.t AS RESTRICTIVE FOR UPDATE USING (hospital = current_user);
CREATE POLICY bounds_nothing ON lab.t AS RESTRICTIVE USING (true);
GRANT USAGE ON SCHEMA lab TO labo;
GRANT SELECT (n), UPDATE (n) ON lab.t TO labo;

-- fires: lab.a
-- evidence: policy p FOR ALL TO staff USING (true) is always true, for labo
-- severity: high
-- fires: lab.b
-- evidence: TO wards USING (((n = n) OR (1 = 1))) is always true, for labo
-- severity: high
-- fires: lab.c
-- evidence: policy p FOR ALL TO staff USING (true) is always true, for labo, lent
-- severity: high
-- fires: lab.d
-- evidence: policy p FOR ALL TO staff WITH CHECK (true) is always true, for labo, lent
-- severity: medium
-- fires: lab.e
-- evidence: policy p FOR ALL TO app, staff USING (true) is always true
-- severity: high
-- policy: [[service]]
-- policy: role = "app"
-- policy: owner = "IT"
-- policy: purpose = "the application"
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE ROLE lent LOGIN NOINHERIT;
CREATE ROLE app LOGIN;
CREATE ROLE staff;
CREATE ROLE wards;
GRANT staff TO lent, wards;
GRANT wards TO labo;
GRANT USAGE ON SCHEMA lab TO staff;
DO $do$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['a', 'b', 'c', 'd', 'e'] LOOP
    EXECUTE format('CREATE TABLE lab.%I (n integer, hospital text)', t);
    EXECUTE format('ALTER TABLE lab.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT ALL ON lab.%I TO staff', t);
END LOOP; END $do$;
REVOKE ALL ON lab.a, lab.b, lab.c FROM staff;
GRANT SELECT ON lab.a, lab.b TO wards;
GRANT SELECT ON lab.c TO staff;
CREATE POLICY p ON lab.a TO staff USING (true);
CREATE POLICY p ON lab.b TO wards USING (n = n OR 1 = 1);
CREATE POLICY p ON lab.c TO staff USING (true);
CREATE POLICY r ON lab.c AS RESTRICTIVE TO wards USING (hospital = current_user);
CREATE POLICY p ON lab.d TO staff USING (hospital = current_user) WITH CHECK (true);
CREATE POLICY p ON lab.e TO staff, app USING (true);
CREATE POLICY r ON lab.e AS RESTRICTIVE TO app USING (hospital = current_user);

-- silent: groups of declared accounts only, groups that a restrictive policy bounds, n = n of a column with nulls
-- policy: [administrators]
-- policy: roles = ["dba_martin", "dbas"]
-- policy: [[service]]
-- policy: role = "app"
-- policy: owner = "IT"
-- policy: purpose = "the application"
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE ROLE dba_curie LOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE dbas;
CREATE ROLE programs;
CREATE ROLE staff;
CREATE ROLE wards;
GRANT dbas TO dba_curie;
GRANT programs TO app, dba_martin;
GRANT staff TO wards;
GRANT wards TO labo;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
DO $do$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['a', 'b', 'c', 'd'] LOOP
    EXECUTE format('CREATE TABLE lab.%I (n integer, hospital text)', t);
    EXECUTE format('ALTER TABLE lab.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT ALL ON lab.%I TO PUBLIC', t);
END LOOP; END $do$;
CREATE POLICY p ON lab.a TO programs, dbas USING (true);
CREATE POLICY p ON lab.b TO app USING (true);
CREATE POLICY p ON lab.c TO staff, wards USING (true);
CREATE POLICY r ON lab.c AS RESTRICTIVE TO staff USING (hospital = current_user);
CREATE POLICY p ON lab.d TO wards USING (n = n);

-- silent: bounded, conditional, off, groups without members, declared administrators, constantly false
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE ROLE staff;
CREATE ROLE dba_martin LOGIN;
GRANT USAGE ON SCHEMA lab TO labo, staff, dba_martin;
DO $do$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['a', 'b', 'c', 'd', 'e', 'f'] LOOP
    EXECUTE format('CREATE TABLE lab.%I (n integer, hospital text)', t);
    EXECUTE format('ALTER TABLE lab.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('GRANT ALL ON lab.%I TO labo, staff, dba_martin', t);
END LOOP; END $do$;
CREATE POLICY p ON lab.a USING (true);
CREATE POLICY r ON lab.a AS RESTRICTIVE USING (hospital = current_setting('app.hospital', true));
CREATE POLICY p ON lab.b USING (hospital = current_user) WITH CHECK (hospital = current_user);
CREATE POLICY p ON lab.c TO staff USING (true);
CREATE POLICY p ON lab.d TO dba_martin USING (true) WITH CHECK (true);
CREATE POLICY p ON lab.e USING (false);
CREATE POLICY q ON lab.e FOR SELECT USING (n = n AND 1 = 2);
CREATE POLICY p ON lab.f USING (true);
ALTER TABLE lab.f DISABLE ROW LEVEL SECURITY;

-- unknown: constants that are masked
CREATE SCHEMA lab;
CREATE ROLE labo LOGIN;
CREATE TABLE lab.t (n integer);
ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON lab.t USING ('north' = ANY (ARRAY['south', 'north']));
