-- Audit: event triggers, so that a changed table is audited as it is now, in the same transaction, and changes of
-- tables, privileges, policies, triggers and functions are recorded. Run by a superuser, after 021_audit_code.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- What is recorded: the command's tag and the object's name; never a statement's text, which may hold values. Of
-- GRANT and REVOKE the access privileges before and after, because PostgreSQL tells no grantee.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
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

-- access privileges as they are now
CREATE OR REPLACE FUNCTION pgguard_audit.acls()
RETURNS TABLE (class oid, object oid, part integer, name text, acl text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'pg_class'::regclass::oid, c.oid, 0, c.oid::regclass::text, c.relacl::text
    FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace NOT IN (
        SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname ~ '^pg_(toast|temp)' OR n.nspname IN ('pg_catalog', 'information_schema'))
    UNION ALL
    SELECT 'pg_class'::regclass::oid, a.attrelid, a.attnum, pg_catalog.format('%s.%I', a.attrelid::regclass, a.attname), a.attacl::text
    FROM pg_catalog.pg_attribute AS a WHERE a.attacl IS NOT NULL AND a.attrelid >= 16384
    UNION ALL
    SELECT 'pg_proc'::regclass::oid, p.oid, 0, p.oid::regprocedure::text, p.proacl::text
    FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384
    UNION ALL
    SELECT 'pg_namespace'::regclass::oid, n.oid, 0, 'schema ' || n.oid::regnamespace::text, n.nspacl::text
    FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_(toast|temp)'
    UNION ALL
    SELECT 'pg_default_acl'::regclass::oid, d.oid, 0,
        pg_catalog.format('default privileges of %s for %s in %s', d.defaclrole::regrole, d.defaclobjtype,
            CASE d.defaclnamespace WHEN 0 THEN 'all schemas' ELSE d.defaclnamespace::regnamespace::text END), d.defaclacl::text
    FROM pg_catalog.pg_default_acl AS d
    UNION ALL
    SELECT 'pg_type'::regclass::oid, t.oid, 0, t.oid::regtype::text, t.typacl::text
    FROM pg_catalog.pg_type AS t WHERE t.typacl IS NOT NULL AND t.oid >= 16384
    UNION ALL
    SELECT 'pg_language'::regclass::oid, l.oid, 0, 'language ' || l.lanname, l.lanacl::text
    FROM pg_catalog.pg_language AS l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_server'::regclass::oid, s.oid, 0, 'server ' || pg_catalog.quote_ident(s.srvname), s.srvacl::text
    FROM pg_catalog.pg_foreign_server AS s
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass::oid, f.oid, 0, 'foreign data wrapper ' || pg_catalog.quote_ident(f.fdwname), f.fdwacl::text
    FROM pg_catalog.pg_foreign_data_wrapper AS f
$$;

-- records what changed of privileges since they were last seen; with a verb of NULL only looks
CREATE OR REPLACE FUNCTION pgguard_audit.note_acls(verb text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT n.class, n.object, n.part, n.name, k.acl AS before, n.acl AS after
        FROM pgguard_audit.acls() AS n
        LEFT JOIN pgguard_audit.known_acl AS k ON k.class = n.class AND k.object = n.object AND k.part = n.part
        WHERE k.acl IS DISTINCT FROM n.acl
        ORDER BY n.name
    LOOP
        IF verb IS NOT NULL THEN
            PERFORM pgguard_audit.note(verb, one.name, ARRAY[one.before], ARRAY[one.after]);
        END IF;
        INSERT INTO pgguard_audit.known_acl AS k (class, object, part, acl) VALUES (one.class, one.object, one.part, one.after)
        ON CONFLICT ON CONSTRAINT known_acl_pkey DO UPDATE SET acl = excluded.acl;
    END LOOP;
    FOR one IN
        SELECT k.class, k.object, k.part, k.acl, a.attname, c.oid::regclass AS relation
        FROM pgguard_audit.known_acl AS k
        LEFT JOIN pg_catalog.pg_class AS c ON k.class = 'pg_class'::regclass AND c.oid = k.object
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.part AND k.part > 0
        WHERE NOT EXISTS (
            SELECT FROM pgguard_audit.acls() AS n WHERE n.class = k.class AND n.object = k.object AND n.part = k.part)
    LOOP
        IF verb IS NOT NULL AND one.acl IS NOT NULL AND one.attname IS NOT NULL THEN
            PERFORM pgguard_audit.note(verb, pg_catalog.format('%s.%I', one.relation, one.attname), ARRAY[one.acl], ARRAY[NULL::text]);
        END IF;
        DELETE FROM pgguard_audit.known_acl AS k WHERE k.class = one.class AND k.object = one.object AND k.part = one.part;
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
    DELETE FROM pgguard_audit.known_column AS k WHERE k.relation = table_;
    INSERT INTO pgguard_audit.known_column (relation, number, name)
    SELECT a.attrelid, a.attnum, a.attname FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = table_ AND a.attnum > 0 AND NOT a.attisdropped;
    DELETE FROM pgguard_audit.audited_column AS c WHERE c.relation = table_ AND NOT EXISTS (
        SELECT FROM pgguard_audit.known_column AS k WHERE k.relation = table_ AND k.name = c.name);
    UPDATE pgguard_audit.audited AS t SET subject = NULL WHERE t.relation = table_ AND t.subject IS NOT NULL AND NOT EXISTS (
        SELECT FROM pgguard_audit.known_column AS k WHERE k.relation = table_ AND k.name = t.subject);
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command record;
    root regclass;
    word text;
    touched regclass[] := ARRAY[]::regclass[];
BEGIN
    -- what this function does itself
    word := pgguard_audit.own_word('refresh');
    IF pg_catalog.current_setting('pgguard.refreshing', true) = word THEN
        RETURN;
    END IF;
    FOR command IN SELECT * FROM pg_catalog.pg_event_trigger_ddl_commands() LOOP
        CONTINUE WHEN command.schema_name = 'pg_temp' OR command.object_identity LIKE 'pg\_temp%';
        IF command.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES') THEN
            CONTINUE;
        END IF;
        PERFORM pgguard_audit.note(command.command_tag, pg_catalog.concat_ws(' ', command.object_type,
            coalesce(command.object_identity, 'of the cluster')));
        IF command.classid = 'pg_class'::regclass AND command.objid IS NOT NULL THEN
            root := pgguard_audit.audited_above(command.objid);
            IF root IS NULL AND command.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE',
                    'IMPORT FOREIGN SCHEMA')
                AND EXISTS (SELECT FROM pgguard_audit.covered AS c WHERE c.schema = command.schema_name)
                AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = command.objid AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition)
            THEN
                PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
                PERFORM pgguard_audit.audit(command.objid::regclass);
                PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
                root := command.objid::regclass;
            END IF;
            touched := touched || root;
        ELSIF command.classid = 'pg_trigger'::regclass THEN
            touched := touched || (SELECT pgguard_audit.audited_above(t.tgrelid::regclass)
                FROM pg_catalog.pg_trigger AS t WHERE t.oid = command.objid);
        ELSIF command.classid = 'pg_type'::regclass OR command.command_tag LIKE 'ALTER %' THEN
            -- renamed schemas, types and what else code may name
            touched := touched || ARRAY(SELECT a.relation FROM pgguard_audit.audited AS a
                WHERE command.command_tag IN ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN'));
        END IF;
    END LOOP;
    IF TG_TAG IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES') THEN
        PERFORM pgguard_audit.note_acls(TG_TAG);
    ELSE
        PERFORM pgguard_audit.note_acls(NULL);
    END IF;
    FOR root IN SELECT DISTINCT t.one FROM pg_catalog.unnest(touched) AS t (one) WHERE t.one IS NOT NULL LOOP
        IF EXISTS (
            SELECT FROM pg_catalog.pg_trigger AS t JOIN pgguard_audit.parts(root) AS p (part) ON p.part = t.tgrelid
            WHERE t.tgname LIKE 'pgguard\_audit\_%' AND t.tgenabled <> 'A')
        THEN
            PERFORM pgguard_audit.refuse('disabling its triggers');
            PERFORM pgguard_audit.note('AUDIT OFF', root::text);
            CONTINUE;
        END IF;
        PERFORM pg_catalog.set_config('pgguard.refreshing', word, true);
        PERFORM pgguard_audit.follow_renames(root);
        PERFORM pgguard_audit.refresh(root);
        PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgguard_audit.on_ddl() IS
    'pgguard, as superuser: records DDL, and writes the code of audited tables anew when they change';

CREATE OR REPLACE FUNCTION pgguard_audit.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped record;
    root regclass;
BEGIN
    IF pg_catalog.current_setting('pgguard.refreshing', true) = pgguard_audit.own_word('refresh') THEN
        RETURN;
    END IF;
    FOR dropped IN SELECT * FROM pg_catalog.pg_event_trigger_dropped_objects() LOOP
        CONTINUE WHEN dropped.is_temporary OR dropped.schema_name LIKE 'pg\_temp%';
        IF dropped.object_type IN ('table', 'foreign table') THEN
            DELETE FROM pgguard_audit.audited AS a WHERE a.relation = dropped.objid;
            DELETE FROM pgguard_audit.known_column AS k WHERE k.relation = dropped.objid;
        END IF;
        IF dropped.object_type = 'trigger' AND dropped.original AND dropped.address_names[3] LIKE 'pgguard\_audit\_%' THEN
            PERFORM pgguard_audit.refuse('dropping its triggers');
            PERFORM pgguard_audit.note('AUDIT OFF', dropped.object_identity);
        END IF;
        IF dropped.original OR dropped.object_type IN ('table', 'view', 'function', 'policy', 'table column') THEN
            PERFORM pgguard_audit.note(TG_TAG, dropped.object_type || ' ' || dropped.object_identity);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pgguard_audit.on_drop() IS 'pgguard, as superuser: records what is dropped';

CREATE TABLE IF NOT EXISTS pgguard_audit.known_column (
    relation oid NOT NULL,
    number smallint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (relation, number)
);
COMMENT ON TABLE pgguard_audit.known_column IS 'columns of audited tables, by which renames are told from new columns';

SELECT pgguard_audit.settle();
SELECT pgguard_audit.note_acls(NULL);

DO $event_triggers$
DECLARE
    one record;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'pgguard: event triggers need a superuser; without them run 020 and 021 alone';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_ddl') THEN
        CREATE EVENT TRIGGER pgguard_audit_ddl ON ddl_command_end EXECUTE FUNCTION pgguard_audit.on_ddl();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_drop') THEN
        CREATE EVENT TRIGGER pgguard_audit_drop ON sql_drop EXECUTE FUNCTION pgguard_audit.on_drop();
    END IF;
    ALTER EVENT TRIGGER pgguard_audit_ddl ENABLE ALWAYS;
    ALTER EVENT TRIGGER pgguard_audit_drop ENABLE ALWAYS;
    -- tables that were audited before get code that counts on the event triggers
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    FOR one IN SELECT a.relation FROM pgguard_audit.audited AS a LOOP
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
END
$told$;
