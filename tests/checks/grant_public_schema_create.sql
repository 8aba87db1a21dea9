-- fires: public
-- severity: high
CREATE ROLE c_martin LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE TABLE public.t (n integer);

-- fires: work
-- severity: medium
CREATE ROLE c_martin LOGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA work;
GRANT USAGE, CREATE ON SCHEMA work TO PUBLIC;
CREATE TABLE work.t (n integer);

-- fires: "Work, all"
-- evidence: is on the search_path
-- severity: high
CREATE ROLE c_martin LOGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA "Work, all";
GRANT CREATE ON SCHEMA "Work, all" TO PUBLIC;
CREATE TABLE "Work, all".t (n integer);
ALTER ROLE c_martin SET search_path = public, "Work, all";

-- fires: public
-- severity: low
CREATE ROLE c_martin LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE TABLE public.t (n integer);
REVOKE CONNECT ON DATABASE lab FROM PUBLIC;

-- fires: public
-- severity: low
CREATE ROLE c_martin LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;

-- silent: nobody but the owner
CREATE ROLE c_martin LOGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA work;
GRANT CREATE ON SCHEMA work TO c_martin;
CREATE TABLE work.t (n integer);
