-- Audit: evidence that no entry was changed, deleted or put in afterwards. Run after 022_audit_ddl.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- `pgguard audit seal` puts finished transactions' entries under a Merkle tree (RFC 6962, 2.1) every few seconds. A
-- seal holds the tree's root and the hash of the seal before it. Writers wait for nothing and know nothing of it.
-- What is believed is the newest seal, which is kept outside this database too: whoever can do anything here can
-- rewrite all that is here.
--
-- Who may do what: pgguard_audit_keeper seals; pgguard_audit_eraser purges and erases, which leaves entries of its own;
-- pgguard_audit_erasure, which cannot log in and has no members, owns the one function that empties columns of entries.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    -- operators and functions of PostgreSQL only, whatever schemas whoever runs this has on his path
    PERFORM pg_catalog.set_config('pgguard.path_before', pg_catalog.current_setting('search_path'), false),
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '');
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
END
$quiet$;

DO $roles$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit_eraser', 'pgguard_audit_erasure'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = one) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', one);
        END IF;
        IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = one AND (rolcanlogin OR rolsuper)) THEN
            RAISE EXCEPTION 'pgguard: the role % can log in, or is a superuser: find out who made it so, then ALTER ROLE % NOLOGIN NOSUPERUSER', one, one;
        END IF;
    END LOOP;
    COMMENT ON ROLE pgguard_audit_eraser IS 'pgguard: purges the audit store, and erases what it holds of a person';
    COMMENT ON ROLE pgguard_audit_erasure IS 'pgguard: owns the function that erases; nobody logs in as it, and nobody should be a member';
    GRANT USAGE ON SCHEMA pgguard_audit TO pgguard_audit_eraser, pgguard_audit_erasure;
END
$roles$;

-- A generation is the time that the store spent in one cluster: a dump that is restored into another brings numbers of
-- transactions that mean nothing there. Entries with xid < old_xid and id <= old_id, and those with xid >= rest_xid and
-- id <= rest_id, are older than the generation: numbers of entries go on where the dump ended. NULL: there are none.
CREATE TABLE IF NOT EXISTS pgguard_audit.generation (
    number integer PRIMARY KEY,
    place text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    old_xid bigint,
    old_id bigint,
    rest_xid bigint,
    rest_id bigint
);
COMMENT ON TABLE pgguard_audit.generation IS
    'the clusters that the store was in, by pgguard_audit.place(), and by which numbers entries of before are known';

CREATE TABLE IF NOT EXISTS pgguard_audit.seal (
    number bigint PRIMARY KEY,
    generation integer NOT NULL,
    rest boolean NOT NULL,
    xid_from bigint NOT NULL,
    xid_to bigint NOT NULL,
    entries bigint NOT NULL CHECK (entries > 0),
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    encoding text NOT NULL,
    root bytea NOT NULL CHECK (pg_catalog.octet_length(root) = 32),
    previous bytea NOT NULL CHECK (pg_catalog.octet_length(previous) = 32),
    hash bytea NOT NULL CHECK (pg_catalog.octet_length(hash) = 32),
    head bytea NOT NULL CHECK (pg_catalog.octet_length(head) = 32),
    edge bytea NOT NULL
);
COMMENT ON TABLE pgguard_audit.seal IS
    'a seal covers the entries of its generation with xid_from <= xid < xid_to, in the order of xid and id; rest: those that a generation left unsealed';
COMMENT ON COLUMN pgguard_audit.seal.encoding IS 'in which texts were hashed: UTF8, but in databases of another encoding that one';
COMMENT ON COLUMN pgguard_audit.seal.root IS 'head of the Merkle tree of the entries (RFC 6962, 2.1)';
COMMENT ON COLUMN pgguard_audit.seal.head IS 'head of the Merkle tree of the hashes of all seals up to this one';
COMMENT ON COLUMN pgguard_audit.seal.edge IS 'what that tree needs to grow: the heads of its full subtrees, the largest first';
CREATE UNIQUE INDEX IF NOT EXISTS seal_xid ON pgguard_audit.seal (generation, xid_from) WHERE NOT rest;

CREATE TABLE IF NOT EXISTS pgguard_audit.seal_leaf (
    seal bigint NOT NULL,
    part integer NOT NULL,
    leaves bytea NOT NULL,
    PRIMARY KEY (seal, part)
);
ALTER TABLE pgguard_audit.seal_leaf ALTER COLUMN leaves SET STORAGE EXTERNAL, ALTER COLUMN leaves SET STATISTICS 0;
COMMENT ON TABLE pgguard_audit.seal_leaf IS
    'for each entry of a seal 32 bytes: id, salt (16), beginning of its leaf (8). It is needed to verify and to name an entry, and is not what is believed';

CREATE TABLE IF NOT EXISTS pgguard_audit.verification (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamp with time zone NOT NULL,
    by_login text NOT NULL,
    first_seal bigint NOT NULL,
    last_seal bigint NOT NULL,
    last_hash bytea NOT NULL,
    anchored boolean NOT NULL,
    ok boolean NOT NULL,
    first_bad_id bigint,
    first_bad_seal bigint,
    said text
);
COMMENT ON TABLE pgguard_audit.verification IS 'what `pgguard audit verify` found, for those who look at the server only';

CREATE TABLE IF NOT EXISTS pgguard_audit.purged (
    number integer PRIMARY KEY,
    partition text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    entries bigint NOT NULL,
    first_seal bigint,
    last_seal bigint,
    purged_at timestamp with time zone NOT NULL,
    by_login text NOT NULL,
    digest bytea NOT NULL
);
COMMENT ON TABLE pgguard_audit.purged IS
    'partitions that were dropped when their time was over; digest covers purged_seal up to here, and an entry of the audit holds it';
CREATE TABLE IF NOT EXISTS pgguard_audit.purged_seal (
    seal bigint NOT NULL,
    purge integer NOT NULL,
    entries bigint NOT NULL,
    leaves bytea,
    PRIMARY KEY (seal, purge)
);
ALTER TABLE pgguard_audit.purged_seal ALTER COLUMN leaves SET STORAGE EXTERNAL;
COMMENT ON TABLE pgguard_audit.purged_seal IS
    'how many entries of a seal went with a partition; leaves (id, hash) where others of the seal stayed, so that its root can still be computed';

CREATE TABLE IF NOT EXISTS pgguard_audit.erasure (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    erased_at timestamp with time zone NOT NULL,
    by_login text NOT NULL,
    relation text,
    reason text NOT NULL,
    entries bigint NOT NULL
);
COMMENT ON TABLE pgguard_audit.erasure IS
    'erasures of what the audit held of a person; which entries, the entries AUDIT ERASED tell';

-- Rows to lock, so that a job has one worker. Any login could hold an advisory lock.
CREATE TABLE IF NOT EXISTS pgguard_audit.job (
    name text PRIMARY KEY
);
COMMENT ON TABLE pgguard_audit.job IS 'what one session does at a time: it locks the row';
INSERT INTO pgguard_audit.job VALUES ('erase or purge') ON CONFLICT DO NOTHING;

-- Floor under pgguard_audit.purge(), whoever calls it.
ALTER TABLE pgguard_audit.installation ADD COLUMN IF NOT EXISTS keep interval NOT NULL DEFAULT '6 months';
COMMENT ON COLUMN pgguard_audit.installation.keep IS 'how long entries are kept at least';

-- No row of these is ever changed; wiping a salt and dropping what was purged are let through append_only() by word.
DO $guards$
DECLARE
    one regclass;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit.generation', 'pgguard_audit.seal', 'pgguard_audit.seal_leaf',
        'pgguard_audit.verification', 'pgguard_audit.purged', 'pgguard_audit.purged_seal', 'pgguard_audit.erasure']::regclass[]
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = one AND tgname = 'pgguard_append_only') THEN
            EXECUTE pg_catalog.format('CREATE TRIGGER pgguard_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                FOR EACH STATEMENT EXECUTE FUNCTION pgguard_audit.append_only()', one);
        END IF;
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pgguard_append_only', one);
        EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO pgguard_audit_owner', one);
        EXECUTE pg_catalog.format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM pgguard_audit_owner', one);
    END LOOP;
    GRANT DELETE ON pgguard_audit.seal_leaf TO pgguard_audit_owner;
END
$guards$;

-- the hash of a seal: of its fields as fixed-length integers in network byte order, which no setting changes
CREATE OR REPLACE FUNCTION pgguard_audit.seal_hash(one pgguard_audit.seal) RETURNS bytea
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.sha256('pgguard seal 1'::bytea || pg_catalog.int8send(one.number) || pg_catalog.int4send(one.generation)
        || pg_catalog.boolsend(one.rest) || pg_catalog.int8send(one.xid_from) || pg_catalog.int8send(one.xid_to)
        || pg_catalog.int8send(one.entries) || pg_catalog.int8send(one.first_id) || pg_catalog.int8send(one.last_id)
        || pg_catalog.timestamptz_send(one.sealed_at) || one.root || one.previous
        || pg_catalog.convert_to(one.encoding, 'UTF8'))
$$;

-- The leaves of entries, with new salts: id (8), salt (16), leaf (32), in the order of xid and id. Whoever seals need not
-- read what entries hold. not_before only leaves partitions aside; of a new partition the planner has no statistics. Texts are hashed in the database's encoding.
CREATE OR REPLACE FUNCTION pgguard_audit.leaves(
    xid_from bigint, xid_to bigint, not_before timestamp with time zone, old_xid bigint DEFAULT 0, old_id bigint DEFAULT 0
) RETURNS SETOF bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET client_encoding = 'UTF8' SET work_mem = '64MB' SET plan_cache_mode = 'force_custom_plan'
SET enable_seqscan = off SET jit = off AS $$
BEGIN
    PERFORM pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding()::text, true);
    RETURN QUERY
        SELECT pg_catalog.int8send(e.id) || e.salt || pg_catalog.sha256('\x00'::bytea
            || pg_catalog.record_send(ROW(e.id, e.at, e.began, e.xid, e.backend_start, e.pid, e.shape, e.verb, e.login, e.role,
                e.authenticated, e.client, e.application, e.claimed, e.object, e.changed))
            || pg_catalog.sha256(e.salt || pg_catalog.record_send(ROW(e.key, e.subject, e.subject_before, e.old, e.new, e.sealed))))
        FROM (
            SELECT *, pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) AS salt FROM pgguard_audit.entry AS f
            WHERE f.xid >= leaves.xid_from AND f.xid < leaves.xid_to AND f.at >= leaves.not_before
                AND NOT (f.xid < leaves.old_xid AND f.id <= leaves.old_id)
                AND NOT EXISTS (
                    SELECT FROM pgguard_audit.generation AS g
                    WHERE f.xid < g.old_xid AND f.id <= g.old_id OR f.xid >= g.rest_xid AND f.id <= g.rest_id)
        ) AS e
        ORDER BY e.xid, e.id;
END
$$;

-- What entries mean is evidence too: each shape is told by an entry, when it is made and when older entries go.
CREATE OR REPLACE FUNCTION pgguard_audit.tell_shape(one pgguard_audit.shape) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_encoding = 'UTF8' AS $$
BEGIN
    PERFORM pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding()::text, true);
    PERFORM pgguard_audit.note('AUDIT SHAPE', one.id::text, NULL, ARRAY[
        pg_catalog.encode(pg_catalog.sha256(pg_catalog.record_send(ROW(one.id, one.relation, one.columns, one.recorded, one.sealed,
            one.cipher, one.tagged, one.key, one.subject, one.made_at))), 'hex'), pg_catalog.getdatabaseencoding()::text]);
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.on_shape() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pgguard_audit.tell_shape(NEW);
    RETURN NULL;
END
$$;
DO $shapes$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = 'pgguard_audit.shape'::regclass AND tgname = 'pgguard_shape')
    THEN
        CREATE TRIGGER pgguard_shape AFTER INSERT ON pgguard_audit.shape
            FOR EACH ROW EXECUTE FUNCTION pgguard_audit.on_shape();
        ALTER TABLE pgguard_audit.shape ENABLE ALWAYS TRIGGER pgguard_shape;
        PERFORM pgguard_audit.tell_shape(s) FROM pgguard_audit.shape AS s ORDER BY s.id;
    END IF;
END
$shapes$;

-- The seal that covers an entry; NULL: none does yet.
CREATE OR REPLACE FUNCTION pgguard_audit.seal_of(xid bigint, id bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH ended (generation, rest) AS (
        SELECT g.number - 1, NOT (seal_of.xid < g.old_xid AND seal_of.id <= g.old_id) FROM pgguard_audit.generation AS g
        WHERE seal_of.xid < g.old_xid AND seal_of.id <= g.old_id OR seal_of.xid >= g.rest_xid AND seal_of.id <= g.rest_id
        ORDER BY g.number LIMIT 1
    ), its (generation, rest) AS (
        SELECT e.generation, e.rest FROM ended AS e
        UNION ALL
        SELECT pg_catalog.max(g.number), false FROM pgguard_audit.generation AS g WHERE NOT EXISTS (SELECT FROM ended)
    )
    SELECT s.number FROM its AS i CROSS JOIN LATERAL (
        (SELECT r.number, r.xid_to FROM pgguard_audit.seal AS r
         WHERE NOT i.rest AND r.generation = i.generation AND NOT r.rest AND r.xid_from <= seal_of.xid
         ORDER BY r.xid_from DESC LIMIT 1)
        UNION ALL
        (SELECT r.number, r.xid_to FROM pgguard_audit.seal AS r WHERE i.rest AND r.generation = i.generation AND r.rest)
    ) AS s
    WHERE seal_of.xid < s.xid_to
$$;

-- Which cluster the store is in. Clusters that were copied from one image have the same identifier; the oid of a table
-- tells a restored dump there. Standbys, backups of files and pg_upgrade keep the oid.
CREATE OR REPLACE FUNCTION pgguard_audit.place() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.format('%s/%s', c.system_identifier, 'pgguard_audit.seal'::regclass::oid) FROM pg_catalog.pg_control_system() AS c
$$;

-- which store this is: not a secret
CREATE OR REPLACE FUNCTION pgguard_audit.store_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.id FROM pgguard_audit.installation AS i
$$;

-- what the next seal begins from
CREATE OR REPLACE FUNCTION pgguard_audit.sealing(
    OUT installation uuid, OUT place text, OUT at_once timestamp with time zone, OUT generation integer,
    OUT generation_place text, OUT number bigint, OUT hash bytea, OUT edge bytea, OUT sealed_xid bigint, OUT sealed_id bigint,
    OUT xmin bigint, OUT xmax bigint, OUT encoding text
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT i.id, pgguard_audit.place(), pg_catalog.now(), pg_catalog.getdatabaseencoding()::text,
        pg_catalog.pg_snapshot_xmin(s)::text::bigint, pg_catalog.pg_snapshot_xmax(s)::text::bigint
    INTO sealing.installation, place, at_once, encoding, xmin, xmax
    FROM pgguard_audit.installation AS i, pg_catalog.pg_current_snapshot() AS s;
    SELECT g.number, g.place INTO generation, generation_place FROM pgguard_audit.generation AS g ORDER BY g.number DESC LIMIT 1;
    generation := coalesce(generation, 0);
    SELECT s.number, s.hash, s.edge INTO number, hash, edge FROM pgguard_audit.seal AS s ORDER BY s.number DESC LIMIT 1;
    SELECT s.xid_to INTO sealed_xid FROM pgguard_audit.seal AS s
    WHERE s.generation = sealing.generation AND NOT s.rest ORDER BY s.xid_from DESC LIMIT 1;
    number := coalesce(number, 0);
    hash := coalesce(hash, pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'));
    edge := coalesce(edge, ''::bytea);
    sealed_xid := coalesce(sealed_xid, 0);
    -- needed once, when a generation ends
    IF generation_place IS DISTINCT FROM place THEN
        SELECT pg_catalog.max(s.last_id) INTO sealed_id FROM pgguard_audit.seal AS s;
    END IF;
    sealed_id := coalesce(sealed_id, 0);
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.add_leaves(seal bigint, part integer, leaves bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    IF seal <= (SELECT coalesce(pg_catalog.max(s.number), 0) FROM pgguard_audit.seal AS s) THEN
        RAISE EXCEPTION 'pgguard: seal % is made already', seal USING ERRCODE = 'PGA05';
    END IF;
    INSERT INTO pgguard_audit.seal_leaf (seal, part, leaves) VALUES (seal, part, leaves);
END
$$;

-- Adds a seal that goes on where the last one ended, and nothing else.
CREATE OR REPLACE FUNCTION pgguard_audit.add_seal(
    generation integer, rest boolean, xid_from bigint, xid_to bigint, entries bigint, first_id bigint, last_id bigint,
    root bytea, hash bytea, head bytea, edge bytea
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    last record := pgguard_audit.sealing();
    made pgguard_audit.seal;
    wrong text;
BEGIN
    made := ROW(last.number + 1, generation, rest, xid_from, xid_to, entries, first_id, last_id, last.at_once, last.encoding,
        root, last.hash, hash, head, edge);
    wrong := CASE
        WHEN pgguard_audit.seal_hash(made) IS DISTINCT FROM hash THEN 'its hash is not that of a seal after the last one'
        WHEN NOT rest AND (generation, last.place) IS DISTINCT FROM (last.generation, last.generation_place) THEN 'another generation'
        WHEN NOT rest AND xid_from <> last.sealed_xid THEN 'it does not begin where the last one ended'
        WHEN NOT rest AND (xid_to > last.xmin OR xid_to <= xid_from) THEN 'transactions in it are not finished'
        WHEN rest AND (generation <> last.generation OR last.place IS NOT DISTINCT FROM last.generation_place
            OR xid_from <> last.xmax OR xid_to <> 9223372036854775807
            OR EXISTS (SELECT FROM pgguard_audit.seal AS s WHERE s.generation = made.generation AND s.rest)) THEN 'nothing was left over'
        WHEN pg_catalog.octet_length(edge) % 32 <> 0 OR first_id > last_id THEN 'its fields contradict each other'
        WHEN entries * 32 IS DISTINCT FROM (
            SELECT pg_catalog.sum(pg_catalog.octet_length(l.leaves)) FROM pgguard_audit.seal_leaf AS l WHERE l.seal = made.number)
            THEN 'its salts are not there'
    END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'pgguard: seal % is refused: %', made.number, wrong USING ERRCODE = 'PGA05';
    END IF;
    INSERT INTO pgguard_audit.seal SELECT (made).*;
END
$$;
COMMENT ON FUNCTION pgguard_audit.add_seal(integer, boolean, bigint, bigint, bigint, bigint, bigint, bytea, bytea, bytea, bytea) IS
    'adds the next seal; refuses one that leaves a gap, covers a transaction that is not finished, or does not chain';

-- The store is in another cluster than before, or in its first. rest_id: the last entry that the generation before
-- left unsealed and whose transaction has a number that this cluster has not reached; NULL for none.
CREATE OR REPLACE FUNCTION pgguard_audit.begin_generation(rest_xid bigint, rest_id bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    last record := pgguard_audit.sealing();
BEGIN
    IF last.place IS NOT DISTINCT FROM last.generation_place THEN
        RAISE EXCEPTION 'pgguard: the store is in the same cluster as before' USING ERRCODE = 'PGA05';
    END IF;
    INSERT INTO pgguard_audit.generation (number, place, began_at, old_xid, old_id, rest_xid, rest_id)
    SELECT last.generation + 1, last.place, last.at_once, nullif(last.sealed_xid, 0),
        (SELECT pg_catalog.max(s.last_id) FROM pgguard_audit.seal AS s WHERE NOT (s.rest AND s.generation = last.generation)),
        CASE WHEN rest_id IS NOT NULL THEN rest_xid END, rest_id;
    -- the first cluster is no move
    PERFORM pgguard_audit.note(CASE WHEN last.generation_place IS NULL THEN 'AUDIT SEALED FROM NOW ON' ELSE 'AUDIT MOVED' END,
        pg_catalog.format('in the cluster %s, as generation %s', last.place, last.generation + 1));
    RETURN last.generation + 1;
END
$$;

-- BRIN ranges that are full are summarized, so that sealing reads new pages only. What VACUUM holds is left to it.
CREATE OR REPLACE FUNCTION pgguard_audit.summarize(part regclass, from_range integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
    -- pages_per_range of entry_xid_at
    pages constant integer := 32;
    index regclass;
    ranges integer := pg_catalog.pg_relation_size(part) / pg_catalog.current_setting('block_size')::integer / pages;
BEGIN
    SELECT i.indexrelid::regclass INTO index FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
    WHERE i.indrelid = part AND m.amname = 'brin' AND i.indrelid IN (
        SELECT t.relid FROM pg_catalog.pg_partition_tree('pgguard_audit.entry') AS t WHERE t.isleaf);
    IF index IS NULL THEN
        RETURN 0;
    END IF;
    IF from_range IS NULL THEN
        PERFORM pg_catalog.brin_summarize_new_values(index);
    ELSE
        FOR number IN from_range .. ranges - 1 LOOP
            PERFORM pg_catalog.brin_summarize_range(index, number::bigint * pages);
        END LOOP;
    END IF;
    RETURN ranges;
EXCEPTION WHEN lock_not_available THEN
    RETURN from_range;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.add_verification(
    first_seal bigint, last_seal bigint, last_hash bytea, anchored boolean, ok boolean, first_bad_id bigint, first_bad_seal bigint, said text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO pgguard_audit.verification (verified_at, by_login, first_seal, last_seal, last_hash, anchored, ok,
        first_bad_id, first_bad_seal, said)
    VALUES (pg_catalog.now(), session_user, $1, $2, $3, $4, $5, $6, $7, pg_catalog.left($8, 500))
$$;

-- what `pgguard audit status` says; counts end at a million
CREATE OR REPLACE FUNCTION pgguard_audit.status(
    OUT seals bigint, OUT sealed_at timestamp with time zone, OUT sealed_entries numeric, OUT unsealed bigint,
    OUT unsealed_since timestamp with time zone, OUT holder_pid integer, OUT holder_since timestamp with time zone,
    OUT holder_kind text, OUT covered_until timestamp with time zone, OUT in_rest bigint, OUT verified_at timestamp with time zone,
    OUT verified_last bigint, OUT verified_ok boolean, OUT verified_said text, OUT now timestamp with time zone, OUT moved boolean
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = 'force_custom_plan'
SET datestyle = 'ISO, YMD' SET timezone = 'UTC' SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    last record := pgguard_audit.sealing();
BEGIN
    now := pg_catalog.clock_timestamp();
    moved := last.generation_place IS NOT NULL AND last.generation_place <> last.place;
    SELECT pg_catalog.count(*), pg_catalog.sum(s.entries) INTO seals, sealed_entries FROM pgguard_audit.seal AS s;
    SELECT s.sealed_at INTO sealed_at FROM pgguard_audit.seal AS s ORDER BY s.number DESC LIMIT 1;
    SELECT pg_catalog.count(*), pg_catalog.min(u.at) INTO unsealed, unsealed_since FROM (
        SELECT e.at FROM pgguard_audit.entry AS e
        WHERE e.xid >= last.sealed_xid AND NOT EXISTS (
            SELECT FROM pgguard_audit.generation AS g
            WHERE e.xid < g.old_xid AND e.id <= g.old_id OR e.xid >= g.rest_xid AND e.id <= g.rest_id)
        LIMIT 1000000) AS u;
    SELECT a.pid, a.since, a.kind INTO holder_pid, holder_since, holder_kind FROM (
        SELECT s.pid, s.xact_start AS since, 'session'::text AS kind, s.backend_xid AS xid
        FROM pg_catalog.pg_stat_get_activity(NULL) AS s WHERE s.backend_xid IS NOT NULL AND s.pid <> pg_catalog.pg_backend_pid()
        UNION ALL
        SELECT NULL, p.prepared, 'prepared transaction', p.transaction FROM pg_catalog.pg_prepared_xacts AS p) AS a
    ORDER BY pg_catalog.age(a.xid) DESC LIMIT 1;
    SELECT pg_catalog.max((pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz)
    INTO covered_until FROM pg_catalog.pg_partition_tree('pgguard_audit.entry') AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
    WHERE t.isleaf;
    SELECT pg_catalog.count(*) INTO in_rest FROM (SELECT FROM pgguard_audit.entry_rest AS r LIMIT 1000000) AS r;
    SELECT v.verified_at, v.last_seal, v.ok, v.said INTO verified_at, verified_last, verified_ok, verified_said
    FROM pgguard_audit.verification AS v ORDER BY v.number DESC LIMIT 1;
END
$$;

-- the generation before which an entry is older; NULL: the current one
CREATE OR REPLACE FUNCTION pgguard_audit.older_than(xid bigint, id bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.min(g.number) FROM pgguard_audit.generation AS g
    WHERE older_than.xid < g.old_xid AND older_than.id <= g.old_id OR older_than.xid >= g.rest_xid AND older_than.id <= g.rest_id
$$;

-- Drops the oldest partition that ended before a time, if its entries are all sealed; the seals stay. Nothing is
-- returned when there is none. ACCESS EXCLUSIVE on the store is taken for a moment: it is waited for a second, ten times.
CREATE OR REPLACE FUNCTION pgguard_audit.purge(before timestamp with time zone)
RETURNS TABLE (partition text, entries bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET client_encoding = 'UTF8' SET lock_timeout = '1s' SET plan_cache_mode = 'force_custom_plan'
SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
    chosen record;
    one record;
    name text;
    horizon bigint;
    number_ integer;
    found_ pgguard_audit.purged_seal[];
    leaves_ bytea;
    digest_ bytea;
    written boolean;
BEGIN
    PERFORM FROM pgguard_audit.job AS j WHERE j.name = 'erase or purge' FOR UPDATE;
    horizon := (pgguard_audit.sealing()).sealed_xid;
    IF before > pg_catalog.now() - (SELECT i.keep FROM pgguard_audit.installation AS i) THEN
        RAISE EXCEPTION 'pgguard: entries are kept for at least %: pgguard_audit.installation.keep',
            (SELECT i.keep FROM pgguard_audit.installation AS i) USING ERRCODE = 'PGA06';
    END IF;
    SELECT p.part, p.bounds[1]::timestamptz AS from_at, p.bounds[2]::timestamptz AS to_at INTO chosen FROM (
        SELECT t.relid AS part, pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
            'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bounds
        FROM pg_catalog.pg_partition_tree('pgguard_audit.entry') AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
        WHERE t.isleaf) AS p
    WHERE p.bounds[2]::timestamptz <= before ORDER BY p.bounds[2]::timestamptz LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    name := pg_catalog.format('pgguard_audit.%I', (SELECT c.relname FROM pg_catalog.pg_class AS c WHERE c.oid = chosen.part));
    SELECT coalesce(pg_catalog.max(p.number), 0) + 1 INTO number_ FROM pgguard_audit.purged AS p;
    EXECUTE pg_catalog.format('SELECT pg_catalog.array_agg(ROW(y.seal, $1, y.entries, NULL)::pgguard_audit.purged_seal ORDER BY y.seal)
        FROM (SELECT pgguard_audit.seal_of(x.xid, x.id) AS seal, pg_catalog.sum(x.entries)::bigint AS entries
              FROM (SELECT e.xid, pg_catalog.max(e.id) AS id, pg_catalog.count(*) AS entries FROM %s AS e
                    GROUP BY e.xid, CASE WHEN $2 THEN pgguard_audit.older_than(e.xid, e.id) END) AS x
              GROUP BY 1) AS y', name)
    INTO found_ USING number_, EXISTS (SELECT FROM pgguard_audit.generation AS g WHERE coalesce(g.old_xid, g.rest_xid) IS NOT NULL);
    found_ := coalesce(found_, '{}');
    IF EXISTS (SELECT FROM pg_catalog.unnest(found_) AS f WHERE f.seal IS NULL) THEN
        RAISE EXCEPTION 'pgguard: % is kept: it holds entries that are not sealed', name USING ERRCODE = 'PGA06';
    END IF;
    -- of each seal that is not gone with it whole: what went before, what goes now, what stays
    FOR one IN
        SELECT f.seal, f.entries, s.encoding, s.xid_from, s.xid_to, s.entries - f.entries - coalesce((
            SELECT pg_catalog.sum(b.entries) FROM pgguard_audit.purged_seal AS b WHERE b.seal = f.seal), 0) AS stays, (
            SELECT pg_catalog.count(*) FROM pgguard_audit.entry AS e
            WHERE e.xid >= s.xid_from AND e.xid < s.xid_to AND e.tableoid <> chosen.part
                AND pgguard_audit.seal_of(e.xid, e.id) = f.seal) AS counted
        FROM pg_catalog.unnest(found_) AS f JOIN pgguard_audit.seal AS s ON s.number = f.seal WHERE s.entries <> f.entries
    LOOP
        IF one.stays <> one.counted THEN
            RAISE EXCEPTION 'pgguard: % is kept: the entries of seal % are not those that were sealed: pgguard audit verify', name, one.seal
                USING ERRCODE = 'PGA06';
        END IF;
        CONTINUE WHEN one.stays = 0;
        -- their leaves stay, so that the root can still be computed
        PERFORM pg_catalog.set_config('client_encoding', one.encoding, true);
        EXECUTE pg_catalog.format($sql$SELECT pg_catalog.string_agg(l.id || pg_catalog.sha256('\x00'::bytea
                || pg_catalog.record_send(ROW(e.id, e.at, e.began, e.xid, e.backend_start, e.pid, e.shape, e.verb, e.login, e.role,
                    e.authenticated, e.client, e.application, e.claimed, e.object, e.changed))
                || coalesce(e.erased, pg_catalog.sha256(l.salt
                    || pg_catalog.record_send(ROW(e.key, e.subject, e.subject_before, e.old, e.new, e.sealed))))), ''::bytea
                ORDER BY e.xid, e.id)
            FROM %s AS e JOIN (
                SELECT pg_catalog.substr(b.leaves, n * 32 + 1, 8) AS id, pg_catalog.substr(b.leaves, n * 32 + 9, 16) AS salt
                FROM pgguard_audit.seal_leaf AS b, pg_catalog.generate_series(0, pg_catalog.octet_length(b.leaves) / 32 - 1) AS n
                WHERE b.seal = $1) AS l ON l.id = pg_catalog.int8send(e.id)
            WHERE e.xid >= $2 AND e.xid < $3 AND pgguard_audit.seal_of(e.xid, e.id) = $1$sql$, name)
        INTO leaves_ USING one.seal, one.xid_from, one.xid_to;
        IF pg_catalog.octet_length(leaves_) IS DISTINCT FROM one.entries * 40 THEN
            RAISE EXCEPTION 'pgguard: % is kept: seal % does not know its entries: pgguard audit verify', name, one.seal
                USING ERRCODE = 'PGA06';
        END IF;
        INSERT INTO pgguard_audit.purged_seal (seal, purge, entries, leaves) VALUES (one.seal, number_, one.entries, leaves_);
    END LOOP;
    INSERT INTO pgguard_audit.purged_seal (seal, purge, entries)
    SELECT f.seal, f.purge, f.entries FROM pg_catalog.unnest(found_) AS f ON CONFLICT DO NOTHING;
    -- whoever is no superuser changes what is in the store by this word alone: see 022
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    FOR attempt IN 1 .. 10 LOOP
        BEGIN
            EXECUTE pg_catalog.format('ALTER TABLE pgguard_audit.entry DETACH PARTITION %s', name);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 10 THEN
                RAISE;
            END IF;
            -- those who waited behind it go first
            PERFORM pg_catalog.pg_sleep(1);
        END;
    END LOOP;
    -- what was committed into it since it was looked at
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s AS e WHERE e.xid >= $1 AND pgguard_audit.seal_of(e.xid, e.id) IS NULL)', name)
    INTO written USING horizon;
    IF written THEN
        RAISE EXCEPTION 'pgguard: % is kept: it is written to', name USING ERRCODE = 'PGA06';
    END IF;
    SELECT pg_catalog.sha256(coalesce((SELECT p.digest FROM pgguard_audit.purged AS p WHERE p.number = number_ - 1), ''::bytea)
        || pg_catalog.int4send(number_) || coalesce(pg_catalog.string_agg(pg_catalog.int8send(p.seal) || pg_catalog.int8send(p.entries)
            || pg_catalog.sha256(coalesce(p.leaves, ''::bytea)), ''::bytea ORDER BY p.seal), ''::bytea))
    INTO digest_ FROM pgguard_audit.purged_seal AS p WHERE p.purge = number_;
    entries := coalesce((SELECT pg_catalog.sum(f.entries) FROM pg_catalog.unnest(found_) AS f), 0);
    INSERT INTO pgguard_audit.purged SELECT number_, name, chosen.from_at, chosen.to_at, purge.entries,
        pg_catalog.min(f.seal), pg_catalog.max(f.seal), pg_catalog.now(), session_user, digest_ FROM pg_catalog.unnest(found_) AS f;
    PERFORM pg_catalog.set_config('pgguard.purging', pgguard_audit.own_word('purge'), true);
    DELETE FROM pgguard_audit.seal_leaf AS l WHERE l.seal IN (
        SELECT s.number FROM pgguard_audit.seal AS s JOIN pgguard_audit.purged_seal AS b ON b.seal = s.number
        WHERE s.number IN (SELECT f.seal FROM pg_catalog.unnest(found_) AS f)
        GROUP BY s.number HAVING pg_catalog.sum(b.entries) = pg_catalog.max(s.entries));
    PERFORM pg_catalog.set_config('pgguard.purging', '', true);
    PERFORM pgguard_audit.tell_shape(s) FROM pgguard_audit.shape AS s ORDER BY s.id;
    PERFORM pgguard_audit.note('AUDIT PURGED', name, NULL,
        ARRAY[number_::text, pg_catalog.encode(digest_, 'hex'), purge.entries::text]);
    EXECUTE pg_catalog.format('DROP TABLE %s', name);
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    partition := name;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pgguard_audit.purge(timestamp with time zone) IS
    'drops the oldest partition that ended before a time, if its entries are all sealed, and records it; nothing when there is none';

-- Empties what sealed entries hold of a person. Each keeps the digest of what stood there, and loses the salt without
-- which nobody can guess it: the seals stay valid. An entry names those that were emptied.
CREATE OR REPLACE FUNCTION pgguard_audit.erase(whose text, relation_ text, reason text, OUT erased bigint, OUT unsealed bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_encoding = 'UTF8' AS $$
#variable_conflict use_column
DECLARE
    one record;
    seal_ bigint;
    salt record;
    names text[] := ARRAY[whose, pgguard_audit.tag(whose)];
    done text[] := ARRAY[]::text[];
BEGIN
    IF coalesce(whose, '') = '' OR coalesce(reason, '') = '' OR pg_catalog.length(reason) > 200 THEN
        RAISE EXCEPTION 'pgguard: say whose entries, and why, in at most 200 characters' USING ERRCODE = 'PGA06';
    END IF;
    PERFORM FROM pgguard_audit.job AS j WHERE j.name = 'erase or purge' FOR UPDATE;
    erased := 0;
    unsealed := 0;
    PERFORM pg_catalog.set_config('pgguard.erasing', pgguard_audit.own_word('erase'), true);
    FOR one IN
        SELECT e.tableoid, e.ctid, e.id, e.xid, e.at FROM pgguard_audit.entry AS e
        WHERE (e.subject = ANY (names) OR e.subject_before = ANY (names)) AND e.shape IS NOT NULL AND e.erased IS NULL
            AND (relation_ IS NULL OR e.shape IN (SELECT s.id FROM pgguard_audit.shape AS s WHERE s.relation = relation_))
    LOOP
        seal_ := pgguard_audit.seal_of(one.xid, one.id);
        IF seal_ IS NULL THEN
            unsealed := unsealed + 1;
            CONTINUE;
        END IF;
        SELECT l.part, n.n * 32 + 9 AS place, pg_catalog.substr(l.leaves, n.n * 32 + 9, 16) AS salt, s.encoding
        INTO salt FROM pgguard_audit.seal_leaf AS l JOIN pgguard_audit.seal AS s ON s.number = l.seal
        CROSS JOIN LATERAL pg_catalog.generate_series(0, pg_catalog.octet_length(l.leaves) / 32 - 1) AS n (n)
        WHERE l.seal = seal_ AND pg_catalog.position(l.leaves, pg_catalog.int8send(one.id)) > 0
            AND pg_catalog.substr(l.leaves, n.n * 32 + 1, 8) = pg_catalog.int8send(one.id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'pgguard: nothing is erased: seal % does not know entry %: pgguard audit verify', seal_, one.id
                USING ERRCODE = 'PGA06';
        END IF;
        PERFORM pg_catalog.set_config('client_encoding', salt.encoding, true);
        UPDATE pgguard_audit.entry AS e SET key = NULL, subject = NULL, subject_before = NULL, old = NULL, new = NULL, sealed = NULL,
            erased = pg_catalog.sha256(salt.salt || pg_catalog.record_send(ROW(e.key, e.subject, e.subject_before, e.old, e.new, e.sealed)))
        WHERE e.at = one.at AND e.tableoid = one.tableoid AND e.ctid = one.ctid;
        UPDATE pgguard_audit.seal_leaf AS l
        SET leaves = pg_catalog.overlay(l.leaves, pg_catalog.decode(pg_catalog.repeat('00', 16), 'hex'), salt.place, 16)
        WHERE l.seal = seal_ AND l.part = salt.part;
        done := done || one.id::text;
        erased := erased + 1;
        IF pg_catalog.cardinality(done) = 5000 THEN
            PERFORM pgguard_audit.note('AUDIT ERASED', reason, NULL, done);
            done := ARRAY[]::text[];
        END IF;
    END LOOP;
    IF done <> ARRAY[]::text[] THEN
        PERFORM pgguard_audit.note('AUDIT ERASED', reason, NULL, done);
    END IF;
    IF erased > 0 THEN
        INSERT INTO pgguard_audit.erasure (erased_at, by_login, relation, reason, entries)
        VALUES (pg_catalog.now(), session_user, relation_, reason, erased);
    END IF;
    PERFORM pg_catalog.set_config('pgguard.erasing', '', true);
END
$$;
COMMENT ON FUNCTION pgguard_audit.erase(text, text, text) IS
    'pgguard, as pgguard_audit_erasure: empties what sealed entries hold of a person (art. 17 GDPR), and records that; entries not yet sealed are counted and stay';

SELECT pgguard_audit.settle();
DO $erasure$
BEGIN
    IF NOT pg_catalog.pg_has_role('pgguard_audit_erasure', 'USAGE') THEN
        GRANT pgguard_audit_erasure TO CURRENT_USER;
    END IF;
    GRANT CREATE ON SCHEMA pgguard_audit TO pgguard_audit_erasure;
    ALTER FUNCTION pgguard_audit.erase(text, text, text) OWNER TO pgguard_audit_erasure;
    REVOKE CREATE ON SCHEMA pgguard_audit FROM pgguard_audit_erasure;
    REVOKE ALL ON FUNCTION pgguard_audit.erase(text, text, text) FROM PUBLIC;
END
$erasure$;
DO $policies$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['entry', 'seal', 'seal_leaf', 'generation', 'shape', 'erasure', 'job'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_policy
            WHERE polrelid = ('pgguard_audit.' || one)::regclass AND polname = 'pgguard_erasure')
        THEN
            EXECUTE pg_catalog.format('CREATE POLICY pgguard_erasure ON pgguard_audit.%I TO pgguard_audit_erasure
                USING (pg_catalog.pg_has_role(''pgguard_audit_erasure'', ''USAGE''))', one);
        END IF;
    END LOOP;
END
$policies$;
GRANT SELECT, UPDATE ON pgguard_audit.job TO pgguard_audit_erasure;
GRANT SELECT, UPDATE (key, subject, subject_before, old, new, sealed, erased) ON pgguard_audit.entry TO pgguard_audit_erasure;
GRANT SELECT, UPDATE (leaves) ON pgguard_audit.seal_leaf TO pgguard_audit_erasure;
GRANT SELECT ON pgguard_audit.seal, pgguard_audit.generation, pgguard_audit.shape TO pgguard_audit_erasure;
GRANT INSERT ON pgguard_audit.erasure TO pgguard_audit_erasure;
GRANT EXECUTE ON FUNCTION pgguard_audit.own_word(text), pgguard_audit.tag(text), pgguard_audit.note(text, text, text[], text[]),
    pgguard_audit.seal_of(bigint, bigint) TO pgguard_audit_erasure;
GRANT EXECUTE ON FUNCTION pgguard_audit.purge(timestamp with time zone), pgguard_audit.erase(text, text, text) TO pgguard_audit_eraser;
GRANT EXECUTE ON FUNCTION pgguard_audit.leaves(bigint, bigint, timestamp with time zone, bigint, bigint), pgguard_audit.sealing(),
    pgguard_audit.add_leaves(bigint, integer, bytea),
    pgguard_audit.add_seal(integer, boolean, bigint, bigint, bigint, bigint, bigint, bytea, bytea, bytea, bytea),
    pgguard_audit.begin_generation(bigint, bigint), pgguard_audit.summarize(regclass, integer),
    pgguard_audit.add_verification(bigint, bigint, bytea, boolean, boolean, bigint, bigint, text)
    TO pgguard_audit_keeper;
GRANT EXECUTE ON FUNCTION pgguard_audit.status(), pgguard_audit.store_id(), pgguard_audit.place() TO pgguard_audit_keeper, pgguard_audit_reader, pgguard_audit_eraser;
-- numbers and digests, which tell nothing of anybody: whoever seals or inspects may see them
GRANT SELECT ON pgguard_audit.seal, pgguard_audit.generation, pgguard_audit.verification, pgguard_audit.purged,
    pgguard_audit.erasure TO pgguard_audit_keeper;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '023_audit_evidence');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
