-- fires: public
-- severity: high
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE TABLE public.t (n integer);

-- fires: work
-- severity: medium
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA work;
GRANT USAGE, CREATE ON SCHEMA work TO PUBLIC;
CREATE TABLE work.t (n integer);

-- silent: nobody but the owner
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA work;
CREATE TABLE work.t (n integer);
