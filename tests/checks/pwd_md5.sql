-- fires: labo
SET LOCAL password_encryption = 'md5';
CREATE ROLE labo LOGIN PASSWORD 'something-long-enough';

-- silent: SCRAM, and none
SET LOCAL password_encryption = 'scram-sha-256';
CREATE ROLE labo LOGIN PASSWORD 'something-long-enough';
CREATE ROLE other LOGIN;

-- unknown: no right to read pg_authid
-- as: watcher
CREATE ROLE watcher LOGIN;
