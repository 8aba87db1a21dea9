-- Audit: what searching the store needs. Run after 021_audit_code.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- Writers pay for one index, that by which a patient's history is found. Others are made here on partitions whose
-- time is past, where nobody writes any more.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    -- operators and functions of PostgreSQL only, whatever schemas whoever runs this has on his path
    PERFORM pg_catalog.set_config('pgguard.path_before', pg_catalog.current_setting('search_path'), false),
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '');
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
END
$quiet$;

CREATE OR REPLACE FUNCTION pgguard_audit.part_bounds()
RETURNS TABLE (part regclass, first timestamp with time zone, last timestamp with time zone)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT c.oid::regclass,
        pg_catalog.substring(b.bound, 'FROM \(''([^'']+)''\)')::timestamp with time zone,
        pg_catalog.substring(b.bound, 'TO \(''([^'']+)''\)')::timestamp with time zone
    FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid)) AS b (bound)
    WHERE i.inhparent = 'pgguard_audit.entry'::regclass
    ORDER BY 2 NULLS LAST
$$;
COMMENT ON FUNCTION pgguard_audit.part_bounds() IS
    'partitions of the store, with the time that each is for; that without a time takes what has no other';

CREATE OR REPLACE FUNCTION pgguard_audit.since() RETURNS timestamp with time zone
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.created_at FROM pgguard_audit.installation AS i
$$;
COMMENT ON FUNCTION pgguard_audit.since() IS 'when the store was made: it tells nothing of the time before';

-- One index a call, so that no transaction is longer than it has to be: seals wait for the oldest one.
CREATE OR REPLACE FUNCTION pgguard_audit.index_past() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    -- one at a time. Any login could hold an advisory lock
    PERFORM FROM pgguard_audit.installation FOR UPDATE;
    SELECT pg_catalog.format('%s_%s', c.relname, w.suffix) AS name, b.part, w.definition INTO one
    FROM pgguard_audit.part_bounds() AS b JOIN pg_catalog.pg_class AS c ON c.oid = b.part
    CROSS JOIN (VALUES (1, 'login', '(login)'), (2, 'role', '(role)'), (3, 'authenticated', '(authenticated)'),
        (4, 'claimed', '(claimed) WHERE claimed IS NOT NULL'), (5, 'shape_at', '(shape, at)'), (6, 'key', '(key)'))
        AS w (place, suffix, definition)
    -- what is written now has a time that may be a moment old
    WHERE b.last < pg_catalog.now() - interval '1 hour' AND pg_catalog.pg_relation_size(b.part) > 0
        AND pg_catalog.to_regclass(
            pg_catalog.format('pgguard_audit.%I', pg_catalog.format('%s_%s', c.relname, w.suffix))) IS NULL
    ORDER BY b.last DESC, w.place LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    EXECUTE pg_catalog.format('CREATE INDEX %I ON %s %s', one.name, one.part, one.definition);
    RETURN one.name;
END
$$;
COMMENT ON FUNCTION pgguard_audit.index_past() IS
    'makes the next index that is missing on a partition whose time is past, and returns its name, NULL when there is none left: by person, by table and time, by key; reading goes on meanwhile';

SELECT pgguard_audit.settle();
GRANT EXECUTE ON FUNCTION pgguard_audit.part_bounds(), pgguard_audit.since()
    TO pgguard_audit_reader, pgguard_audit_keeper;
GRANT EXECUTE ON FUNCTION pgguard_audit.index_past() TO pgguard_audit_keeper;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '025_audit_search');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
