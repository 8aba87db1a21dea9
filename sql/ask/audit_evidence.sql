-- Whether the seals of the audit store are there and shown; row security hides them, without an error, from
-- who is not a member of the audit's roles. A table that is not what pgguard installs is not read at all.
SELECT count(*) > 0 AND bool_and(trusted AND shown) AS readable,
       CASE WHEN count(*) = 0 THEN ''
            WHEN NOT bool_and(trusted) THEN 'pgguard_audit.seal is not the table that pgguard installs'
            ELSE 'the server hides the audit''s seals from ' || current_user || ': GRANT pgguard_audit_keeper TO it'
            END AS reason
FROM (
    SELECT c.relkind = 'r' AND NOT c.relhasrules AND (o.rolsuper OR o.rolname = 'pgguard_audit_owner') AS trusted,
           has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AND (
               NOT row_security_active(c.oid) OR EXISTS (
                   SELECT FROM pg_catalog.pg_roles AS r
                   WHERE r.rolname IN ('pgguard_audit_reader', 'pgguard_audit_keeper') AND pg_has_role(r.oid, 'USAGE'))) AS shown
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
    WHERE n.nspname = 'pgguard_audit' AND c.relname IN ('seal', 'verification')
) AS tables;
