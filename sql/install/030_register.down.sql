-- Takes the versions of the register away, as long as there is but the first: what was recorded later stays.
DO $down$
BEGIN
    IF pg_catalog.to_regclass('pgguard.register_version') IS NULL THEN
        RETURN;
    END IF;
    IF (SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 FROM pgguard.register_version) THEN
        RAISE EXCEPTION 'pgguard: versions of the register were recorded since: they are evidence, and stay';
    END IF;
    DROP TABLE pgguard.register_version;
    DROP FUNCTION pgguard.register_is_kept();
END
$down$;
