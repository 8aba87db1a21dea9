-- fires: lab.appeler_hl7()
-- evidence: a literal for variable mot_de_passe
CREATE SCHEMA lab;
CREATE FUNCTION lab.appeler_hl7() RETURNS text LANGUAGE plpgsql AS $body$
DECLARE
    mot_de_passe text := 'not-a-real-password';
BEGIN
    RETURN 'postgresql://hl7:' || mot_de_passe || '@10.1.2.3/hl7';
END
$body$;

-- fires: public.f()
-- evidence: a connection string, address or document with a password
CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $body$
BEGIN
    RETURN 'host=10.9.8.7 dbname=hub user=hub password=made-up-hub-pw';
END
$body$;

-- fires: public.f()
-- evidence: a connection string, address or document with a password
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $body$ SELECT 'https://lis:made-up-pw@hub.example/api' $body$;

-- fires: public.f()
-- evidence: a key or token of a known form
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $body$ SELECT 'Bearer made-up-token-4711' $body$;

-- fires: public.f()
-- evidence: a literal behind the word for it in json_build_object()
CREATE FUNCTION public.f() RETURNS json LANGUAGE sql
AS $body$ SELECT json_build_object('user', 'lis', 'password', 'made-up-pw') $body$;

-- fires: public.f(text, text)
-- evidence: a literal compared with password
CREATE FUNCTION public.f(login text, password text) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    IF login = 'support' AND password = 'made-up-backdoor' THEN RETURN true; END IF;
    RETURN false;
END
$body$;

-- fires: public.f()
-- evidence: a literal for PASSWORD
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN EXECUTE 'ALTER ROLE labo PASSWORD ''made-up-pw'''; END $body$;

-- fires: public.f()
-- evidence: a literal for PASSWORD
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN CREATE ROLE labo LOGIN PASSWORD 'made-up-pw'; END $body$;

-- fires: public.f()
-- evidence: a literal given to mdp; a literal password for crypt()
CREATE EXTENSION pgcrypto;
CREATE TABLE public.users (login text, mdp text, hash text);
CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $body$
INSERT INTO users (login, mdp) VALUES ('admin', 'made-up-pw');
UPDATE users SET hash = crypt('made-up-pw', gen_salt('bf')) WHERE login = 'admin';
$body$;

-- fires: public.f()
-- evidence: a password in a comment of its code
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $body$
-- for the hub, password: made-up-pw1
SELECT 1 $body$;

-- fires: public.f(text)
-- evidence: a literal for parameter app.smtp_password
CREATE FUNCTION public.f(to_whom text) RETURNS text LANGUAGE sql
AS $body$ SELECT set_config('app.smtp_password', 'made-up-pw', true) $body$;

-- fires: public.f(text, text)
-- evidence: its default holds a literal for argument api_key
CREATE FUNCTION public.f(url text, api_key text DEFAULT 'made-up-key') RETURNS text LANGUAGE sql
AS $body$ SELECT url || api_key $body$;

-- fires: public.f()
-- evidence: its SET clause holds parameter app.db_password
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql SET app.db_password = 'made-up-pw' AS $body$ SELECT 1 $body$;

-- fires: public.users.password
-- evidence: its default holds a literal
-- fires: public.v_hub
-- evidence: its query holds a literal given to hub_password
-- fires: public.users
-- evidence: its comment holds a password
-- fires: public.users.login
-- evidence: its comment holds a password
CREATE TABLE public.users (login text, password text DEFAULT 'made-up-pw');
CREATE VIEW public.v_hub AS SELECT 'hub'::text AS host, 'made-up-pw'::text AS hub_password;
COMMENT ON TABLE public.users IS 'Application users. Password of admin is made-up-pw1.';
COMMENT ON COLUMN public.users.login IS 'mot de passe : made-up-pw1';

-- fires: public.f()
-- evidence: its comment holds a password
-- fires: lab
-- evidence: its comment holds a password
CREATE SCHEMA lab;
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $body$ SELECT 1 $body$;
COMMENT ON FUNCTION public.f() IS 'Run as labo (mdp: made-up-pw1)';
COMMENT ON SCHEMA lab IS 'postgresql://labo:made-up-pw1@10.1.2.3/lab';

-- fires: hub
-- evidence: option api_key of the foreign server holds a secret
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w OPTIONS (host '10.1.2.3', api_key 'made-up-key');

-- silent: placeholders, parameters, words about passwords, masked columns
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION dblink;
CREATE TABLE lab.users (login text, password text DEFAULT '', password_hash text, token_type text DEFAULT 'bearer');
CREATE VIEW lab.v_users AS SELECT login, '********'::text AS password, '***'::text AS api_key FROM lab.users;
CREATE FUNCTION lab.check_password(p_login text, p_password text) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    password_error text := 'The password is wrong';
    v_password text;
    mdp text := '<password>';
    api_key text := 'CHANGE_ME';
BEGIN
    IF p_password = '' OR p_password IS NULL THEN RAISE EXCEPTION 'Password: at least 12 characters'; END IF;
    SELECT u.password INTO v_password FROM lab.users u WHERE u.login = p_login AND u.token_type = 'bearer';
    PERFORM dblink_connect('hub', format('host=hub user=%s password=%s', p_login, p_password));
    UPDATE lab.users SET password_hash = crypt(p_password, gen_salt('bf')) WHERE login = p_login;
    -- password: see the procedure of the IT department
    RETURN v_password = crypt(p_password, v_password) AND current_setting('app.api_key') <> v_password;
END
$body$;
CREATE FUNCTION lab.connection(p text) RETURNS text LANGUAGE sql AS $body$ SELECT 'host=hub password=' || p $body$;
CREATE FUNCTION lab.f(password text DEFAULT NULL, retries integer DEFAULT 3) RETURNS text LANGUAGE sql
AS $body$ SELECT json_build_object('password', password, 'kind', 'made-up') ::text $body$;
COMMENT ON TABLE lab.users IS 'Passwords are hashed with bcrypt; password policy: 12 characters, see the wiki';
COMMENT ON COLUMN lab.users.password IS 'Mot de passe: chiffre, au moins 12 caracteres';
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER hub FOREIGN DATA WRAPPER w OPTIONS (host '10.1.2.3', sslmode 'verify-full', fetch_size '100');

-- silent: secrets that other checks tell of
CREATE EXTENSION pgcrypto;
CREATE EXTENSION dblink;
CREATE FUNCTION public.f(v bytea) RETURNS text LANGUAGE plpgsql AS $body$
DECLARE
    passphrase text := 'made-up-pw';
    conn text := 'host=hub user=hub password=made-up-pw';
BEGIN
    conn := 'host=hub user=hub password=made-up-pw2';
    PERFORM dblink_connect(conn);
    PERFORM set_config('app.encryption_key', 'made-up-key', true);
    RETURN pgp_sym_decrypt(v, passphrase);
END
$body$;

-- fires: public.f(text)
-- evidence: a literal for variable hub_secret; a literal for variable v_password
CREATE FUNCTION public.f(p text) RETURNS text LANGUAGE plpgsql AS $body$
DECLARE v_password text; hub_secret text := 'password';
BEGIN
    IF p IS NULL THEN v_password := 'made-up-pw'; ELSE v_password := p; END IF;
    SELECT p INTO hub_secret;
    RETURN v_password || hub_secret;
END
$body$;

-- fires: app.token
-- evidence: its default holds a connection string, address or document with a password
-- evidence: its comment holds a password
-- fires: app."Odd Name"
-- evidence: its default holds a key or token of a known form
-- fires: app.level
-- evidence: its comment holds a password
-- fires: app.pair
-- evidence: its comment holds a password
-- fires: app.span
-- evidence: its comment holds a password
CREATE SCHEMA app;
CREATE DOMAIN app.token AS text DEFAULT 'postgresql://u:made-up-pw1@h/d';
CREATE DOMAIN app."Odd Name" AS text DEFAULT 'Bearer made-up-token-4711';
CREATE TYPE app.level AS ENUM ('a');
CREATE TYPE app.pair AS (a integer, b text);
CREATE TYPE app.span AS RANGE (SUBTYPE = integer);
COMMENT ON DOMAIN app.token IS 'password: made-up-pw1';
COMMENT ON TYPE app.level IS 'password: made-up-pw1';
COMMENT ON TYPE app.pair IS 'password: made-up-pw1';
COMMENT ON TYPE app.span IS 'password: made-up-pw1';

-- silent: domains and types without secrets
CREATE SCHEMA app;
CREATE DOMAIN app.token AS text DEFAULT 'none' CHECK (VALUE <> '');
CREATE TYPE app.pair AS (a integer, b text);
COMMENT ON TYPE app.pair IS 'two things';

-- fires: public.curl()
-- evidence: a password in the command line of COPY ... PROGRAM
-- fires: public.wget()
-- evidence: a password in the command line of COPY ... PROGRAM
-- fires: public.psql()
-- evidence: a password in the command line of COPY ... PROGRAM
-- fires: public.executed()
-- evidence: a password in the command line of COPY ... PROGRAM
-- fires: public.joined(text)
-- evidence: a connection string, address or document with a password
CREATE TABLE public.t (n integer);
CREATE FUNCTION public.curl() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN COPY public.t TO PROGRAM 'curl -u lis:made-up-pw -T - https://hub.example/in'; END $f$;
CREATE FUNCTION public.wget() RETURNS void LANGUAGE sql AS $f$
COPY public.t FROM PROGRAM 'wget --user=lis --password=made-up-pw -O - https://hub.example/out' $f$;
CREATE FUNCTION public.psql() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN COPY public.t TO PROGRAM 'PGPASSWORD=made-up-pw psql -h hub'; END $f$;
CREATE FUNCTION public.executed() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN EXECUTE 'COPY public.t TO PROGRAM ''curl --user "lis:made-up-pw" https://hub.example/in'''; END $f$;
CREATE FUNCTION public.joined(target text) RETURNS text LANGUAGE sql
AS $f$ SELECT 'curl -ulis:made-up-pw https://' || target $f$;

-- silent: programs that bring their password themselves
CREATE TABLE public.t (n integer);
CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
    COPY public.t TO PROGRAM 'curl --netrc -T - https://hub.example/in';
    COPY public.t TO PROGRAM 'curl -u "$LIS_USER:$LIS_PASSWORD" -T - https://hub.example/in';
    COPY public.t TO PROGRAM 'curl -u lis:$LIS_PASSWORD -T - https://hub.example:8443/in';
    COPY public.t TO PROGRAM 'sort -u https://hub.example/in';
    COPY public.t TO PROGRAM 'rsync --user lis host:/srv/in';
    COPY public.t TO PROGRAM 'psql -h hub';
    COPY public.t TO '/srv/t.csv';
END $f$;
