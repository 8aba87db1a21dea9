-- fires: lab.empreinte(text)
-- evidence: digest() by MD5 of nir
-- severity: high
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nir text, nom text);
CREATE FUNCTION lab.empreinte(nir text) RETURNS bytea LANGUAGE sql AS $body$ SELECT digest(nir, 'md5') $body$;

-- fires: lab.empreinte(text)
-- evidence: digest() by SHA1 of p_nir; md5() of p_nir
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE TABLE lab.patient (nir text, nom text);
CREATE FUNCTION lab.empreinte(p_nir text) RETURNS text LANGUAGE sql
AS $body$ SELECT md5('salt' || lower($1)) || digest(p_nir, 'SHA1') $body$;

-- fires: lab.seal(text)
-- evidence: encrypt() by DES; encrypt() in ECB mode
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto SCHEMA lab;
CREATE FUNCTION lab.seal(v text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT lab.encrypt(v::bytea, current_setting('app.key')::bytea, 'des-ecb/pad:pkcs') $body$;

-- fires: public.seal(text)
-- evidence: encrypt() without an IV
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.seal(v text) RETURNS bytea LANGUAGE plpgsql
AS $body$ BEGIN RETURN encrypt(v::bytea, current_setting('app.key')::bytea, 'aes'); END $body$;

-- fires: public.seal(text)
-- evidence: encrypt_iv() by 3DES; encrypt_iv() with an IV that is always the same
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.seal(v text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT encrypt_iv(v::bytea, current_setting('app.key')::bytea, '0123456789012345', '3des') $body$;

-- fires: public.seal(text, text)
-- evidence: pgp_sym_encrypt() by BF; pgp_sym_encrypt() without protection against changes (disable-mdc); pgp_sym_encrypt() with a key made from the passphrase without salt (s2k-mode=0)
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.seal(v text, k text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(v, k, 'cipher-algo=bf, disable-mdc=1, s2k-mode=0') $body$;

-- fires: public.users.hash
-- evidence: passwords hashed by crypt() with DES
-- fires: public.v_users
-- evidence: md5() of password
CREATE EXTENSION pgcrypto;
CREATE TABLE public.users (login text, password text, hash text DEFAULT crypt('x', gen_salt('des')));
CREATE VIEW public.v_users AS SELECT login, md5(password) AS digest FROM public.users;

-- fires: public.etag(bytea)
-- evidence: digest() by SHA1
-- severity: low
CREATE EXTENSION pgcrypto;
CREATE FUNCTION public.etag(content bytea) RETURNS bytea LANGUAGE sql AS $body$ SELECT digest(content, 'sha1') $body$;

-- silent: strong primitives, digests of no secret, other people's functions
CREATE EXTENSION pgcrypto;
CREATE TABLE public.patient (nir text, nom text);
CREATE TABLE public.page (url text, etag text DEFAULT md5(random()::text));
CREATE FUNCTION public.seal(v text, k text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT pgp_sym_encrypt(v, k, 'cipher-algo=aes256, s2k-mode=3, compress-algo=1') $body$;
CREATE FUNCTION public.seal_iv(v text, k bytea) RETURNS bytea LANGUAGE plpgsql AS $body$
DECLARE iv bytea := gen_random_bytes(16);
BEGIN RETURN iv || encrypt_iv(v::bytea, k, iv, 'aes-cbc/pad:pkcs'); END
$body$;
CREATE FUNCTION public.pseudonym(nir text, k text) RETURNS bytea LANGUAGE sql
AS $body$ SELECT hmac(nir, k, 'sha256') || digest(nir, 'sha512') $body$;
CREATE FUNCTION public.hash(password text) RETURNS text LANGUAGE sql
AS $body$ SELECT crypt(password, gen_salt('bf', 12)) $body$;
CREATE FUNCTION public.cache_key(url text) RETURNS text LANGUAGE sql AS $body$ SELECT md5(url) $body$;
CREATE SCHEMA own;
CREATE FUNCTION own.encrypt(a text, b text, c text) RETURNS text LANGUAGE sql AS $body$ SELECT a $body$;
CREATE FUNCTION own.use_it(a text) RETURNS text LANGUAGE sql AS $body$ SELECT own.encrypt(a, a, 'des') $body$;

-- fires: public.hash_password(text)
-- evidence: md5() of what hash_password() is given
-- severity: high
-- fires: public.keep_hash()
-- evidence: md5() of password
-- severity: high
CREATE TABLE public.users (login text, password text);
CREATE FUNCTION public.hash_password(t text) RETURNS text LANGUAGE sql AS $body$ SELECT md5(t || 'salt') $body$;
CREATE FUNCTION public.keep_hash() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN NEW.password := md5(NEW.password); RETURN NEW; END $body$;
