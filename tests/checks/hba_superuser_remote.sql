-- fires: postgres
-- evidence: line 2 (host all all 10.0.0.0/8 scram-sha-256)
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: a reject first, and other logins only
-- hba: host all postgres all reject
-- hba: host all all 10.0.0.0/8 scram-sha-256

-- silent: by a declared jump host
-- hba: host all postgres 10.1.1.1/32 scram-sha-256
-- policy: [networks]
-- policy: jump_hosts = ["10.1.1.1"]
