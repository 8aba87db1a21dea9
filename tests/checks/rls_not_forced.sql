-- fires: lab.demande
-- evidence: owner lis_app logs in
CREATE SCHEMA lab;
CREATE ROLE lis_app LOGIN;
CREATE TABLE lab.demande (n integer);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande OWNER TO lis_app;

-- fires: lab.demande
-- evidence: lis_app has the rights of owner lab_owner
CREATE SCHEMA lab;
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE lis_app LOGIN IN ROLE lab_owner;
CREATE TABLE lab.demande (n integer);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande OWNER TO lab_owner;

-- fires: lab.demande
-- evidence: by_set
CREATE SCHEMA lab;
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE by_set LOGIN NOINHERIT IN ROLE lab_owner;
CREATE TABLE lab.demande (n integer);
ALTER TABLE lab.demande ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.demande OWNER TO lab_owner;

-- fires: lab
-- evidence: of 7 tables
CREATE SCHEMA lab;
CREATE ROLE lis_app LOGIN;
DO $do$ BEGIN FOR n IN 1..7 LOOP
    EXECUTE format('CREATE TABLE lab.t%s (n integer)', n);
    EXECUTE format('ALTER TABLE lab.t%s ENABLE ROW LEVEL SECURITY', n);
    EXECUTE format('ALTER TABLE lab.t%s OWNER TO lis_app', n);
END LOOP; END $do$;

-- silent: forced; an owner nobody logs in as; a superuser; BYPASSRLS; an administrator's membership
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE SCHEMA lab;
CREATE ROLE lis_app LOGIN;
CREATE ROLE past_all LOGIN BYPASSRLS;
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE dba_martin LOGIN IN ROLE lab_owner;
CREATE TABLE lab.forced (n integer);
ALTER TABLE lab.forced ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.forced FORCE ROW LEVEL SECURITY;
ALTER TABLE lab.forced OWNER TO lis_app;
CREATE TABLE lab.owned (n integer);
ALTER TABLE lab.owned ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.owned OWNER TO lab_owner;
CREATE TABLE lab.of_superuser (n integer);
ALTER TABLE lab.of_superuser ENABLE ROW LEVEL SECURITY;
CREATE TABLE lab.of_bypass (n integer);
ALTER TABLE lab.of_bypass ENABLE ROW LEVEL SECURITY;
ALTER TABLE lab.of_bypass OWNER TO past_all;

-- silent: a member that may neither inherit nor set
-- versions: 16-
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE keeper LOGIN;
GRANT lab_owner TO keeper WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
CREATE TABLE public.owned (n integer);
ALTER TABLE public.owned ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.owned OWNER TO lab_owner;
