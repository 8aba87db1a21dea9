-- fires: cluster
-- evidence: 2 logins get in with no authentication (superuser postgres among them): into lab, postgres
-- evidence: from 0.0.0.0/0, by line 2
-- severity: critical
-- hba: host all all 0.0.0.0/0 trust
CREATE ROLE app LOGIN;

-- fires: cluster
-- evidence: 1 login gets in with no authentication: into lab, from the local socket, by line 2
-- severity: high
-- hba: local lab app trust
CREATE ROLE app LOGIN;

-- fires: cluster
-- evidence: from 10.0.0.0/9, by line 3
-- hba: host lab app 10.128.0.0/9 scram-sha-256
-- hba: host lab app 10.0.0.0/8 trust
CREATE ROLE app LOGIN;

-- fires: cluster
-- evidence: into the whole cluster as a standby, from samenet
-- hba: host replication copy samenet trust
CREATE ROLE copy LOGIN REPLICATION;

-- fires: cluster
-- evidence: 1 login gets in
-- hba: host "all" all 0.0.0.0/0 trust
-- hba: host all "all" 0.0.0.0/0 reject
-- hba: host lab app 10.0.0.0/8 trust
CREATE ROLE app LOGIN;

-- silent: covered by earlier rules, or nobody whom the server would take
-- hba: host all postgres all reject
-- hba: host replication all all scram-sha-256
-- hba: host lab app all scram-sha-256
-- hba: host all all 10.0.0.0/8 trust
CREATE ROLE app LOGIN;
CREATE ROLE staff NOLOGIN;
CREATE ROLE guest LOGIN CONNECTION LIMIT 0;
CREATE ROLE outsider LOGIN;
REVOKE CONNECT, TEMPORARY ON DATABASE lab, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE lab TO app;

-- silent: a database that takes nobody
-- hba: host closed all all trust
CREATE ROLE app LOGIN;
UPDATE pg_database SET datallowconn = false WHERE datname = 'template1';
ALTER DATABASE template1 RENAME TO closed;

-- silent: a throwaway cluster may trust its own machine
-- hba: local all all trust
-- hba: host all all 127.0.0.1/32 trust
-- policy: [cluster]
-- policy: throwaway = true

-- unknown: the file is not what the server has loaded
-- hba: local all all scram-sha-256
-- hba: host all all 10.0.0.0/99 scram-sha-256
