-- fires: boss
CREATE ROLE boss SUPERUSER LOGIN;

-- silent: declared, or without LOGIN
-- policy: [administrators]
-- policy: roles = ["dba_martin"]
CREATE ROLE dba_martin SUPERUSER LOGIN;
CREATE ROLE dormant SUPERUSER NOLOGIN;
