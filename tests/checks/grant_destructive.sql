-- fires: public.patient
-- evidence: labo has TRUNCATE
CREATE ROLE labo LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT SELECT, TRUNCATE ON public.patient TO labo;

-- fires: public.patient
-- evidence: team has REFERENCES, TRIGGER, TRUNCATE
CREATE ROLE team;
CREATE ROLE app LOGIN IN ROLE team;
CREATE TABLE public.patient (nir text, nom text);
GRANT ALL ON public.patient TO team;

-- fires: public.patient
-- evidence: app has REFERENCES (nir)
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (nir text, nom text);
GRANT REFERENCES (nir) ON public.patient TO app;

-- fires: public.patient
-- evidence: by_set has TRIGGER
CREATE ROLE by_set;
CREATE ROLE somebody LOGIN NOINHERIT IN ROLE by_set;
CREATE TABLE public.patient (nir text, nom text);
GRANT TRIGGER ON public.patient TO by_set;

-- fires: lab
-- evidence: app has TRUNCATE on 6 sensitive tables: lab.patient1, lab.patient2, lab.patient3, lab.patient4, lab.patient5, lab.patient6
CREATE SCHEMA lab;
CREATE ROLE app LOGIN;
GRANT USAGE ON SCHEMA lab TO app;
DO $do$ BEGIN FOR n IN 1..6 LOOP EXECUTE format('CREATE TABLE lab.patient%s (nir text)', n); END LOOP; END $do$;
GRANT TRUNCATE ON ALL TABLES IN SCHEMA lab TO app;

-- fires: lab
-- evidence: 21 sensitive tables are open to various roles: lab.patient1 (r1 has TRUNCATE)
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
DO $do$ BEGIN FOR n IN 1..21 LOOP
    EXECUTE format('CREATE ROLE r%s LOGIN', n);
    EXECUTE format('CREATE TABLE lab.patient%s (nir text)', n);
    EXECUTE format('GRANT TRUNCATE ON lab.patient%s TO r%s', n, n);
END LOOP; END $do$;

-- silent: ordinary rights, a table without people, PUBLIC, a schema out of reach, administrators
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE labo LOGIN;
CREATE ROLE dba_martin LOGIN;
CREATE SCHEMA apart;
CREATE TABLE public.patient (nir text, nom text);
CREATE TABLE public.code_postal (code text);
CREATE TABLE apart.patient (nir text, nom text);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.patient TO labo;
GRANT ALL ON public.code_postal TO labo;
GRANT ALL ON apart.patient TO labo;
GRANT ALL ON public.patient TO PUBLIC, dba_martin;
