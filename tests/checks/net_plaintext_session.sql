-- The clients' addresses are made up: no test machine is sure to have a second network.

-- fires: labo
-- evidence: 2 sessions of labo without encryption from 10.1.2.3
-- fires: replica
-- evidence: 1 session of replica
-- versions: 13-
SET LOCAL allow_system_table_mods = on;
ALTER VIEW pg_catalog.pg_stat_activity RENAME TO pg_stat_activity_as_it_is;
ALTER VIEW pg_catalog.pg_stat_ssl RENAME TO pg_stat_ssl_as_it_is;
CREATE VIEW pg_catalog.pg_stat_activity AS
SELECT -pid AS pid, usename, 'lab'::name AS datname, 'lis'::text AS application_name, client_addr,
       now() AS backend_start, 'idle'::text AS state, backend_type
FROM (VALUES (1, 'labo'::name, '10.1.2.3'::inet, 'client backend'),
             (2, 'labo', '10.1.2.3', 'client backend'),
             (3, 'replica', 'fd00::3', 'walsender'),
             (4, 'secure', '10.1.2.3', 'client backend'),
             (5, 'near', '127.0.0.9', 'client backend'),
             (6, 'nearer', NULL, 'client backend')) AS s (pid, usename, client_addr, backend_type);
CREATE VIEW pg_catalog.pg_stat_ssl AS
SELECT -4 AS pid, true AS ssl, 'TLSv1.3'::text AS version, 'TLS_AES_256_GCM_SHA384'::text AS cipher,
       NULL::text AS client_dn;

-- silent: the machine itself, and TLS
-- connect: user=postgres
-- connect: user=postgres host=127.0.0.1 sslmode=require
-- connect: user=postgres host=127.0.0.1 sslmode=disable
-- tls: on

-- unknown: other roles' sessions are hidden
-- as: watcher
CREATE ROLE watcher LOGIN;
