-- Who reads, what that role could do besides, and the moment of the snapshot that this statement takes.
SELECT
    session_user::text,
    current_user::text,
    pg_catalog.current_database()::text,
    r.rolsuper,
    r.rolbypassrls,
    r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
    EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid),
    EXISTS (
        SELECT FROM pg_catalog.pg_shdepend AS d
        WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid AND d.deptype = 'o'
    ),
    pg_catalog.current_setting('server_version'),
    pg_catalog.pg_is_in_recovery(),
    pg_catalog.to_char(pg_catalog.statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    pg_catalog.txid_current_snapshot()::text,
    pg_catalog.current_setting('server_encoding'),
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),
    CASE WHEN pg_catalog.pg_is_in_recovery()
        THEN pg_catalog.has_function_privilege('pg_catalog.pg_last_wal_replay_lsn()', 'EXECUTE')
        ELSE pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE') END
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = current_user;
