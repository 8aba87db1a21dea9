-- fires: lis_app
-- evidence: owns 1 sensitive table (public.patient)
-- severity: high
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lis_app;

-- fires: somebody
-- evidence: somebody has the rights of lab_owner, which owns 1 sensitive table
-- severity: medium
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE somebody LOGIN IN ROLE lab_owner;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lab_owner;

-- silent: the owner cannot log in, administrators and services are its members, or nobody is in the table
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
-- policy: [[service]]
-- policy: role = "flyway"
-- policy: owner = "IT"
-- policy: purpose = "schema changes"
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE lis_app LOGIN;
CREATE ROLE dba_martin LOGIN IN ROLE lab_owner;
CREATE ROLE flyway LOGIN IN ROLE lab_owner;
CREATE TABLE public.patient (nir text, nom text);
ALTER TABLE public.patient OWNER TO lab_owner;
CREATE TABLE public.code_postal (code text, commune text);
ALTER TABLE public.code_postal OWNER TO lis_app;
