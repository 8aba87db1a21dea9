-- $1 is the file. It stands in the function, because whoever could choose it could read any file of the server.
SELECT pg_catalog.format($script$
CREATE OR REPLACE FUNCTION pgguard.host_key() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L;
ALTER FUNCTION pgguard.host_key() OWNER TO pgguard_host_key;
SELECT pgguard.hand_over('pgguard.host_key()', ARRAY['pgguard_keys'], false);
$script$, pg_catalog.format($body$
DECLARE
    content bytea;
    digits text;
BEGIN
    BEGIN
        content := pg_catalog.pg_read_binary_file(%1$L, 0, 100);
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION 'pgguard: the file with the key cannot be read on the server: %%', %1$L USING ERRCODE = 'PGG01';
    END;
    IF pg_catalog.octet_length(content) = 32 THEN
        RETURN content;
    END IF;
    digits := pg_catalog.btrim(pg_catalog.encode(content, 'escape'), E' \t\r\n');
    IF digits !~ '^[0-9A-Fa-f]{64}$' THEN
        RAISE EXCEPTION 'pgguard: there is no key in the file on the server: %%', %1$L USING ERRCODE = 'PGG01';
    END IF;
    RETURN pg_catalog.decode(digits, 'hex');
END
$body$, $1::text))
