-- fires: hub
-- evidence: the user mapping of lis_app stores password, which lis_app can read
-- severity: critical
CREATE ROLE lis_app LOGIN;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w OPTIONS (host '10.1.2.3');
CREATE USER MAPPING FOR lis_app SERVER hub OPTIONS (user 'hub', password 'made-up-pw');
GRANT USAGE ON FOREIGN SERVER hub TO lis_app;

-- fires: hub
-- evidence: the user mapping of lis_reader stores password, which lis_app can read
-- severity: critical
CREATE ROLE lis_reader;
CREATE ROLE lis_app LOGIN IN ROLE lis_reader;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w;
CREATE USER MAPPING FOR lis_reader SERVER hub OPTIONS (user 'hub', password 'made-up-pw');
GRANT USAGE ON FOREIGN SERVER hub TO lis_reader;

-- fires: hub
-- evidence: the user mapping of lis_app, PUBLIC stores password; only superusers and dumps show it
-- severity: low
CREATE ROLE lis_app LOGIN;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w;
CREATE USER MAPPING FOR lis_app SERVER hub OPTIONS (user 'hub', password 'made-up-pw');
CREATE USER MAPPING FOR PUBLIC SERVER hub OPTIONS (user 'hub', password 'made-up-pw');

-- fires: public.f()
-- evidence: dblink_connect() is given a password, which every login can read
CREATE EXTENSION dblink;
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql
AS $body$ SELECT dblink_connect('hub', 'host=hub user=hub password=made-up-pw') $body$;

-- fires: public.f()
-- evidence: dblink() is given a password
-- fires: public.v_hub
-- evidence: dblink() is given a password
CREATE EXTENSION dblink;
CREATE VIEW public.v_hub AS SELECT * FROM dblink('postgresql://hub:made-up-pw@hub/hub', 'SELECT 1') AS t (a integer);
CREATE FUNCTION public.f() RETURNS SETOF integer LANGUAGE plpgsql AS $body$
DECLARE conn text := 'host=hub ' || 'user=hub password=made-up-pw';
BEGIN RETURN QUERY SELECT * FROM dblink(conn, 'SELECT 1') AS t (a integer); END
$body$;

-- fires: hub_sub
-- evidence: the connection string of subscription hub_sub holds a password
-- severity: low
-- cluster: subscriptions belong to the whole cluster
CREATE SUBSCRIPTION hub_sub CONNECTION 'host=127.0.0.1 port=1 password=made-up-pw' PUBLICATION p
    WITH (connect = false, enabled = false, slot_name = NONE);

-- silent: mappings and connections without a password
CREATE ROLE lis_app LOGIN;
CREATE EXTENSION dblink;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w OPTIONS (host '10.1.2.3');
CREATE USER MAPPING FOR lis_app SERVER hub OPTIONS (user 'hub', sslcert '/etc/hub.crt', password_required 'false');
GRANT USAGE ON FOREIGN SERVER hub TO lis_app;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM dblink_connect('hub', 'hub');
    PERFORM dblink_connect('hub', 'host=hub user=hub password=' || p);
    PERFORM dblink_exec('hub', 'UPDATE users SET password = NULL WHERE id = 1');
END
$body$;

-- unknown: a role that does not see the options of user mappings
-- as: auditor
CREATE ROLE auditor LOGIN;
CREATE ROLE lis_app LOGIN;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w;
CREATE USER MAPPING FOR lis_app SERVER hub OPTIONS (user 'hub', password 'made-up-pw');
