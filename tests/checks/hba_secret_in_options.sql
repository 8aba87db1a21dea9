-- fires: pg_hba.conf:2
-- evidence: radiussecrets
-- hba: hostssl all all 10.0.0.0/8 radius radiusservers=10.0.0.9 radiussecrets="made-up-4b1"
-- tls: on

-- silent: simple bind needs none
-- hba: hostssl all all 10.0.0.0/8 ldap ldapserver=ldap.example ldapprefix="uid="
-- tls: on

-- fires: pg_hba.conf:2
-- evidence: radiussecrets
-- hba: hostssl all all 10.0.0.0/8 radius radiusservers=10.0.0.9 radiussecrets="made-up-4b1"
