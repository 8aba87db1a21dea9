-- Audit: the store of who changed what, in a schema and under a role of its own.
-- Run 020 to 022 in each database that is audited, or leave it to `pgguard plan --audit`. Running them twice is
-- harmless. They need no extension; the event triggers of 022 need a superuser.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- Who may do what: the role pgguard_audit_owner, which cannot log in, owns the store and every function that writes to
-- it. Members of pgguard_audit_reader read the store. Nobody, its owner included, changes or deletes an entry:
-- no privilege, and a guard on every partition.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    -- operators and functions of PostgreSQL only, whatever schemas whoever runs this has on his path
    PERFORM pg_catalog.set_config('pgguard.path_before', pg_catalog.current_setting('search_path'), false),
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '');
    IF pg_catalog.to_regprocedure('pgguard_audit.own_word(text)') IS NOT NULL THEN
        PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    END IF;
END
$quiet$;

DO $roles$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit_owner', 'pgguard_audit_reader', 'pgguard_audit_keeper'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = one) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', one);
        END IF;
        IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = one AND (rolcanlogin OR rolsuper)) THEN
            RAISE EXCEPTION 'pgguard: the role % can log in, or is a superuser: find out who made it so, then ALTER ROLE % NOLOGIN NOSUPERUSER', one, one;
        END IF;
    END LOOP;
    COMMENT ON ROLE pgguard_audit_owner IS 'pgguard: owns the audit store; nobody logs in as it, and nobody should be a member';
    COMMENT ON ROLE pgguard_audit_reader IS 'pgguard: reads the audit store';
    COMMENT ON ROLE pgguard_audit_keeper IS 'pgguard: seals the audit store, makes its partitions and watches the catalog';
    IF NOT pg_catalog.pg_has_role('pgguard_audit_owner', 'USAGE') THEN
        GRANT pgguard_audit_owner TO CURRENT_USER;
    END IF;
    IF pg_catalog.to_regnamespace('pgguard') IS NULL THEN
        CREATE SCHEMA pgguard;
        REVOKE ALL ON SCHEMA pgguard FROM PUBLIC;
        COMMENT ON SCHEMA pgguard IS 'pgguard: what it keeps in this database';
    END IF;
    GRANT USAGE ON SCHEMA pgguard TO PUBLIC;
    IF pg_catalog.to_regnamespace('pgguard_audit') IS NULL THEN
        CREATE SCHEMA pgguard_audit AUTHORIZATION pgguard_audit_owner;
        COMMENT ON SCHEMA pgguard_audit IS 'pgguard: the audit store';
    END IF;
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(r.rolname), ', ') INTO one
    FROM (
        SELECT nspowner AS owner FROM pg_catalog.pg_namespace WHERE nspname = 'pgguard_audit'
        UNION SELECT relowner FROM pg_catalog.pg_class WHERE relnamespace = 'pgguard_audit'::regnamespace
        UNION SELECT proowner FROM pg_catalog.pg_proc WHERE pronamespace = 'pgguard_audit'::regnamespace
    ) AS o JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner
    WHERE NOT r.rolsuper AND r.rolname NOT IN ('pgguard_audit_owner', 'pgguard_audit_erasure', current_user);
    IF one <> '' THEN
        RAISE EXCEPTION 'pgguard: the schema pgguard_audit, or something in it, belongs to %: look at what it is before anything is audited into it', one;
    END IF;
    REVOKE ALL ON SCHEMA pgguard_audit FROM PUBLIC;
    GRANT USAGE ON SCHEMA pgguard_audit TO pgguard_audit_reader, pgguard_audit_keeper;
    BEGIN
        -- when a session began is shown to its own user and to these only
        -- as text: whoever reads this file for the rights it needs must not take this for one of them
        EXECUTE 'GRANT pg_read_all_stats TO pgguard_audit_owner';
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE 'pgguard: pgguard_audit_owner may not read statistics: when sessions began is not recorded';
    END;
END
$roles$;

CREATE TABLE IF NOT EXISTS pgguard_audit.installation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id uuid NOT NULL,
    secret bytea NOT NULL CHECK (pg_catalog.octet_length(secret) = 32),
    period text NOT NULL DEFAULT 'month' CHECK (period IN ('month', 'day')),
    ahead integer NOT NULL DEFAULT 3 CHECK (ahead BETWEEN 1 AND 400),
    created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE pgguard_audit.installation IS
    'one row; secret proves claims of end users and makes tags of sensitive keys, and opens nothing';
COMMENT ON COLUMN pgguard_audit.installation.ahead IS 'how many partitions are made ahead';
INSERT INTO pgguard_audit.installation (id, secret)
SELECT pg_catalog.gen_random_uuid(), pg_catalog.sha256(
    pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid()))
WHERE NOT EXISTS (SELECT FROM pgguard_audit.installation);

CREATE TABLE IF NOT EXISTS pgguard_audit.audited (
    relation regclass PRIMARY KEY,
    number integer GENERATED ALWAYS AS IDENTITY,
    subject text,
    subject_is_tag boolean NOT NULL DEFAULT false,
    key_is_tag boolean NOT NULL DEFAULT false,
    level text NOT NULL DEFAULT 'statement' CHECK (level IN ('statement', 'row')),
    truncate_allowed boolean NOT NULL DEFAULT false,
    shape integer
);
COMMENT ON TABLE pgguard_audit.audited IS
    'the tables that are audited; partitions go with their table. subject is the column that tells whose data it is';
COMMENT ON COLUMN pgguard_audit.audited.key_is_tag IS
    'the key is personal data itself: a keyed digest of it is recorded, see pgguard_audit.tag()';

CREATE TABLE IF NOT EXISTS pgguard_audit.audited_column (
    relation regclass NOT NULL REFERENCES pgguard_audit.audited ON UPDATE CASCADE ON DELETE CASCADE,
    name text NOT NULL,
    class text NOT NULL CHECK (class IN ('plain', 'mark', 'seal', 'cipher', 'tag')),
    PRIMARY KEY (relation, name)
);
COMMENT ON TABLE pgguard_audit.audited_column IS
    'what is recorded of a column: plain, its values; mark, that it changed; seal, its values encrypted for the auditor; cipher, its values, which are encrypted; tag, keyed digests of its values. Others: mark';

CREATE TABLE IF NOT EXISTS pgguard_audit.covered (
    schema text PRIMARY KEY
);
COMMENT ON TABLE pgguard_audit.covered IS 'schemas whose new tables are audited from their creation on';

CREATE TABLE IF NOT EXISTS pgguard_audit.shape (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation text NOT NULL,
    columns text[] NOT NULL,
    recorded text[] NOT NULL,
    sealed text[] NOT NULL,
    cipher text[] NOT NULL DEFAULT '{}',
    tagged text[] NOT NULL DEFAULT '{}',
    key text[] NOT NULL,
    subject text,
    made_at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE pgguard_audit.shape IS
    'what entries mean: columns by place in "changed", by place in "old" and "new" (recorded), of these the encrypted ones (cipher) and keyed digests (tagged), those that are sealed, and those of the key; an empty key: digest of the whole row';

CREATE SEQUENCE IF NOT EXISTS pgguard_audit.entry_id CACHE 32;

CREATE TABLE IF NOT EXISTS pgguard_audit.entry (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    began timestamp with time zone NOT NULL,
    xid bigint NOT NULL,
    backend_start timestamp with time zone,
    pid integer NOT NULL,
    shape integer,
    verb text NOT NULL,
    login text NOT NULL,
    role text NOT NULL,
    authenticated text,
    client inet,
    application text,
    claimed text,
    object text,
    changed boolean[],
    key text COLLATE pg_catalog."C",
    subject text COLLATE pg_catalog."C",
    subject_before text COLLATE pg_catalog."C",
    old text[],
    new text[],
    sealed bytea,
    erased bytea
) PARTITION BY RANGE (at);
COMMENT ON TABLE pgguard_audit.entry IS
    'one row for each row that a statement wrote, and for each change of what guards the data; columns from key on can be erased, and erased then holds the digest of what stood there';
COMMENT ON COLUMN pgguard_audit.entry.at IS 'when the trigger of the statement ran; the same for all rows of a statement';
COMMENT ON COLUMN pgguard_audit.entry.began IS 'when the transaction began';
COMMENT ON COLUMN pgguard_audit.entry.role IS 'the role that SET ROLE chose; none: that of the login';
COMMENT ON COLUMN pgguard_audit.entry.authenticated IS
    'who was authenticated, which SET SESSION AUTHORIZATION does not change: SYSTEM_USER from 16 on, the login before';
COMMENT ON COLUMN pgguard_audit.entry.claimed IS
    'the end user that the program claimed by pgguard.identify(); "unsigned: " before it when no key of the login vouches for it';
COMMENT ON COLUMN pgguard_audit.entry.changed IS 'of an UPDATE: which columns got another value, by their place in shape.columns';
COMMENT ON COLUMN pgguard_audit.entry.verb IS
    'INSERT, UPDATE, DELETE, TRUNCATE; UPDATE FROM and UPDATE TO when the key changed; else the command, or what was seen';
DO $indexes$
BEGIN
    -- IF NOT EXISTS would wait for everybody who writes, and have others wait
    IF pg_catalog.to_regclass('pgguard_audit.entry_xid_at') IS NULL THEN
        CREATE INDEX entry_subject ON pgguard_audit.entry (subject);
        CREATE INDEX entry_subject_before ON pgguard_audit.entry (subject_before) WHERE subject_before IS NOT NULL;
        CREATE INDEX entry_xid_at ON pgguard_audit.entry USING brin (xid, at) WITH (pages_per_range = 32);
    END IF;
END
$indexes$;

CREATE TABLE IF NOT EXISTS pgguard_audit.service_key (
    login text PRIMARY KEY,
    inner_block bytea NOT NULL CHECK (pg_catalog.octet_length(inner_block) = 64),
    outer_block bytea NOT NULL CHECK (pg_catalog.octet_length(outer_block) = 64),
    made_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE pgguard_audit.service_key IS
    'what vouches for the end users that a login claims: its key, as the two blocks of HMAC-SHA-256 (RFC 2104)';

-- No entry is changed or deleted, whatever privileges somebody has given himself. The one exception is an erasure
-- by pgguard_audit.erase(), which sets a word that nobody else can know.
CREATE OR REPLACE FUNCTION pgguard_audit.own_word(purpose text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known bytea;
BEGIN
    SELECT i.secret INTO STRICT known FROM pgguard_audit.installation AS i;
    RETURN pg_catalog.encode(pg_catalog.sha256(known || pg_catalog.sha256(known || pg_catalog.convert_to(
        purpose || '/' || pg_catalog.txid_current()::text || '/' || pg_catalog.pg_backend_pid()::text, 'SQL_ASCII'))), 'hex');
END
$$;
COMMENT ON FUNCTION pgguard_audit.own_word(text) IS
    'by which functions of this schema recognise each other in a transaction; nobody else may call it';

CREATE OR REPLACE FUNCTION pgguard_audit.append_only() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND pg_catalog.current_setting('pgguard.erasing', true) = pgguard_audit.own_word('erase')
    THEN
        RETURN NULL;
    END IF;
    -- salts of entries that went with their partition (023)
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'seal_leaf'
        AND pg_catalog.current_setting('pgguard.purging', true) = pgguard_audit.own_word('purge')
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'pgguard: entries of the audit are never changed or deleted' USING ERRCODE = 'PGA01';
END
$$;

-- Row security besides privileges: members of pg_write_all_data and pg_read_all_data have those of every table.
-- It costs the writing of entries nothing, because their owner is not subject to it.
CREATE OR REPLACE FUNCTION pgguard_audit.shut(part regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- here and below: what is as it should be is not done again, because that would wait for everybody who writes
    IF NOT (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = part) THEN
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = part AND polname = 'pgguard_reader') THEN
        EXECUTE pg_catalog.format('CREATE POLICY pgguard_reader ON %s FOR SELECT TO pgguard_audit_reader
            USING (pg_catalog.pg_has_role(''pgguard_audit_reader'', ''USAGE''))', part);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = part AND polname = 'pgguard_keeper') THEN
        EXECUTE pg_catalog.format('CREATE POLICY pgguard_keeper ON %s TO pgguard_audit_keeper
            USING (pg_catalog.pg_has_role(''pgguard_audit_keeper'', ''USAGE''))', part);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.guard(part regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = part AND tgname = 'pgguard_append_only') THEN
        EXECUTE pg_catalog.format('CREATE TRIGGER pgguard_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION pgguard_audit.append_only()', part);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = part AND tgname = 'pgguard_append_only' AND tgenabled <> 'A') THEN
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pgguard_append_only', part);
    END IF;
    PERFORM pgguard_audit.shut(part);
    -- privileges of owners can be taken from them too
    EXECUTE pg_catalog.format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM pgguard_audit_owner', part);
    EXECUTE pg_catalog.format('GRANT SELECT ON %s TO pgguard_audit_reader', part);
    -- values are looked for by key and by time, never by what is in them
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN key SET STATISTICS 0, ALTER COLUMN subject SET STATISTICS 0,
        ALTER COLUMN subject_before SET STATISTICS 0, ALTER COLUMN old SET STATISTICS 0,
        ALTER COLUMN new SET STATISTICS 0, ALTER COLUMN sealed SET STATISTICS 0', part);
END
$$;

-- By ATTACH: CREATE TABLE ... PARTITION OF would wait until all who wrote are done, and everybody would wait for it.
-- Who writes to entry_rest is waited for, and not for long.
CREATE OR REPLACE FUNCTION pgguard_audit.make_partition(name text, bounds text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    EXECUTE pg_catalog.format('CREATE TABLE pgguard_audit.%I (LIKE pgguard_audit.entry INCLUDING ALL EXCLUDING INDEXES)', name);
    PERFORM pgguard_audit.guard(('pgguard_audit.' || pg_catalog.quote_ident(name))::regclass);
    EXECUTE pg_catalog.format('ALTER TABLE pgguard_audit.entry ATTACH PARTITION pgguard_audit.%I %s', name, bounds);
END
$$;

-- Partitions by month or day, in UTC whatever the session's time zone is. Rows of a time without a partition go to
-- entry_rest, so that nobody's work stops; `pgguard audit status` and the nightly check say when it is not empty.
CREATE OR REPLACE FUNCTION pgguard_audit.make_partitions() RETURNS text[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen pgguard_audit.installation;
    step interval;
    first timestamp;
    name text;
    made text[] := ARRAY[]::text[];
    before text := pg_catalog.current_setting('pgguard.refreshing', true);
BEGIN
    -- one entry tells it; and triggers are not enabled ALWAYS in the moment in which they are made
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    -- one at a time; entries go on being written meanwhile. Any login could hold an advisory lock
    SELECT * INTO STRICT chosen FROM pgguard_audit.installation FOR UPDATE;
    step := ('1 ' || chosen.period)::interval;
    IF pg_catalog.to_regclass('pgguard_audit.entry_rest') IS NULL THEN
        PERFORM pgguard_audit.make_partition('entry_rest', 'DEFAULT');
        made := made || 'entry_rest'::text;
    END IF;
    FOR number IN 0 .. chosen.ahead LOOP
        first := pg_catalog.date_trunc(chosen.period, pg_catalog.timezone('UTC', pg_catalog.now())) + number * step;
        name := 'entry_' || pg_catalog.to_char(first, CASE chosen.period WHEN 'day' THEN 'YYYY_MM_DD' ELSE 'YYYY_MM' END);
        CONTINUE WHEN pg_catalog.to_regclass('pgguard_audit.' || name) IS NOT NULL;
        -- what came while a partition was missing stays where it is, and so does the rest of that time
        CONTINUE WHEN EXISTS (
            SELECT FROM pgguard_audit.entry_rest AS e
            WHERE e.at >= pg_catalog.timezone('UTC', first) AND e.at < pg_catalog.timezone('UTC', first + step));
        BEGIN
            PERFORM pgguard_audit.make_partition(name, pg_catalog.format('FOR VALUES FROM (%L) TO (%L)',
                pg_catalog.to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00',
                pg_catalog.to_char(first + step, 'YYYY-MM-DD') || ' 00:00:00+00'));
        EXCEPTION
            WHEN invalid_object_definition THEN
                -- the period was changed, and a partition of the other kind has this time
                CONTINUE;
            WHEN lock_not_available THEN
                RAISE WARNING 'pgguard: the partition % was not made, because entry_rest is written to: call make_partitions() again', name;
                CONTINUE;
        END;
        made := made || name;
    END LOOP;
    IF made <> '{}' THEN
        PERFORM pgguard_audit.note('AUDIT PARTITIONS', 'made', NULL, made);
    END IF;
    PERFORM pg_catalog.set_config('pgguard.refreshing', coalesce(before, ''), true);
    RETURN made;
END
$$;
COMMENT ON FUNCTION pgguard_audit.make_partitions() IS
    'makes the partitions of this period and those ahead, and returns the names of the new ones; takes SHARE UPDATE EXCLUSIVE on the store, and ACCESS EXCLUSIVE on entry_rest for a moment';

-- Facts of a session that do not change while it lives. They are declared IMMUTABLE so that the plans of the
-- triggers hold them as constants, which no user can set, and cost nothing.
CREATE OR REPLACE FUNCTION pgguard_audit.session_start() RETURNS timestamp with time zone
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT a.backend_start FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a);
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.session_pid() RETURNS integer
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_catalog.pg_backend_pid();
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.session_client() RETURNS inet
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_catalog.inet_client_addr();
END
$$;
DO $authenticated$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN
        CREATE OR REPLACE FUNCTION pgguard_audit.session_authenticated() RETURNS text
        LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
        BEGIN
            -- empty where nothing was asked for: trust
            RETURN coalesce(SYSTEM_USER, (
                SELECT r.rolname FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a
                JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid));
        END
        $f$;
    ELSE
        CREATE OR REPLACE FUNCTION pgguard_audit.session_authenticated() RETURNS text
        LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
        BEGIN
            RETURN (SELECT r.rolname FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a
                JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid);
        END
        $f$;
    END IF;
END
$authenticated$;

-- Keys and subjects that are personal data themselves are recorded as keyed digests. Who can call this can test
-- guesses, so only readers of the store can.
CREATE OR REPLACE FUNCTION pgguard_audit.tag_key() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT pg_catalog.sha256('tag'::bytea || i.secret) FROM pgguard_audit.installation AS i);
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.tag_with(value text, known bytea) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(known || pg_catalog.sha256(
        known || pg_catalog.convert_to(value, pg_catalog.getdatabaseencoding()))), 'hex'), 1, 32);
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.tag(value text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pgguard_audit.tag_with(value, pgguard_audit.tag_key());
END
$$;
COMMENT ON FUNCTION pgguard_audit.tag(text) IS
    'what is recorded instead of a key or subject that is personal data: a keyed digest; values of which there are few can be guessed with it';

CREATE OR REPLACE FUNCTION pgguard_audit.bounded(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.octet_length(value) <= 1000 THEN
        RETURN value;
    END IF;
    RETURN pg_catalog.left(value, 100) || pg_catalog.format('... (%s bytes, sha256 %s)', pg_catalog.octet_length(value),
        pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(value, pg_catalog.getdatabaseencoding())), 'hex'));
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.bounded(value bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_catalog.encode(pg_catalog.substr(value, 1, 50), 'hex') || pg_catalog.format('... (%s bytes, sha256 %s)',
        pg_catalog.octet_length(value), pg_catalog.encode(pg_catalog.sha256(value), 'hex'));
END
$$;
COMMENT ON FUNCTION pgguard_audit.bounded(text) IS 'a value, or the beginning of a long one with its length and digest';

-- The end user, as the program says: a claim, which the login's own key can vouch for.
CREATE OR REPLACE FUNCTION pgguard_audit.claim_seal(claim text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known bytea;
BEGIN
    SELECT pg_catalog.sha256('claim'::bytea || i.secret) INTO STRICT known FROM pgguard_audit.installation AS i;
    -- of this transaction of this session of this login alone
    RETURN pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(known || pg_catalog.sha256(known || pg_catalog.convert_to(
        pg_catalog.concat_ws('/', pg_catalog.pg_backend_pid(), extract(epoch FROM pg_catalog.now()), session_user, claim),
        pg_catalog.getdatabaseencoding()))), 'hex'), 1, 32);
END
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.claimed(setting text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.substr(setting, 1, 32) = pgguard_audit.claim_seal(pg_catalog.substr(setting, 33)) THEN
        RETURN pg_catalog.substr(setting, 33);
    END IF;
    -- put there by other means: nobody's claim, and worth a look
    RETURN 'forged: somebody set pgguard.claim himself';
END
$$;
CREATE OR REPLACE FUNCTION pgguard.identify(
    end_user text, signed_at timestamp with time zone DEFAULT NULL, signature bytea DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    blocks pgguard_audit.service_key;
    claim text := pg_catalog.left(end_user, 200);
BEGIN
    IF end_user IS NULL OR end_user = '' THEN
        PERFORM pg_catalog.set_config('pgguard.claim', '', true);
        RETURN;
    END IF;
    SELECT k.* INTO blocks FROM pgguard_audit.service_key AS k WHERE k.login = session_user;
    IF FOUND THEN
        IF signature IS NULL OR signed_at IS NULL THEN
            RAISE EXCEPTION 'pgguard: the login % has a key: sign the end user with it', session_user USING ERRCODE = 'PGA02';
        END IF;
        IF pg_catalog.abs(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - signed_at)) > 300 THEN
            RAISE EXCEPTION 'pgguard: the signature is more than five minutes old, or the clocks differ' USING ERRCODE = 'PGA02';
        END IF;
        IF signature <> pg_catalog.sha256(blocks.outer_block || pg_catalog.sha256(blocks.inner_block || pg_catalog.convert_to(
            pg_catalog.format(E'%s\n%s\n%s', session_user, end_user, pg_catalog.floor(pg_catalog.date_part('epoch', signed_at))::bigint),
            'UTF8')))
        THEN
            RAISE EXCEPTION 'pgguard: the signature of the end user is wrong' USING ERRCODE = 'PGA02';
        END IF;
    ELSE
        claim := 'unsigned: ' || claim;
    END IF;
    PERFORM pg_catalog.set_config('pgguard.claim', pgguard_audit.claim_seal(claim) || claim, true);
END
$$;
COMMENT ON FUNCTION pgguard.identify(text, timestamp with time zone, bytea) IS
    'tells the audit, until the transaction ends, which end user the program works for. With a key of the login: signature is the HMAC-SHA-256 of "login\nend user\nseconds since 1970", at most five minutes old';

CREATE OR REPLACE FUNCTION pgguard_audit.set_service_key(login text, key bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    block bytea := CASE WHEN pg_catalog.octet_length(key) > 64 THEN pg_catalog.sha256(key) ELSE key END;
    inside bytea := ''::bytea;
    outside bytea := ''::bytea;
    byte integer;
BEGIN
    IF pg_catalog.octet_length(key) < 16 THEN
        RAISE EXCEPTION 'pgguard: a key has at least 16 bytes';
    END IF;
    FOR place IN 0 .. 63 LOOP
        byte := CASE WHEN place < pg_catalog.octet_length(block) THEN pg_catalog.get_byte(block, place) ELSE 0 END;
        inside := inside || pg_catalog.decode(pg_catalog.lpad(pg_catalog.to_hex(byte # 54), 2, '0'), 'hex');
        outside := outside || pg_catalog.decode(pg_catalog.lpad(pg_catalog.to_hex(byte # 92), 2, '0'), 'hex');
    END LOOP;
    INSERT INTO pgguard_audit.service_key AS k (login, inner_block, outer_block)
    VALUES (set_service_key.login, inside, outside)
    ON CONFLICT ON CONSTRAINT service_key_pkey DO UPDATE
        SET inner_block = excluded.inner_block, outer_block = excluded.outer_block, made_at = pg_catalog.now();
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.note(verb text, object text, old text[] DEFAULT NULL, new text[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO pgguard_audit.entry (id, at, began, xid, backend_start, pid, login, role, authenticated, client, application,
        claimed, verb, object, old, new)
    SELECT pg_catalog.nextval('pgguard_audit.entry_id'), pg_catalog.clock_timestamp(), pg_catalog.now(), pg_catalog.txid_current(),
        pgguard_audit.session_start(), pgguard_audit.session_pid(), session_user, pg_catalog.current_setting('role'),
        pgguard_audit.session_authenticated(), pgguard_audit.session_client(), pg_catalog.current_setting('application_name'),
        CASE WHEN pg_catalog.current_setting('pgguard.claim', true) <> ''
            THEN pgguard_audit.claimed(pg_catalog.current_setting('pgguard.claim', true)) END,
        verb, object, old, new;
END
$$;
COMMENT ON FUNCTION pgguard_audit.note(text, text, text[], text[]) IS 'records something that is no row of a table';

-- Everything in the schema belongs to pgguard_audit_owner but what has to be a superuser's, and nobody holds anything
-- but the roles of the audit: not PUBLIC, nor whom default privileges named.
CREATE OR REPLACE FUNCTION pgguard_audit.settle() RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name, c.relname, c.relkind AS kind, c.relowner AS owner,
            EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS e
                WHERE e.grantee = 'pgguard_audit_reader'::regrole AND e.privilege_type = 'SELECT') AS readable
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
            -- those of identity columns go with their table
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'i' AND c.relkind = 'S')
        ORDER BY c.oid
    LOOP
        IF one.owner <> 'pgguard_audit_owner'::regrole THEN
            EXECUTE pg_catalog.format('ALTER %s %s OWNER TO pgguard_audit_owner',
                CASE one.kind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, one.name);
        END IF;
        IF one.kind IN ('r', 'p') THEN
            PERFORM pgguard_audit.shut(one.name);
        END IF;
        IF NOT one.readable AND one.kind <> 'S' AND one.relname NOT IN ('installation', 'service_key', 'watched') THEN
            EXECUTE pg_catalog.format('GRANT SELECT ON %s TO pgguard_audit_reader', one.name);
        END IF;
    END LOOP;
    FOR one IN
        SELECT p.oid::regprocedure AS name, pg_catalog.obj_description(p.oid, 'pg_proc') ~ '^pgguard, as (superuser|pgguard_audit_erasure):' AS high,
            p.proowner AS owner, EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl,
                pg_catalog.acldefault('f', p.proowner))) AS e WHERE e.grantee = 0) AS open
        FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'pgguard_audit'::regnamespace ORDER BY p.oid
    LOOP
        IF one.high IS NOT TRUE AND one.owner <> 'pgguard_audit_owner'::regrole THEN
            EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO pgguard_audit_owner', one.name);
        END IF;
        IF one.open THEN
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', one.name);
        END IF;
    END LOOP;
    FOR one IN
        SELECT DISTINCT o.what, CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END AS grantee
        FROM (
            SELECT 'SCHEMA pgguard_audit', n.nspowner, n.nspacl FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pgguard_audit'
            UNION ALL
            SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass::text, c.relowner, c.relacl
            FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
            UNION ALL
            SELECT 'ROUTINE ' || p.oid::regprocedure::text, p.proowner, p.proacl
            FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'pgguard_audit'::regnamespace
        ) AS o (what, owner, acl) CROSS JOIN pg_catalog.aclexplode(o.acl) AS e LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = e.grantee
        WHERE e.grantee <> o.owner
            AND (r.rolname = ANY (ARRAY['pgguard_audit_owner', 'pgguard_audit_reader', 'pgguard_audit_keeper',
                'pgguard_audit_eraser', 'pgguard_audit_erasure'])) IS NOT TRUE
        ORDER BY 1, 2
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s CASCADE', one.what, one.grantee);
    END LOOP;
END
$$;

COMMENT ON FUNCTION pgguard_audit.settle() IS 'pgguard, as superuser: gives what is in the schema to its owner, and takes it from all others';
-- What superusers run with their own rights is theirs: else whoever gets hold of pgguard_audit_owner would be one, too.
CREATE OR REPLACE FUNCTION pgguard_audit.keep_high(function regprocedure) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
        EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO CURRENT_USER', function);
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO pgguard_audit_owner', function);
END
$$;
COMMENT ON FUNCTION pgguard_audit.keep_high(regprocedure) IS
    'pgguard, as superuser: call it only right after CREATE OR REPLACE, when what the function does is known';
DO $high$
DECLARE
    one regprocedure;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit.keep_high(regprocedure)', 'pgguard_audit.settle()']::regprocedure[] LOOP
        PERFORM pgguard_audit.keep_high(one);
    END LOOP;
END
$high$;
SELECT pgguard_audit.settle();
DO $identify$
BEGIN
    IF NOT pg_catalog.has_schema_privilege('pgguard_audit_owner', 'pgguard', 'CREATE') THEN
        GRANT CREATE ON SCHEMA pgguard TO pgguard_audit_owner;
        ALTER FUNCTION pgguard.identify(text, timestamp with time zone, bytea) OWNER TO pgguard_audit_owner;
        REVOKE CREATE ON SCHEMA pgguard FROM pgguard_audit_owner;
    END IF;
    GRANT EXECUTE ON FUNCTION pgguard.identify(text, timestamp with time zone, bytea) TO PUBLIC;
END
$identify$;
SELECT pgguard_audit.make_partitions();
DO $parent$
BEGIN
    PERFORM pgguard_audit.guard('pgguard_audit.entry');
    -- what entries mean is changed as little as they are
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = 'pgguard_audit.shape'::regclass AND tgname = 'pgguard_append_only') THEN
        CREATE TRIGGER pgguard_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pgguard_audit.shape
            FOR EACH STATEMENT EXECUTE FUNCTION pgguard_audit.append_only();
    END IF;
    ALTER TABLE pgguard_audit.shape ENABLE ALWAYS TRIGGER pgguard_append_only;
END
$parent$;
GRANT EXECUTE ON FUNCTION pgguard_audit.make_partitions() TO pgguard_audit_keeper;
GRANT EXECUTE ON FUNCTION pgguard_audit.tag(text) TO pgguard_audit_reader;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '020_audit');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
