-- Audit: event triggers, so that a changed table is audited as it is now, in the same transaction, and changes of
-- tables, privileges, policies, triggers and functions are recorded. Run by a superuser, after 021_audit_code.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- What is recorded: the command's tag and the object's name; never a statement's text, which may hold values. Of
-- GRANT and REVOKE the access privileges before and after, because PostgreSQL tells no grantee.

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

CREATE TABLE IF NOT EXISTS pgguard_audit.known_acl (
    class oid NOT NULL,
    object oid NOT NULL,
    part integer NOT NULL,
    acl text,
    PRIMARY KEY (class, object, part)
);
COMMENT ON TABLE pgguard_audit.known_acl IS 'access privileges as they were last seen';

CREATE TABLE IF NOT EXISTS pgguard_audit.switched_off (
    trigger oid PRIMARY KEY
);
COMMENT ON TABLE pgguard_audit.switched_off IS 'triggers of the audit that a superuser disabled, and that were recorded as such';

CREATE TABLE IF NOT EXISTS pgguard_audit.known_store (
    entry oid PRIMARY KEY
);
COMMENT ON TABLE pgguard_audit.known_store IS
    'the number of the table entry when known_acl, known_column and switched_off were learnt: in a restored dump numbers mean other objects';

CREATE TABLE IF NOT EXISTS pgguard_audit.known_column (
    relation oid NOT NULL,
    number smallint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (relation, number)
);
COMMENT ON TABLE pgguard_audit.known_column IS 'columns of audited tables, by which renames are told from new columns';

-- access privileges as they are now, where they are not the default. There may be tens of thousands of tables: names
-- are asked for only where something differs
CREATE OR REPLACE FUNCTION pgguard_audit.acls(columns boolean DEFAULT true)
RETURNS TABLE (class oid, object oid, part integer, acl text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'pg_class'::regclass::oid, c.oid, 0, c.relacl::text
    FROM pg_catalog.pg_class AS c WHERE c.relacl IS NOT NULL AND c.oid >= 16384 AND c.relnamespace NOT IN (
        SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_(toast|temp)')
    UNION ALL
    SELECT 'pg_class'::regclass::oid, a.attrelid, a.attnum, a.attacl::text
    FROM pg_catalog.pg_attribute AS a
    WHERE columns AND a.attacl IS NOT NULL AND a.attrelid >= 16384 AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_proc'::regclass::oid, p.oid, 0, p.proacl::text
    FROM pg_catalog.pg_proc AS p WHERE p.proacl IS NOT NULL AND p.oid >= 16384
        -- those that the audit makes for tables: it is their owner's alone, and 024 watches that
        AND NOT (p.pronamespace = 'pgguard_audit'::regnamespace AND p.proname ~ '^audit_.*_[0-9]+$')
    UNION ALL
    SELECT 'pg_namespace'::regclass::oid, n.oid, 0, n.nspacl::text
    FROM pg_catalog.pg_namespace AS n WHERE n.nspacl IS NOT NULL AND n.nspname !~ '^pg_(toast|temp)'
    UNION ALL
    SELECT 'pg_default_acl'::regclass::oid, d.oid, 0, d.defaclacl::text FROM pg_catalog.pg_default_acl AS d
    UNION ALL
    SELECT 'pg_type'::regclass::oid, t.oid, 0, t.typacl::text
    FROM pg_catalog.pg_type AS t WHERE t.typacl IS NOT NULL AND t.oid >= 16384
    UNION ALL
    SELECT 'pg_language'::regclass::oid, l.oid, 0, l.lanacl::text FROM pg_catalog.pg_language AS l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_server'::regclass::oid, s.oid, 0, s.srvacl::text FROM pg_catalog.pg_foreign_server AS s WHERE s.srvacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass::oid, f.oid, 0, f.fdwacl::text
    FROM pg_catalog.pg_foreign_data_wrapper AS f WHERE f.fdwacl IS NOT NULL
$$;

-- what has them, in words; NULL where it is gone
CREATE OR REPLACE FUNCTION pgguard_audit.acl_name(class oid, object oid, part integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE class::regclass
        WHEN 'pg_class'::regclass THEN (
            SELECT c.oid::regclass::text || coalesce('.' || pg_catalog.quote_ident(a.attname), '')
            FROM pg_catalog.pg_class AS c
            LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = part AND part > 0 AND NOT a.attisdropped
            WHERE c.oid = object AND (part = 0 OR a.attname IS NOT NULL))
        WHEN 'pg_proc'::regclass THEN (SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p WHERE p.oid = object)
        WHEN 'pg_namespace'::regclass THEN (
            SELECT 'schema ' || pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace AS n WHERE n.oid = object)
        WHEN 'pg_default_acl'::regclass THEN (
            SELECT pg_catalog.format('default privileges of %s for %s in %s', d.defaclrole::regrole, d.defaclobjtype,
                CASE d.defaclnamespace WHEN 0 THEN 'all schemas' ELSE d.defaclnamespace::regnamespace::text END)
            FROM pg_catalog.pg_default_acl AS d WHERE d.oid = object)
        WHEN 'pg_type'::regclass THEN (SELECT t.oid::regtype::text FROM pg_catalog.pg_type AS t WHERE t.oid = object)
        WHEN 'pg_language'::regclass THEN (
            SELECT 'language ' || pg_catalog.quote_ident(l.lanname) FROM pg_catalog.pg_language AS l WHERE l.oid = object)
        WHEN 'pg_foreign_server'::regclass THEN (
            SELECT 'server ' || pg_catalog.quote_ident(s.srvname) FROM pg_catalog.pg_foreign_server AS s WHERE s.oid = object)
        WHEN 'pg_foreign_data_wrapper'::regclass THEN (
            SELECT 'foreign data wrapper ' || pg_catalog.quote_ident(f.fdwname)
            FROM pg_catalog.pg_foreign_data_wrapper AS f WHERE f.oid = object) END
$$;

-- records what changed of privileges since they were last seen; with a verb of NULL only looks
CREATE OR REPLACE FUNCTION pgguard_audit.note_acls(verb text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    one record;
    -- pg_attribute is the largest catalog, and few commands change privileges in it
    columns boolean := verb IS NULL OR verb IN ('GRANT', 'REVOKE', 'DROP OWNED', 'REASSIGN OWNED', 'WATCH');
BEGIN
    FOR one IN
        SELECT d.*, CASE WHEN verb IS NOT NULL THEN pgguard_audit.acl_name(d.class, d.object, d.part) END AS name
        FROM (
            SELECT coalesce(n.class, k.class) AS class, coalesce(n.object, k.object) AS object, coalesce(n.part, k.part) AS part,
                k.acl AS before, n.acl AS after
            FROM pgguard_audit.acls(columns) AS n
            FULL JOIN (SELECT * FROM pgguard_audit.known_acl AS k WHERE columns OR k.part = 0) AS k
                ON k.class = n.class AND k.object = n.object AND k.part = n.part
            WHERE k.acl IS DISTINCT FROM n.acl OR n.class IS NULL) AS d
        ORDER BY name
    LOOP
        IF one.after IS NULL THEN
            DELETE FROM pgguard_audit.known_acl AS k WHERE k.class = one.class AND k.object = one.object AND k.part = one.part;
        ELSE
            INSERT INTO pgguard_audit.known_acl AS k (class, object, part, acl) VALUES (one.class, one.object, one.part, one.after)
            ON CONFLICT ON CONSTRAINT known_acl_pkey DO UPDATE SET acl = excluded.acl;
        END IF;
        -- no name: it was dropped
        IF verb IS NOT NULL AND one.name IS NOT NULL AND one.before IS DISTINCT FROM one.after THEN
            PERFORM pgguard_audit.note(verb, one.name, ARRAY[one.before], ARRAY[one.after]);
        END IF;
    END LOOP;
END
$$;

-- Whoever is not a superuser cannot take the triggers of an audited table away, nor disable them.
CREATE OR REPLACE FUNCTION pgguard_audit.refuse(what text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user) THEN
        RAISE EXCEPTION 'pgguard: %: the table is audited, and only a superuser ends that', what USING ERRCODE = 'PGA04';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.audited_above(part regclass) RETURNS regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE above (relation, depth) AS (
        SELECT part::oid, 0
        UNION SELECT i.inhparent, a.depth + 1 FROM above AS a JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.relation
    )
    SELECT t.relation FROM above AS a JOIN pgguard_audit.audited AS t ON t.relation = a.relation ORDER BY a.depth LIMIT 1
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.covers(relation oid, schema text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pgguard_audit.covered AS c WHERE c.schema = covers.schema) AND EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.oid = covers.relation AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition)
$$;

-- Tables above audited ones, the topmost, that are not audited: what is written through them sets off no statement
-- trigger of those below.
CREATE OR REPLACE FUNCTION pgguard_audit.open_above() RETURNS TABLE (above regclass, below regclass)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE up (relation, below) AS (
        SELECT i.inhparent, a.relation::oid FROM pgguard_audit.audited AS a
        JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.relation WHERE a.level = 'statement'
        UNION
        SELECT i.inhparent, u.below FROM up AS u JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = u.relation
    )
    SELECT DISTINCT ON (u.relation) u.relation::regclass, u.below::regclass FROM up AS u
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = u.relation)
        AND NOT EXISTS (SELECT FROM pgguard_audit.audited AS a WHERE a.relation = u.relation)
    ORDER BY u.relation, u.below
$$;

-- tables that have triggers of an audited table, and are no part of it any more
CREATE OR REPLACE FUNCTION pgguard_audit.left_parts(table_ regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT t.tgrelid::regclass FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
    WHERE f.pronamespace = 'pgguard_audit'::regnamespace
        AND f.proname = ANY (ARRAY(SELECT pgguard_audit.function_name(table_, v.verb)
            FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v (verb)))
        AND t.tgrelid <> ALL (ARRAY(SELECT p.part::oid FROM pgguard_audit.parts(table_) AS p (part)))
$$;

-- Statement triggers do not fire where rows arrive by replication: the tables of which that is so from now on.
CREATE OR REPLACE FUNCTION pgguard_audit.subscribed() RETURNS SETOF regclass
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE pgguard_audit.audited AS a SET level = 'row'
    WHERE a.level = 'statement' AND EXISTS (
        SELECT FROM pgguard_audit.parts(a.relation) AS p (part) JOIN pg_catalog.pg_subscription_rel AS s ON s.srrelid = p.part)
    RETURNING a.relation
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.all_audited() RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- those that were dropped where no event trigger saw it are not there any more
    SELECT a.relation FROM pgguard_audit.audited AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.relation
$$;

-- audited tables of which columns or the key went, by CASCADE or with an index
CREATE OR REPLACE FUNCTION pgguard_audit.outdated() RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.a FROM pgguard_audit.all_audited() AS a (a)
    JOIN pgguard_audit.audited AS t ON t.relation = a.a JOIN pgguard_audit.shape AS s ON s.id = t.shape
    CROSS JOIN LATERAL (
        SELECT coalesce(pg_catalog.array_agg(c.name ORDER BY c.number), '{}') AS columns,
            coalesce(pg_catalog.array_agg(c.name ORDER BY c.key_place) FILTER (WHERE c.key_place IS NOT NULL), '{}') AS key
        FROM pgguard_audit.columns_of(a.a) AS c) AS n
    WHERE n.columns <> s.columns OR n.key <> s.key
$$;

-- Rows that a table had before it was audited, in the same statement: CREATE TABLE AS. Whoever calls it lets
-- pgguard_audit_owner read the table so long.
CREATE OR REPLACE FUNCTION pgguard_audit.record_rows(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC'
SET IntervalStyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C'
SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    -- such a table has no key and nothing but marked columns yet: its code is one statement
    EXECUTE pg_catalog.replace(pg_catalog.replace(
        pg_catalog.substring(pgguard_audit.code(table_, 'INSERT', false), E'BEGIN\n(.*);\n    RETURN NULL'),
        'FROM new_rows AS n', pg_catalog.format('FROM %s AS n', table_)), ', tag_key_)', ', $1)')
    USING pgguard_audit.tag_key();
END
$$;

-- Triggers of the audit that are disabled now (or for replicas alone) and were not when it was last looked. Those that
-- are enabled, but not ALWAYS, as ENABLE TRIGGER ALL leaves them, are put right by refresh().
CREATE OR REPLACE FUNCTION pgguard_audit.switched_off_now() RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
        WHERE f.pronamespace = 'pgguard_audit'::regnamespace AND NOT t.tgisinternal AND t.tgenabled = 'O')
    THEN
        PERFORM pgguard_audit.refuse('changing when its triggers fire');
    END IF;
    FOR one IN
        DELETE FROM pgguard_audit.switched_off AS s
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.oid = s.trigger AND t.tgenabled IN ('D', 'R'))
        RETURNING (SELECT pg_catalog.format('trigger %I on %s', t.tgname, t.tgrelid::regclass)
            FROM pg_catalog.pg_trigger AS t WHERE t.oid = s.trigger) AS name
    LOOP
        IF one.name IS NOT NULL THEN
            PERFORM pgguard_audit.note('AUDIT ON', one.name);
        END IF;
    END LOOP;
    RETURN QUERY
        WITH off AS (
            INSERT INTO pgguard_audit.switched_off (trigger)
            SELECT t.oid FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
            WHERE f.pronamespace = 'pgguard_audit'::regnamespace AND NOT t.tgisinternal AND t.tgenabled IN ('D', 'R')
            ON CONFLICT DO NOTHING RETURNING trigger
        )
        SELECT pg_catalog.format('trigger %I on %s', t.tgname, t.tgrelid::regclass)
        FROM off JOIN pg_catalog.pg_trigger AS t ON t.oid = off.trigger ORDER BY 1;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.is_switched_off(table_ regclass) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pgguard_audit.switched_off AS s JOIN pg_catalog.pg_trigger AS t ON t.oid = s.trigger
        JOIN pgguard_audit.parts(table_) AS p (part) ON p.part = t.tgrelid)
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.know_columns(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pgguard_audit.known_column AS k WHERE k.relation = table_;
    INSERT INTO pgguard_audit.known_column (relation, number, name)
    SELECT a.attrelid, a.attnum, a.attname FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = table_ AND a.attnum > 0 AND NOT a.attisdropped;
END
$$;

-- in a restored dump what was known by numbers is learnt anew, once, and nothing of it is a change
CREATE OR REPLACE FUNCTION pgguard_audit.look_anew() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pgguard_audit.known_store AS k WHERE k.entry = 'pgguard_audit.entry'::regclass) THEN
        RETURN;
    END IF;
    DELETE FROM pgguard_audit.known_store;
    IF FOUND THEN
        PERFORM pgguard_audit.note('AUDIT CHANGED', 'a dump was restored here: privileges and columns are learnt anew');
    END IF;
    INSERT INTO pgguard_audit.known_store (entry) VALUES ('pgguard_audit.entry'::regclass);
    DELETE FROM pgguard_audit.known_acl;
    DELETE FROM pgguard_audit.known_column;
    DELETE FROM pgguard_audit.switched_off;
    PERFORM pgguard_audit.note_acls(NULL);
    PERFORM pgguard_audit.know_columns(a.a) FROM pgguard_audit.all_audited() AS a (a);
END
$$;

-- columns that were renamed are still of the class that they were
CREATE OR REPLACE FUNCTION pgguard_audit.follow_renames(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT k.name AS before, a.attname::text AS after
        FROM pgguard_audit.known_column AS k
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.relation AND a.attnum = k.number AND NOT a.attisdropped
        WHERE k.relation = table_ AND k.name <> a.attname
    LOOP
        UPDATE pgguard_audit.audited_column AS c SET name = one.after WHERE c.relation = table_ AND c.name = one.before;
        UPDATE pgguard_audit.audited AS t SET subject = one.after WHERE t.relation = table_ AND t.subject = one.before;
    END LOOP;
    PERFORM pgguard_audit.know_columns(table_);
    DELETE FROM pgguard_audit.audited_column AS c WHERE c.relation = table_ AND NOT EXISTS (
        SELECT FROM pgguard_audit.known_column AS k WHERE k.relation = table_ AND k.name = c.name);
    FOR one IN SELECT t.subject FROM pgguard_audit.audited AS t WHERE t.relation = table_ AND t.subject IS NOT NULL AND NOT EXISTS (
        SELECT FROM pgguard_audit.known_column AS k WHERE k.relation = table_ AND k.name = t.subject)
    LOOP
        UPDATE pgguard_audit.audited AS t SET subject = NULL WHERE t.relation = table_;
        PERFORM pgguard_audit.note('AUDIT CHANGED', pg_catalog.format('%s: the column that told whose data a row is was dropped', table_),
            ARRAY[one.subject], ARRAY[NULL::text]);
    END LOOP;
END
$$;

-- Functions of event triggers are not in the schema of the store: else its owner takes them, and the event triggers,
-- away with it. They run with a superuser's rights and call functions of pgguard_audit_owner, which are SECURITY DEFINER
-- and so run with that role's. Whoever makes one that is not is stopped here, before anything is called.
CREATE OR REPLACE FUNCTION pgguard.audit_sound() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    SELECT pg_catalog.string_agg(p.oid::regprocedure::text, ', ') INTO wrong
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
    WHERE p.pronamespace = pg_catalog.to_regnamespace('pgguard_audit') AND NOT p.prosecdef AND NOT r.rolsuper
        -- these are called by functions of pgguard_audit_owner alone
        AND p.proname NOT IN ('random_bytes', 'hmac_sha512', 'aes_encrypt', 'wrap_key');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'pgguard: % would run with the rights of a superuser: it has to be dropped by one', wrong USING ERRCODE = 'PGA04';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION pgguard.audit_on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command record;
    one record;
    root regclass;
    off text;
    word text;
    lasting boolean := false;
    touched regclass[] := ARRAY[]::regclass[];
BEGIN
    PERFORM pgguard.audit_sound();
    -- what this function does itself
    word := pgguard_audit.own_word('refresh');
    IF pg_catalog.current_setting('pgguard.refreshing', true) = word THEN
        RETURN;
    END IF;
    PERFORM pgguard_audit.look_anew();
    FOR command IN SELECT * FROM pg_catalog.pg_event_trigger_ddl_commands() LOOP
        CONTINUE WHEN command.schema_name IS NOT DISTINCT FROM 'pg_temp';
        lasting := true;
        CONTINUE WHEN command.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES');
        PERFORM pgguard_audit.note(command.command_tag, pg_catalog.concat_ws(' ', command.object_type,
            coalesce(command.object_identity, 'of the cluster')));
        IF command.classid = 'pg_class'::regclass AND command.objid IS NOT NULL THEN
            root := pgguard_audit.audited_above(command.objid);
            IF root IS NULL AND command.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE',
                    'IMPORT FOREIGN SCHEMA')
                AND pgguard_audit.covers(command.objid, command.schema_name)
            THEN
                PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
                PERFORM pgguard_audit.audit(command.objid::regclass);
                IF command.command_tag IN ('CREATE TABLE AS', 'SELECT INTO') THEN
                    PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
                    EXECUTE pg_catalog.format('GRANT SELECT ON %s TO pgguard_audit_owner', command.objid::regclass);
                    PERFORM pgguard_audit.record_rows(command.objid::regclass);
                    EXECUTE pg_catalog.format('REVOKE SELECT ON %s FROM pgguard_audit_owner', command.objid::regclass);
                END IF;
                PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
                root := command.objid::regclass;
            END IF;
            IF root IS NULL AND command.command_tag IN ('CREATE INDEX', 'ALTER INDEX') THEN
                -- a unique one may be the key from now on
                root := pgguard_audit.audited_above((
                    SELECT i.indrelid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = command.objid AND i.indisunique));
            END IF;
            touched := touched || root;
        ELSIF command.classid = 'pg_trigger'::regclass THEN
            FOR one IN
                SELECT t.tgrelid, f.pronamespace = 'pgguard_audit'::regnamespace AS ours
                FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid WHERE t.oid = command.objid
            LOOP
                IF one.ours AND command.command_tag = 'ALTER TRIGGER' THEN
                    PERFORM pgguard_audit.refuse('changing its triggers');
                END IF;
                touched := touched || pgguard_audit.audited_above(one.tgrelid);
            END LOOP;
        ELSIF command.command_tag IN ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN') THEN
            -- what code may name
            touched := touched || ARRAY(SELECT a.a FROM pgguard_audit.all_audited() AS a (a));
        ELSIF command.command_tag IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION') THEN
            touched := touched || ARRAY(SELECT s.s FROM pgguard_audit.subscribed() AS s (s));
        END IF;
    END LOOP;
    IF NOT lasting AND TG_TAG NOT IN ('DROP OWNED', 'REASSIGN OWNED') THEN
        RETURN;
    END IF;
    PERFORM pgguard_audit.note_acls(TG_TAG);
    FOR off IN SELECT s.s FROM pgguard_audit.switched_off_now() AS s (s) LOOP
        PERFORM pgguard_audit.refuse('disabling its triggers');
        PERFORM pgguard_audit.note('AUDIT OFF', off);
    END LOOP;
    FOR root IN SELECT DISTINCT t.one FROM pg_catalog.unnest(touched) AS t (one) WHERE t.one IS NOT NULL LOOP
        PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
        PERFORM pgguard_audit.follow_renames(root);
        IF pgguard_audit.is_switched_off(root) THEN
            -- a superuser's decision stands, and what still fires must fit the table
            PERFORM pgguard_audit.write_code(root);
        ELSE
            PERFORM pgguard_audit.refresh(root);
        END IF;
        -- a part that leaves goes on being audited, by itself
        FOR one IN
            SELECT l.l AS part, d.* FROM pgguard_audit.left_parts(root) AS l (l), pgguard_audit.declared(root) AS d
        LOOP
            PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
            PERFORM pgguard_audit.audit(one.part, one.subject, one.classes, one.level, one.truncate_allowed, one.key_is_tag, one.subject_is_tag);
        END LOOP;
        PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    END LOOP;
    -- nor does it get out of sight below a table that is not audited
    FOR one IN
        SELECT o.above, d.* FROM pgguard_audit.open_above() AS o, pgguard_audit.declared(o.below) AS d
        WHERE TG_TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'CREATE TABLE')
    LOOP
        PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
        PERFORM pgguard_audit.audit(one.above,
            CASE WHEN pgguard_audit.has_column(one.above, one.subject) THEN one.subject END,
            (SELECT coalesce(pg_catalog.jsonb_object_agg(c.key, c.value), '{}') FROM pg_catalog.jsonb_each(one.classes) AS c
             WHERE pgguard_audit.has_column(one.above, c.key)),
            one.level, one.truncate_allowed, one.key_is_tag, one.subject_is_tag);
        PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.has_column(table_ regclass, column_name text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = table_ AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped)
$$;

CREATE OR REPLACE FUNCTION pgguard.audit_on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped record;
    part regclass;
    name text;
    less boolean := false;
BEGIN
    PERFORM pgguard.audit_sound();
    IF pg_catalog.current_setting('pgguard.refreshing', true) = pgguard_audit.own_word('refresh') THEN
        RETURN;
    END IF;
    PERFORM pgguard_audit.look_anew();
    FOR dropped IN SELECT * FROM pg_catalog.pg_event_trigger_dropped_objects() LOOP
        CONTINUE WHEN dropped.is_temporary OR dropped.schema_name IS NOT DISTINCT FROM 'pg_temp';
        IF dropped.schema_name = 'pgguard_audit' OR dropped.object_type = 'schema' AND dropped.object_name = 'pgguard_audit'
            OR dropped.object_identity LIKE 'pgguard.identify(%' OR dropped.object_identity LIKE 'pgguard.audit%'
        THEN
            PERFORM pgguard_audit.refuse('dropping what audits it');
        END IF;
        IF dropped.object_type IN ('table', 'foreign table') THEN
            PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
            FOR name IN
                SELECT p.proname FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v (verb)
                JOIN pg_catalog.pg_proc AS p ON p.proname = pgguard_audit.function_name(dropped.objid, v.verb)
                WHERE p.pronamespace = 'pgguard_audit'::regnamespace AND p.pronargs = 0
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = p.oid)
            LOOP
                EXECUTE pg_catalog.format('DROP FUNCTION pgguard_audit.%I()', name);
            END LOOP;
            PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
            IF pgguard_audit.forget(dropped.objid) THEN
                PERFORM pgguard_audit.note('AUDIT OFF', pg_catalog.format('%s was dropped', dropped.object_identity));
            END IF;
        ELSIF dropped.object_type = 'trigger' AND pg_catalog.starts_with(dropped.address_names[3], 'pgguard_') THEN
            -- whatever takes it away: a function or an extension that it depends on, as well
            part := pg_catalog.to_regclass(pg_catalog.format('%I.%I', dropped.address_names[1], dropped.address_names[2]));
            IF part IS NOT NULL AND (pgguard_audit.audited_above(part) IS NOT NULL OR dropped.address_names[1] = 'pgguard_audit') THEN
                PERFORM pgguard_audit.refuse('dropping its triggers');
                PERFORM pgguard_audit.note('AUDIT OFF', dropped.object_identity);
            END IF;
        END IF;
        -- columns go with their type, and the key with its index; after ALTER TABLE the other event trigger sees to it
        less := less OR TG_TAG NOT IN ('ALTER TABLE', 'DROP TABLE')
            AND (dropped.object_type = 'table column' OR dropped.object_type = 'index' AND dropped.original);
        IF dropped.original OR dropped.object_type IN ('table', 'view', 'function', 'policy', 'table column') THEN
            PERFORM pgguard_audit.note(TG_TAG, dropped.object_type || ' ' || dropped.object_identity);
        END IF;
    END LOOP;
    IF less THEN
        FOR part IN SELECT o.o FROM pgguard_audit.outdated() AS o (o) LOOP
            PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
            PERFORM pgguard_audit.follow_renames(part);
            PERFORM pgguard_audit.refresh(part);
            PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
        END LOOP;
    END IF;
END
$$;

-- ALTER TABLE can change the values of every row, and sets off no trigger then.
CREATE OR REPLACE FUNCTION pgguard.audit_on_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass := pg_catalog.pg_event_trigger_table_rewrite_oid();
    reason integer := pg_catalog.pg_event_trigger_table_rewrite_reason();
BEGIN
    PERFORM pgguard.audit_sound();
    IF pgguard_audit.audited_above(part) IS NOT NULL THEN
        -- the bits of commands/event_trigger.h
        PERFORM pgguard_audit.note('TABLE REWRITE', part::text, NULL, pg_catalog.array_remove(ARRAY[
            CASE WHEN reason & 1 <> 0 THEN 'persistence' END, CASE WHEN reason & 2 <> 0 THEN 'default of a new column' END,
            CASE WHEN reason & 4 <> 0 THEN 'values of a column' END, CASE WHEN reason & 8 <> 0 THEN 'access method' END], NULL));
    END IF;
END
$$;

DO $high$
DECLARE
    one record;
    wrong text;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'pgguard: event triggers need a superuser; without them run 020 and 021 alone';
    END IF;
    FOR one IN
        SELECT * FROM (VALUES ('audit_sound', 'tells whether functions of the store keep to its owner''s rights'),
            ('audit_on_ddl', 'records DDL, and writes the code of audited tables anew when they change'),
            ('audit_on_drop', 'records what is dropped'), ('audit_on_rewrite', 'records when all rows of a table are written anew')) AS h (name, does)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION pgguard.%I() IS %L', one.name, 'pgguard, as superuser: ' || one.does);
        PERFORM pgguard_audit.keep_high(('pgguard.' || one.name || '()')::regprocedure);
    END LOOP;
    SELECT pg_catalog.string_agg(p.oid::regprocedure::text, ', ') INTO wrong
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
    WHERE p.pronamespace = 'pgguard_audit'::regnamespace AND NOT r.rolsuper
        AND p.proname IN ('keep_high', 'settle', 'write_code', 'put_triggers', 'refresh', 'audit', 'leave');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'pgguard: the event triggers would run % as superuser: run 020 and 021 again as a superuser, then this', wrong;
    END IF;
END
$high$;
SELECT pgguard_audit.settle();
SELECT pgguard_audit.look_anew();
SELECT pgguard_audit.note_acls(NULL);

DO $event_triggers$
DECLARE
    one record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_ddl') THEN
        CREATE EVENT TRIGGER pgguard_audit_ddl ON ddl_command_end EXECUTE FUNCTION pgguard.audit_on_ddl();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_drop') THEN
        CREATE EVENT TRIGGER pgguard_audit_drop ON sql_drop EXECUTE FUNCTION pgguard.audit_on_drop();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_rewrite') THEN
        CREATE EVENT TRIGGER pgguard_audit_rewrite ON table_rewrite EXECUTE FUNCTION pgguard.audit_on_rewrite();
    END IF;
    ALTER EVENT TRIGGER pgguard_audit_rewrite ENABLE ALWAYS;
    ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS;
    ALTER EVENT TRIGGER pgguard_audit_drop ENABLE ALWAYS;
    -- tables that were audited before get code that counts on the event triggers
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    FOR one IN SELECT a.a AS relation FROM pgguard_audit.all_audited() AS a (a) LOOP
        PERFORM pgguard_audit.follow_renames(one.relation);
        PERFORM pgguard_audit.refresh(one.relation);
    END LOOP;
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
END
$event_triggers$;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '022_audit_ddl');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
