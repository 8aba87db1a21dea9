DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgguard_host_key') THEN
        CREATE ROLE pgguard_host_key NOLOGIN;
        COMMENT ON ROLE pgguard_host_key IS 'pgguard: reads the file with the key-encryption key; nobody logs in as it';
    END IF;
    GRANT pg_read_server_files TO pgguard_host_key;
    GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint) TO pgguard_host_key;
END
$role$;
