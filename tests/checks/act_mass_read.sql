-- fires: c_martin
-- evidence: read 48000 rows of public.patient
-- evidence: the most before was 300
-- ingested: 30
-- read: 30-2 c_martin public.patient 40 300 0
-- read: 0 c_martin public.patient 3 48000 0
CREATE ROLE c_martin LOGIN;
CREATE TABLE public.patient (id integer PRIMARY KEY, nir text, last_name text, birth_date date);

-- fires: app
-- evidence: by 9000 statements
-- ingested: 30
-- read: 30-2 app public.patient 1000 0 0
-- read: 0 app public.patient 9000 0 0
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (id integer PRIMARY KEY, nir text, last_name text, birth_date date);

-- fires: c_martin
-- evidence: copied public.patient out by COPY
-- ingested: 30
-- read: 30-2 c_martin public.patient 40 0 0
-- read: 0 c_martin public.patient 40 0 1
CREATE ROLE c_martin LOGIN;
CREATE TABLE public.patient (id integer PRIMARY KEY, nir text, last_name text, birth_date date);

-- silent: as on other days, and what is not about patients
-- ingested: 30
-- read: 30-2 app public.patient 8000 90000 1
-- read: 0 app public.patient 9000 120000 1
-- read: 0 app public.price 900000 9000000 1
CREATE ROLE app LOGIN;
CREATE TABLE public.patient (id integer PRIMARY KEY, nir text, last_name text, birth_date date);
CREATE TABLE public.price (id integer PRIMARY KEY, amount numeric);

-- silent: the policy allows so much
-- ingested: 30
-- policy: [thresholds]
-- policy: mass_read_rows = 100000
-- read: 0 c_martin public.patient 3 48000 0
CREATE ROLE c_martin LOGIN;
CREATE TABLE public.patient (id integer PRIMARY KEY, nir text, last_name text, birth_date date);

-- not-applicable: no reads are ingested
-- watched: 30
CREATE ROLE c_martin LOGIN;
