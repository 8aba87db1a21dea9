-- Whether the audit store is there and says what it audits: to members of its roles.
SELECT count(*) > 0 AND bool_and(trusted AND shown) AS readable,
       CASE WHEN count(*) = 0 THEN ''
            WHEN NOT bool_and(trusted) THEN 'pgguard_audit.audit_states() is not the function that pgguard installs'
            ELSE 'the server hides what is audited from ' || current_user || ': GRANT pgguard_audit_keeper TO it'
            END AS reason
FROM (
    SELECT p.prosecdef AND o.rolname = 'pgguard_audit_owner' AS trusted,
           has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE') AS shown
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
    WHERE n.nspname = 'pgguard_audit' AND p.proname = 'audit_states'
) AS functions;
