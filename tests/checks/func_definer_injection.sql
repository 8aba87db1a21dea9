-- fires: public.f(text)
-- evidence: as a superuser, EXECUTE runs argument p unquoted; open to lis_app
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN RETURN QUERY EXECUTE 'SELECT nom FROM t WHERE ' || p || ' IS NOT NULL'; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE format('DELETE FROM t WHERE nom = ''%s''', p); RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE concat('DELETE FROM ', quote_ident('t'), ' WHERE nom = ', upper(p)); RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text; r record;
BEGIN q := 'SELECT nom FROM t'; IF p IS NOT NULL THEN q := q || ' WHERE ' || p; END IF;
    FOR r IN EXECUTE q LOOP RETURN NEXT r.nom; END LOOP; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE c refcursor;
BEGIN OPEN c FOR EXECUTE replace('SELECT nom FROM t ORDER BY :x', ':x', p); RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text := 'SELECT 1 WHERE nom = ';
BEGIN q := q || quote_literal(p) || ' AND ' || $1; EXECUTE q; RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE a text[];
BEGIN a := string_to_array(p, ','); EXECUTE 'SELECT ' || array_to_string(a, ','); RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text := 'SELECT 1'; n integer := 0;
BEGIN LOOP n := n + 1; EXECUTE q; q := p; EXIT WHEN n > 2; END LOOP; RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text;
BEGIN SELECT trim(p) INTO q; EXECUTE 'SELECT ' || coalesce(q, ''); RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN IF p NOT IN ('a', 'b') THEN RAISE NOTICE 'odd'; END IF; EXECUTE 'SELECT ' || p; RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE 'SELECT ' || CASE WHEN p = 'a' THEN 'b' ELSE p END; RETURN; END
$body$;

-- fires: public.f(text)
-- evidence: query_to_xml() runs argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN RETURN QUERY SELECT nom FROM t WHERE id::text = query_to_xml('SELECT ' || p, true, true, '')::text; END
$body$;

-- fires: public.f(text)
-- evidence: query_to_xml() runs argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $body$
SELECT query_to_xml(p, true, true, '')::text
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.make_query(a text, b text) RETURNS text LANGUAGE sql AS $body$ SELECT 'SELECT ' || b $body$;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE make_query('x', p); END
$body$;

-- fires: public.f(text)
-- evidence: public.run(text) runs argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.run(q text) RETURNS void LANGUAGE plpgsql AS $body$ BEGIN EXECUTE q; END $body$;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN PERFORM run('DELETE FROM t WHERE ' || p); END
$body$;

-- fires: public.f()
-- evidence: EXECUTE runs app.tenant, which every session can set unquoted
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE 'SET search_path = ' || current_setting('app.tenant'); END
$body$;

-- fires: lab.f(lab.demande)
-- evidence: argument lab.demande.filtre unquoted
CREATE ROLE lis_app LOGIN;
CREATE SCHEMA lab;
CREATE DOMAIN lab.critere AS text;
CREATE TABLE lab.demande (id integer, filtre lab.critere);
GRANT USAGE ON SCHEMA lab TO lis_app;
CREATE FUNCTION lab.f(d lab.demande) RETURNS SETOF lab.demande LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE r lab.demande; c lab.critere := d.filtre;
BEGIN
    FOR r IN EXECUTE 'SELECT * FROM lab.demande WHERE ' || c LOOP RETURN NEXT r; END LOOP;
END
$body$;

-- fires: public.f()
-- evidence: public.t.nom, which whoever writes the row chooses unquoted; open to lis_app
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE 'INSERT INTO journal VALUES (''' || NEW.nom || ''')'; RETURN NEW; END
$body$;
CREATE TRIGGER j BEFORE INSERT ON public.t FOR EACH ROW EXECUTE PROCEDURE public.f();
GRANT INSERT ON public.t TO lis_app;

-- fires: public.f(integer)
-- evidence: column public.t.nom unquoted, which lis_app may write
-- severity: high
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
GRANT INSERT ON public.t TO lis_app;
CREATE FUNCTION public.f(n integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text;
BEGIN SELECT nom INTO q FROM t WHERE id = n; EXECUTE q; END
$body$;

-- fires: public.f(integer)
-- evidence: which only its owner fills
-- severity: low
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(n integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE r record;
BEGIN FOR r IN SELECT * FROM t WHERE id = n LOOP EXECUTE r.nom; END LOOP; END
$body$;

-- fires: public.f()
-- evidence: the name pg_class.relname of an object
-- severity: low
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE r record;
BEGIN FOR r IN SELECT relname FROM pg_class LOOP EXECUTE 'ANALYZE ' || r.relname; END LOOP; END
$body$;

-- fires: public.f(text)
-- evidence: nobody can use it who has not the owner's rights
-- severity: low
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE p; END
$body$;
REVOKE EXECUTE ON FUNCTION public.f(text) FROM PUBLIC;

-- fires: public.f(text)
-- evidence: nobody can use it who has not the owner's rights
-- severity: low
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$ BEGIN EXECUTE p; END $body$;
ALTER FUNCTION public.f(text) OWNER TO lis_app;
REVOKE EXECUTE ON FUNCTION public.f(text) FROM PUBLIC;

-- fires: public.f(text)
-- evidence: argument p unquoted
-- versions: 11-
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE PROCEDURE public.f(INOUT p text) LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE p INTO p; END
$body$;

-- silent: all is quoted or bound
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    EXECUTE 'DELETE FROM ' || quote_ident(p) || ' WHERE nom = ' || quote_literal(p) || quote_nullable(p);
    EXECUTE format('DELETE FROM %I WHERE nom = %L AND id = %2$L', p, p);
    EXECUTE 'DELETE FROM t WHERE nom = $1' USING p;
    RETURN QUERY EXECUTE 'SELECT nom FROM t WHERE nom = $1' USING p || 'x';
    DELETE FROM t WHERE nom = 'a' || p;
END
$body$;

-- silent: types that hold no SQL
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text, b bigint, c regclass, d date, e uuid, f integer[]) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE k integer := p; n text := 'a'; i public.t.id%TYPE := p::integer;
BEGIN
    EXECUTE 'DELETE FROM ' || c || ' WHERE id IN (' || k || ',' || b || ',' || p::integer || ',' || length(p) || i || ')';
    EXECUTE format('SELECT %s, %s, %s FROM %s', d, e, array_to_string(f, ','), p::regclass);
    FOR k IN 1..3 LOOP EXECUTE 'SELECT ' || k; END LOOP;
    RETURN;
END
$body$;

-- silent: a fixed list
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text, r text, s text, t text, u text, v text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text := p;
BEGIN
    IF p NOT IN ('nom', 'id') THEN RAISE EXCEPTION 'no such column: %', p; END IF;
    EXECUTE 'SELECT ' || p || ' FROM t';
    IF r = 'asc' OR r = 'desc' THEN EXECUTE 'SELECT nom FROM t ORDER BY nom ' || r; END IF;
    CASE lower(s) WHEN 'a', 'b' THEN EXECUTE 'SELECT ' || s; ELSE EXECUTE 'SELECT 1'; END CASE;
    EXECUTE 'SELECT ' || CASE WHEN q IN ('a', 'b') THEN q ELSE 'c' END;
    IF q !~ '^[a-z_][a-z0-9_]*$' THEN RETURN; END IF;
    EXECUTE 'SELECT ' || q;
    IF t <> ALL (ARRAY['a', 'b']) OR t IS NULL THEN RAISE EXCEPTION 'no'; END IF;
    EXECUTE 'SELECT ' || t;
    IF to_regclass(u) IS NULL THEN RAISE EXCEPTION 'no such table'; END IF;
    EXECUTE 'SELECT * FROM ' || u;
    v := regexp_replace(v, '[^a-zA-Z0-9_]', '', 'g');
    EXECUTE 'SELECT ' || v;
END
$body$;

-- silent: what was tainted is quoted later
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text;
BEGIN
    q := p;
    q := quote_ident(q);
    EXECUTE 'TABLE ' || q;
    p := format('%I', p);
    EXECUTE 'TABLE ' || p;
    SELECT string_agg(quote_ident(x), ', ') INTO q FROM unnest(string_to_array(p, ',')) AS x;
    EXECUTE 'SELECT ' || q;
    RETURN;
END
$body$;

-- silent: with its caller's rights
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY INVOKER AS $body$
BEGIN EXECUTE p; END
$body$;

-- silent: a definer function that only calls functions which quote
CREATE ROLE lis_app LOGIN;
CREATE TABLE public.t (id integer, nom text);
CREATE FUNCTION public.safe_name(a text) RETURNS text LANGUAGE sql AS $body$ SELECT quote_ident(lower(a)) $body$;
CREATE FUNCTION public.drop_one(a text) RETURNS void LANGUAGE plpgsql AS $body$ BEGIN EXECUTE format('DROP TABLE %I', a); END $body$;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET app.tenant = 'north' AS $body$
BEGIN
    EXECUTE 'TABLE ' || safe_name(p);
    PERFORM drop_one(p);
    EXECUTE 'SET search_path = ' || current_setting('app.tenant');
    RAISE NOTICE 'done % and %', p, 'SELECT ' || p USING HINT = p;
END
$body$;

-- unknown: a definer function whose body is no SQL to the parser
SET LOCAL check_function_bodies = off;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$ BEGIN this is ( none; END $body$;

-- fires: public.f(text, text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE FUNCTION public.f(p text, q text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE r text := p;
BEGIN
    IF r !~ '^.*$' THEN RETURN; END IF;
    EXECUTE 'SELECT ' || r;
END
$body$;

-- fires: public.f(text)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE FUNCTION public.f(p text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q ALIAS FOR $1; r ALIAS FOR p;
BEGIN EXECUTE 'SELECT ' || q; EXECUTE r; END
$body$;

-- fires: public.f(text[])
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE FUNCTION public.f(VARIADIC p text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN EXECUTE format('SELECT %s, %s', VARIADIC p); END
$body$;

-- fires: public.f(jsonb)
-- evidence: argument p unquoted
CREATE ROLE lis_app LOGIN;
CREATE FUNCTION public.f(p jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE q text := 'SELECT 1';
BEGIN
    BEGIN
        q := 'SELECT ' || (p ->> 'column');
        RAISE EXCEPTION 'never mind';
    EXCEPTION WHEN OTHERS THEN
        EXECUTE q;
    END;
END
$body$;

-- silent: enumerations, domains over numbers, allow-list arrays, names quoted by a query
CREATE ROLE lis_app LOGIN;
CREATE SCHEMA lab;
GRANT USAGE ON SCHEMA lab TO lis_app;
CREATE TYPE lab.statut AS ENUM ('a', 'b');
CREATE DOMAIN lab.code AS integer CHECK (VALUE > 0);
CREATE TABLE lab.t (id integer, s lab.statut);
CREATE FUNCTION lab.f(s lab.statut, c lab.code, t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE one text; r record; v lab.statut := t::lab.statut;
BEGIN
    EXECUTE 'SELECT ''' || s || ''', ' || c || ', ''' || t::lab.statut::text || v || '''';
    FOREACH one IN ARRAY ARRAY['t', 'u'] LOOP EXECUTE 'ANALYZE lab.' || one; END LOOP;
    FOR r IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables LOOP
        EXECUTE 'ANALYZE ' || r.name;
    END LOOP;
    FOR one IN SELECT oid::regclass FROM pg_class LOOP EXECUTE 'ANALYZE ' || one; END LOOP;
    FOR r IN SELECT id, lab.t.s FROM lab.t LOOP EXECUTE 'SELECT ' || r.id || ' ''' || r.s || ''''; END LOOP;
END
$body$;
