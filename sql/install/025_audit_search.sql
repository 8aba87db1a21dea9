-- Audit: what searching the store needs. Run after 021_audit_code.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- Writers pay for one index, that by which a patient's history is found. Others are made here on partitions whose
-- time is past, where nobody writes any more.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
END
$quiet$;

-- Everybody that an entry names. The planner replaces it by its body; parsed now, it calls nothing of others.
CREATE OR REPLACE FUNCTION pgguard_audit.people(login text, role text, authenticated text, claimed text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[$1, $2, $3, pg_catalog.split_part($3, ':', 2), $4, pg_catalog.split_part($4, 'unsigned: ', 2)];
COMMENT ON FUNCTION pgguard_audit.people(text, text, text, text) IS
    'login, role, who was authenticated (with its method and without) and the claimed end user (signed or not) of an entry';

CREATE OR REPLACE FUNCTION pgguard_audit.part_bounds()
RETURNS TABLE (part regclass, first timestamp with time zone, last timestamp with time zone, rows real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT c.oid::regclass,
        pg_catalog.substring(b.bound, 'FROM \(''([^'']+)''\)')::timestamp with time zone,
        pg_catalog.substring(b.bound, 'TO \(''([^'']+)''\)')::timestamp with time zone, c.reltuples
    FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid)) AS b (bound)
    WHERE i.inhparent = 'pgguard_audit.entry'::regclass
    ORDER BY 2 NULLS LAST
$$;
COMMENT ON FUNCTION pgguard_audit.part_bounds() IS
    'partitions of the store, with the time that each is for; that without a time takes what has no other';

-- One index a call, so that no transaction is longer than it has to be: seals wait for the oldest one.
CREATE OR REPLACE FUNCTION pgguard_audit.index_past() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(7231905, 1);
    SELECT pg_catalog.format('%s_%s', c.relname, w.suffix) AS name, b.part, w.definition INTO one
    FROM pgguard_audit.part_bounds() AS b JOIN pg_catalog.pg_class AS c ON c.oid = b.part
    CROSS JOIN (VALUES (1, 'people', 'USING gin (pgguard_audit.people(login, role, authenticated, claimed)) WITH (fastupdate = off)'),
        (2, 'shape_at', '(shape, at)'), (3, 'key', '(key)')) AS w (place, suffix, definition)
    -- what is written now has a time that may be a moment old
    WHERE b.last < pg_catalog.now() - interval '1 hour'
        AND pg_catalog.to_regclass(pg_catalog.format('pgguard_audit.%I', pg_catalog.format('%s_%s', c.relname, w.suffix))) IS NULL
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
GRANT EXECUTE ON FUNCTION pgguard_audit.people(text, text, text, text), pgguard_audit.part_bounds() TO pgguard_audit_reader, pgguard_audit_keeper;
GRANT EXECUTE ON FUNCTION pgguard_audit.index_past() TO pgguard_audit_keeper;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '025_audit_search');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
END
$told$;
