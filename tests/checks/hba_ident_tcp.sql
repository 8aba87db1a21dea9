-- fires: pg_hba.conf:2
-- hba: host all all 10.0.0.0/8 ident

-- silent: peer on the socket
-- hba: local all all peer
-- hba: host all all 10.0.0.0/8 scram-sha-256
