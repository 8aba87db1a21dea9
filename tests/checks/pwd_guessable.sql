-- fires: labo
-- evidence: login's own name
-- fires: app
-- evidence: a database's name
-- fires: other
-- evidence: everybody tries first
SET LOCAL password_encryption = 'scram-sha-256';
CREATE ROLE labo LOGIN PASSWORD 'labo';
CREATE ROLE app LOGIN PASSWORD 'lab';
SET LOCAL password_encryption = 'md5';
CREATE ROLE other LOGIN PASSWORD 'azerty';

-- silent: nothing to guess
CREATE ROLE labo LOGIN PASSWORD 'vZ8-q1-nothing-to-guess';

-- unknown: no right to read pg_authid
-- as: watcher
CREATE ROLE watcher LOGIN;
