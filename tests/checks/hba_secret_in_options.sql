-- fires: pg_hba.conf:2
-- evidence: ldapbindpasswd
-- hba: hostssl all all 10.0.0.0/8 ldap ldapserver=ldap.example ldapbasedn="dc=example" ldapbinddn="cn=x" ldapbindpasswd="made-up-4b1"
-- tls: on

-- silent: simple bind needs none
-- hba: hostssl all all 10.0.0.0/8 ldap ldapserver=ldap.example ldapprefix="uid="
-- tls: on
