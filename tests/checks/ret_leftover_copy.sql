-- fires: lab.patient_migration_2019
-- evidence: has the same 4 columns as lab.patient
-- severity: high
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE lab.patient_migration_2019 AS SELECT * FROM lab.patient;

-- fires: staging.patients_bak_20230401
-- fires: public.old_patients
-- evidence: 2 of the 3 sensitive columns of ris.patients
-- fires: public.patients2
-- fires: public."PatientsOLD"
-- fires: public.sauvegarde_patients
-- fires: public.patientskopie
-- fires: backup.patients
CREATE SCHEMA ris;
CREATE SCHEMA staging;
CREATE SCHEMA backup;
CREATE TABLE ris.patients (id bigint PRIMARY KEY, first_name text, last_name text, date_of_birth date, site text);
CREATE TABLE staging.patients_bak_20230401 (LIKE ris.patients INCLUDING ALL);
CREATE TABLE public.old_patients (id bigint, first_name text, last_name text, added text);
CREATE TABLE public.patients2 (LIKE ris.patients);
CREATE TABLE public."PatientsOLD" (LIKE ris.patients);
CREATE TABLE public.sauvegarde_patients (LIKE ris.patients);
CREATE TABLE public.patientskopie (LIKE ris.patients);
CREATE TABLE backup.patients (LIKE ris.patients INCLUDING ALL);

-- fires: marie.mine
-- evidence: has the same 4 columns as lab.patient
-- fires: public.export_for_chu
-- evidence: 2 of the 3 sensitive columns
CREATE SCHEMA lab;
CREATE SCHEMA marie;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE marie.mine AS SELECT * FROM lab.patient;
CREATE TABLE public.export_for_chu AS SELECT nir, nom FROM lab.patient;

-- fires: public.personnes_sauv
-- evidence: has 3 sensitive columns, and the name of a copy
-- severity: medium
CREATE TABLE public.personnes_sauv (nir text, nom text, date_naissance date);

-- fires: public.patient_archive
-- severity: low
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE public.patient_archive (LIKE public.patient INCLUDING ALL);

-- fires: lab
-- evidence: 7 tables look like copies of lab.patient: lab.patient_20230101
CREATE SCHEMA lab;
CREATE TABLE lab.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
DO $do$ BEGIN FOR n IN 1..7 LOOP EXECUTE format('CREATE TABLE lab.patient_2023010%s (LIKE lab.patient)', n); END LOOP; END $do$;

-- fires: lab.the_copy
-- policy: [[column]]
-- policy: name = "lab.t.x"
-- policy: category = "genetic"
-- policy: [[staging]]
-- policy: table = "lab.t_tmp"
-- policy: reason = "over"
-- policy: until = 2020-01-01
-- fires: lab.t_tmp
CREATE SCHEMA lab;
CREATE TABLE lab.t (a integer PRIMARY KEY, x text, z text);
CREATE TABLE lab.the_copy AS SELECT * FROM lab.t;
CREATE TABLE lab.t_tmp (LIKE lab.t);

-- silent: declared until a day to come
-- policy: [[staging]]
-- policy: table = "public.patient_import"
-- policy: reason = "migration of the old system"
-- policy: until = 2099-01-01
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE public.patient_import (LIKE public.patient);

-- silent: names with such words and other columns, a view, tables without people
CREATE TABLE public.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE public.patient_import (import_id integer, file_name text, started_at timestamptz);
CREATE TABLE public.import_patient_errors (line integer, error text);
CREATE TABLE public.household (household_id integer PRIMARY KEY, last_name text, first_name text, street text, date_of_birth date);
CREATE VIEW public.patient_export AS SELECT nir, nom FROM public.patient;
CREATE TABLE public.code_postal (code text PRIMARY KEY, commune text, pays text);
CREATE TABLE public.code_postal_old AS SELECT * FROM public.code_postal;
CREATE TABLE public.threshold (test text, low numeric, high numeric);

-- silent: partitions, children, history that triggers write, one schema a laboratory
CREATE SCHEMA north;
CREATE SCHEMA south;
CREATE TABLE north.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE south.patient (patient_id integer PRIMARY KEY, nir text, nom text, date_naissance date);
CREATE TABLE north.patient_old () INHERITS (north.patient);
CREATE TABLE north.patient_history (LIKE north.patient);
CREATE TABLE north.patient_save (LIKE north.patient);
CREATE FUNCTION north.keep() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    INSERT INTO north.patient_save SELECT OLD.*;
    RETURN OLD;
END
$f$;
CREATE TRIGGER keep BEFORE UPDATE ON north.patient FOR EACH ROW EXECUTE PROCEDURE north.keep();
CREATE TABLE north.resultat (site integer, valeur text, commentaire text) PARTITION BY LIST (site);
CREATE TABLE north.resultat_2019 PARTITION OF north.resultat FOR VALUES IN (2019);

-- silent: years kept side by side, without a table they were copied from
CREATE TABLE public.resultat_2019 (resultat_id integer PRIMARY KEY, valeur text, commentaire text);
CREATE TABLE public.resultat_2020 (resultat_id integer PRIMARY KEY, valeur text, commentaire text);
