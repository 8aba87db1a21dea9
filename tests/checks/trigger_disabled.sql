-- fires: lab.resultat
-- evidence: trigger journal (lab.journaliser()) is disabled
CREATE SCHEMA lab;
CREATE TABLE lab.resultat (resultat_id integer, valeur numeric);
CREATE FUNCTION lab.journaliser() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER journal AFTER INSERT OR UPDATE OR DELETE ON lab.resultat FOR EACH ROW EXECUTE PROCEDURE lab.journaliser();
ALTER TABLE lab.resultat DISABLE TRIGGER journal;

-- fires: public.stock
-- evidence: trigger audit_stock (public.f()) fires on replicas only
-- fires: public.supply
-- evidence: trigger b (public.f()) is disabled
CREATE TABLE public.stock (n integer);
CREATE TABLE public.supply (n integer);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER audit_stock AFTER INSERT ON public.stock FOR EACH ROW EXECUTE PROCEDURE public.f();
CREATE TRIGGER a AFTER INSERT ON public.supply FOR EACH ROW EXECUTE PROCEDURE public.f();
CREATE TRIGGER b AFTER DELETE ON public.supply FOR EACH ROW EXECUTE PROCEDURE public.f();
ALTER TABLE public.stock ENABLE REPLICA TRIGGER audit_stock;
ALTER TABLE public.supply DISABLE TRIGGER b;

-- fires: public.patient
-- evidence: rule keep is disabled
CREATE TABLE public.patient (nir text);
CREATE RULE keep AS ON DELETE TO public.patient DO INSTEAD NOTHING;
ALTER TABLE public.patient DISABLE RULE keep;

-- fires: lab
-- evidence: trigger journal (lab.journaliser()) is disabled on 6 tables: lab.t1
CREATE SCHEMA lab;
CREATE FUNCTION lab.journaliser() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DO $do$ BEGIN FOR n IN 1..6 LOOP
    EXECUTE format('CREATE TABLE lab.t%s (n integer)', n);
    EXECUTE format('CREATE TRIGGER journal AFTER DELETE ON lab.t%s FOR EACH ROW EXECUTE PROCEDURE lab.journaliser()', n);
    EXECUTE format('ALTER TABLE lab.t%s DISABLE TRIGGER journal', n);
END LOOP; END $do$;

-- fires: lab.resultat
-- versions: 13-
CREATE SCHEMA lab;
CREATE TABLE lab.resultat (site integer, valeur numeric) PARTITION BY LIST (site);
CREATE TABLE lab.resultat_1 PARTITION OF lab.resultat FOR VALUES IN (1);
CREATE FUNCTION lab.journaliser() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER journal AFTER INSERT ON lab.resultat FOR EACH ROW EXECUTE PROCEDURE lab.journaliser();
ALTER TABLE lab.resultat DISABLE TRIGGER journal;

-- silent: enabled, and always; a lonely trigger that keeps no trace
CREATE TABLE public.patient (nir text);
CREATE TABLE public.stock (n integer);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a AFTER INSERT ON public.patient FOR EACH ROW EXECUTE PROCEDURE public.f();
CREATE TRIGGER b AFTER INSERT ON public.patient FOR EACH ROW EXECUTE PROCEDURE public.f();
ALTER TABLE public.patient ENABLE ALWAYS TRIGGER b;
CREATE TRIGGER reorder AFTER INSERT ON public.stock FOR EACH ROW EXECUTE PROCEDURE public.g();
ALTER TABLE public.stock DISABLE TRIGGER reorder;

-- fires: lab
-- evidence: event trigger note_ddl is disabled
CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE LOG $$ddl$$; END';
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE PROCEDURE public.note();
CREATE EVENT TRIGGER works ON ddl_command_end EXECUTE PROCEDURE public.note();
ALTER EVENT TRIGGER note_ddl DISABLE;
ALTER EVENT TRIGGER works ENABLE ALWAYS;
