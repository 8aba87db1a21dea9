-- fires: pgcrypto
-- evidence: CVE-2026-2005: a login can call
-- evidence: CVE-2026-14663: nothing stored here asks
-- severity: critical
-- versions: 10-13
CREATE ROLE c_martin LOGIN;
CREATE EXTENSION pgcrypto;

-- fires: pgcrypto
-- evidence: CVE-2026-2005: no login but superusers can call
-- severity: low
-- versions: 10-13
CREATE ROLE c_martin LOGIN;
CREATE SCHEMA apart;
CREATE EXTENSION pgcrypto SCHEMA apart;

-- fires: pgcrypto
-- evidence: lab.seal(text) ask for ciphers
-- severity: critical
-- versions: 14-14
CREATE SCHEMA lab;
CREATE EXTENSION pgcrypto;
CREATE FUNCTION lab.seal(t text) RETURNS bytea LANGUAGE sql AS $f$
    SELECT public.pgp_sym_encrypt(t, current_setting('lab.key'), 'compress-algo=1, cipher-algo = bf')
$f$;

-- fires: pgcrypto
-- evidence: applications may
-- severity: low
-- versions: 14-14
CREATE EXTENSION pgcrypto;

-- silent: corrected minor versions
-- versions: 16-
CREATE EXTENSION pgcrypto;

-- silent: not in use
SELECT 1;
