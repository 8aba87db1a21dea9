-- Audit: the catalog watch, for what event triggers never see: roles, memberships, settings, pg_hba.conf, grants on
-- parameters, databases and tablespaces, and the event triggers themselves. Run by a superuser, after 022_audit_ddl.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- `pgguard audit watch` calls pgguard_audit.watch() every few seconds; what differs from the look before becomes an
-- entry with the verb WATCH: the object, what was seen before and now, and when. Who did it no catalog tells; the
-- server's log does (pgaudit with the class role, or log_statement = ddl), by time and object. What was undone
-- between two looks is not seen, but for the audit's own triggers and functions: their rows' versions tell.
-- No password, verifier or other secret is recorded or kept: a keyed digest tells whether it changed.

-- what these files do themselves is told by one entry, not by one for each of their statements
DO $quiet$
BEGIN
    -- operators and functions of PostgreSQL only, whatever schemas whoever runs this has on his path
    PERFORM pg_catalog.set_config('pgguard.path_before', pg_catalog.current_setting('search_path'), false),
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) '');
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'pgguard: the catalog watch reads what only a superuser may: run this file as one';
    END IF;
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
END
$quiet$;

CREATE TABLE IF NOT EXISTS pgguard_audit.watched (
    kind text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    shown text NOT NULL,
    print bytea NOT NULL,
    PRIMARY KEY (kind, id)
);
COMMENT ON TABLE pgguard_audit.watched IS
    'what the catalog watch saw last; print is a keyed digest of all that counts, secrets among it. Nobody reads it but the watch';
CREATE TABLE IF NOT EXISTS pgguard_audit.watch_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    looked_at timestamp with time zone NOT NULL,
    horizon bigint NOT NULL
);
COMMENT ON TABLE pgguard_audit.watch_state IS
    'when the catalog was last looked at; transactions from horizon on may have ended since';

CREATE OR REPLACE FUNCTION pgguard_audit.watch_key() RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.sha256('watch'::bytea || i.secret) FROM pgguard_audit.installation AS i
$$;

-- The catalog as it is now, one row for each thing that is watched. print is the digest of everything that counts.
CREATE OR REPLACE FUNCTION pgguard_audit.catalog_now()
RETURNS TABLE (kind text, id text, name text, shown text, print bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
#variable_conflict use_column
DECLARE
    secret_ bytea := pgguard_audit.watch_key();
    modern_ boolean := pg_catalog.current_setting('server_version_num')::integer >= 150000;
BEGIN
    RETURN QUERY
    WITH harmless (name) AS MATERIALIZED (
        -- parameters whose values are shown: numbers, switches and choices cannot be secrets, and few texts are
        -- known not to be
        SELECT pg_catalog.lower(s.name) FROM pg_catalog.pg_settings AS s
        WHERE s.vartype IN ('bool', 'integer', 'real', 'enum') OR s.name IN ('search_path', 'role', 'TimeZone', 'log_timezone',
            'DateStyle', 'listen_addresses', 'log_destination', 'log_line_prefix', 'log_directory', 'log_filename',
            'shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries', 'ssl_cert_file', 'ssl_key_file',
            'ssl_ca_file', 'ssl_ciphers', 'hba_file', 'ident_file', 'data_directory', 'unix_socket_directories',
            'temp_tablespaces', 'default_tablespace', 'default_table_access_method', 'application_name', 'pgaudit.log', 'pgaudit.role')
    ), seen (kind, id, name, shown, more) AS (
        -- roles. A verifier of MD5 could be guessed from its digest by somebody who has the key: the version of its row
        -- stands for it
        SELECT 'role', r.oid::text, r.rolname::text, pg_catalog.concat_ws(', ',
                CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcanlogin THEN 'login' END,
                CASE WHEN NOT r.rolinherit THEN 'noinherit' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
                CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolreplication THEN 'replication' END,
                CASE WHEN r.rolbypassrls THEN 'bypassrls' END, 'connection limit ' || r.rolconnlimit,
                'password until ' || pg_catalog.timezone('UTC', r.rolvaliduntil),
                CASE WHEN r.rolpassword IS NULL THEN 'no password' WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'
                    WHEN r.rolpassword LIKE 'md5%' THEN 'md5' ELSE 'password of another kind' END),
            CASE WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%' THEN r.rolpassword
                WHEN r.rolpassword IS NOT NULL THEN r.xmin::text || r.ctid::text END
        FROM pg_catalog.pg_authid AS r
        UNION ALL
        SELECT 'membership', pg_catalog.concat_ws('/', m.roleid, m.member, m.grantor),
            pg_catalog.format('of %s in %s, by %s', m.member::regrole, m.roleid::regrole, m.grantor::regrole),
            pg_catalog.concat_ws(', ', 'member', CASE WHEN m.admin_option THEN 'admin' END,
                -- from 16 on
                CASE pg_catalog.to_jsonb(m) ->> 'inherit_option' WHEN 'true' THEN 'inherit' WHEN 'false' THEN 'no inherit' END,
                CASE pg_catalog.to_jsonb(m) ->> 'set_option' WHEN 'true' THEN 'set' WHEN 'false' THEN 'no set' END), NULL
        FROM pg_catalog.pg_auth_members AS m
        UNION ALL
        SELECT 'setting of a role or database', pg_catalog.concat_ws('/', s.setdatabase, s.setrole, pg_catalog.split_part(c.one, '=', 1)),
            pg_catalog.format('%s of %s in %s', pg_catalog.split_part(c.one, '=', 1),
                CASE s.setrole WHEN 0 THEN 'all roles' ELSE s.setrole::regrole::text END,
                CASE s.setdatabase WHEN 0 THEN 'all databases' ELSE (
                    SELECT pg_catalog.quote_ident(d.datname) FROM pg_catalog.pg_database AS d WHERE d.oid = s.setdatabase) END),
            CASE WHEN pg_catalog.lower(pg_catalog.split_part(c.one, '=', 1)) IN (SELECT h.name FROM harmless AS h)
                THEN pg_catalog.left(pg_catalog.substr(c.one, pg_catalog.strpos(c.one, '=') + 1), 200) ELSE '(not shown)' END, c.one
        FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN pg_catalog.unnest(s.setconfig) AS c (one)
        UNION ALL
        SELECT 'configuration', f.sourcefile || '/' || coalesce(f.name, 'line ' || f.sourceline),
            coalesce(f.name, 'line ' || f.sourceline) || ' in ' || pg_catalog.regexp_replace(f.sourcefile, '.*/', ''),
            pg_catalog.string_agg(coalesce(f.error, CASE WHEN pg_catalog.lower(f.name) IN (SELECT h.name FROM harmless AS h)
                THEN pg_catalog.left(f.setting, 200) ELSE '(not shown)' END), ', ' ORDER BY f.seqno),
            pg_catalog.string_agg(f.setting, '/' ORDER BY f.seqno)
        FROM pg_catalog.pg_file_settings AS f GROUP BY f.sourcefile, coalesce(f.name, 'line ' || f.sourceline)
        UNION ALL
        SELECT 'server', 'start', 'start', pg_catalog.timezone('UTC', pg_catalog.pg_postmaster_start_time())::text, NULL
        UNION ALL
        SELECT 'server', p.one, p.one, coalesce(pg_catalog.current_setting(p.one, true), '(none)'), NULL
        FROM pg_catalog.unnest(ARRAY['event_triggers', 'session_replication_role', 'server_version']) AS p (one)
        UNION ALL
        SELECT 'database', d.oid::text, d.datname::text, pg_catalog.concat_ws(', ', 'owner ' || d.datdba::regrole,
            CASE WHEN NOT d.datallowconn THEN 'no connections' END, CASE WHEN d.datistemplate THEN 'template' END,
            'connection limit ' || d.datconnlimit, d.datacl::text), NULL
        FROM pg_catalog.pg_database AS d
        UNION ALL
        SELECT 'tablespace', t.oid::text, t.spcname::text, pg_catalog.concat_ws(', ', 'owner ' || t.spcowner::regrole, t.spcacl::text), NULL
        FROM pg_catalog.pg_tablespace AS t
        UNION ALL
        SELECT 'pg_hba.conf', pg_catalog.md5(h.rule) || '/' || pg_catalog.row_number() OVER (PARTITION BY h.rule ORDER BY h.line_number),
            h.rule, 'there', h.secret
        FROM (
            SELECT r.line_number, pg_catalog.left(pg_catalog.concat_ws(' ', coalesce(r.error, r.type),
                    pg_catalog.array_to_string(r.database, ','), pg_catalog.array_to_string(r.user_name, ','),
                    r.address, r.netmask, r.auth_method, (
                        SELECT pg_catalog.string_agg(CASE WHEN o.one ~ '^(ldapbindpasswd|radiussecrets)='
                            THEN pg_catalog.split_part(o.one, '=', 1) || '=(not shown)' ELSE o.one END, ' ' ORDER BY o.one)
                        FROM pg_catalog.unnest(r.options) AS o (one))), 500) AS rule, r.options::text AS secret
            FROM pg_catalog.pg_hba_file_rules AS r
        ) AS h
        UNION ALL
        SELECT 'pg_hba.conf', 'order', 'order of the rules', pg_catalog.count(*) || ' rules',
            pg_catalog.string_agg(pg_catalog.concat_ws(' ', r.type, r.database, r.user_name, r.address, r.netmask, r.auth_method), '/'
                ORDER BY r.line_number)
        FROM pg_catalog.pg_hba_file_rules AS r
        UNION ALL
        -- the version of the row tells what was undone again
        SELECT 'event trigger', e.evtname::text, e.evtname::text, pg_catalog.format('on %s, %s, %s of %s, owner %s', e.evtevent,
                CASE e.evtenabled WHEN 'A' THEN 'always' WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'DISABLED' ELSE 'on replicas only' END,
                e.evtfoid::regprocedure, f.proowner::regrole, e.evtowner::regrole),
            pg_catalog.concat(e.xmin, e.evttags)
        FROM pg_catalog.pg_event_trigger AS e JOIN pg_catalog.pg_proc AS f ON f.oid = e.evtfoid
        UNION ALL
        SELECT 'function', p.oid::regprocedure::text, p.oid::regprocedure::text, pg_catalog.concat_ws(', ', 'owner ' || p.proowner::regrole,
                CASE WHEN p.prosecdef THEN 'definer' END, p.proacl::text),
            pg_catalog.concat(p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid), p.proconfig, p.provolatile, p.prolang)
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace IN (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('pgguard', 'pgguard_audit'))
            AND NOT (p.pronamespace = 'pgguard_audit'::regnamespace AND p.proname ~ '^audit_.*_[0-9]+$')
        UNION ALL
        SELECT 'schema', n.nspname::text, n.nspname::text, pg_catalog.concat_ws(', ', 'owner ' || n.nspowner::regrole, n.nspacl::text), NULL
        FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('pgguard', 'pgguard_audit')
        UNION ALL
        SELECT 'store', c.oid::text, c.oid::regclass::text, pg_catalog.concat_ws(', ', 'owner ' || c.relowner::regrole,
                CASE WHEN NOT c.relrowsecurity AND c.relkind IN ('r', 'p') THEN 'no row security' END,
                CASE WHEN c.relpersistence = 'u' THEN 'unlogged' END,
                'part of ' || (SELECT i.inhparent::regclass FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid LIMIT 1), c.relacl::text,
                (SELECT 'triggers ' || pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.tgname, CASE WHEN t.tgenabled <> 'A' THEN 'NOT ALWAYS' END,
                        CASE WHEN t.tgqual IS NOT NULL THEN 'CONDITIONAL' END, t.tgfoid::regprocedure), ', ' ORDER BY t.tgname)
                 FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
                (SELECT 'policies ' || pg_catalog.string_agg(p.polname, ', ' ORDER BY p.polname)
                 FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid),
                (SELECT 'rules ' || pg_catalog.string_agg(r.rulename, ', ' ORDER BY r.rulename)
                 FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')),
            pg_catalog.concat(
                (SELECT pg_catalog.string_agg(pg_catalog.concat(t.oid, t.xmin, t.tgtype), '/' ORDER BY t.oid)
                 FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
                (SELECT pg_catalog.string_agg(pg_catalog.concat(p.polname, p.polcmd, p.polroles, p.polqual, p.polwithcheck), '/' ORDER BY p.polname)
                 FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid),
                CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END)
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pgguard_audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S', 'm', 'f')
        UNION ALL
        -- what is shown of it is found out when something differs
        SELECT 'audited table', a.a::oid::text, a.a::text, '', pg_catalog.concat(
            (SELECT pg_catalog.string_agg(pg_catalog.concat(t.oid, t.xmin, t.tgenabled), '/' ORDER BY t.oid)
             FROM pgguard_audit.parts(a.a) AS p (part) JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = p.part
             WHERE t.tgname IN ('pgguard_audit_insert', 'pgguard_audit_update', 'pgguard_audit_delete', 'pgguard_audit_truncate')), (
                SELECT pg_catalog.string_agg(pg_catalog.concat(f.oid, f.xmin, f.proacl), '/' ORDER BY f.proname)
                FROM pg_catalog.pg_proc AS f WHERE f.pronamespace = 'pgguard_audit'::regnamespace AND f.proname = ANY (ARRAY(
                    SELECT pgguard_audit.function_name(a.a, v.verb) FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v (verb)))))
        FROM pgguard_audit.all_audited() AS a (a)
    )
    SELECT s.kind, s.id, s.name, s.shown, pg_catalog.sha256(secret_ || pg_catalog.convert_to(
        -- other names change with these
        pg_catalog.concat_ws('/', CASE WHEN s.kind IN ('role', 'database', 'tablespace') THEN s.name END, s.shown, s.more),
        pg_catalog.getdatabaseencoding())) FROM seen AS s;
    IF modern_ THEN
        RETURN QUERY
        WITH seen (kind, id, name, shown) AS (
            SELECT 'parameter', p.parname, p.parname, p.paracl::text FROM pg_catalog.pg_parameter_acl AS p
            UNION ALL
            SELECT 'pg_ident.conf', pg_catalog.md5(i.rule) || '/' || pg_catalog.row_number() OVER (PARTITION BY i.rule ORDER BY i.line_number),
                i.rule, 'there'
            FROM (
                SELECT m.line_number, pg_catalog.left(pg_catalog.concat_ws(' ', m.error, m.map_name, m.sys_name, m.pg_username), 500) AS rule
                FROM pg_catalog.pg_ident_file_mappings AS m
            ) AS i
        )
        SELECT s.kind, s.id, s.name, s.shown, pg_catalog.sha256(secret_ || pg_catalog.convert_to(
            s.shown, pg_catalog.getdatabaseencoding())) FROM seen AS s;
    END IF;
END
$$;

-- tables of the audit that say what is audited: changed without DDL only by somebody who goes round its functions
CREATE OR REPLACE FUNCTION pgguard_audit.configuration_now()
RETURNS TABLE (kind text, id text, name text, shown text, print bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    secret_ bytea := pgguard_audit.watch_key();
BEGIN
    RETURN QUERY
    WITH rows_of (name, line) AS (
        SELECT 'installation', pg_catalog.concat_ws('/', i.id, i.secret, i.period, i.ahead) FROM pgguard_audit.installation AS i
        UNION ALL SELECT 'service_key', pg_catalog.concat_ws('/', k.login, k.inner_block, k.outer_block) FROM pgguard_audit.service_key AS k
        UNION ALL SELECT 'covered', c.schema FROM pgguard_audit.covered AS c
        UNION ALL SELECT 'audited_column', pg_catalog.concat_ws('/', c.relation::oid, c.name, c.class) FROM pgguard_audit.audited_column AS c
        UNION ALL SELECT 'audited', pg_catalog.concat_ws('/', a.relation::oid, a.number, a.subject, a.subject_is_tag, a.key_is_tag,
            a.level, a.truncate_allowed, a.shape) FROM pgguard_audit.audited AS a
        UNION ALL SELECT 'shape', pg_catalog.to_jsonb(s)::text FROM pgguard_audit.shape AS s
    )
    SELECT 'configuration of the audit', n.name, n.name, pg_catalog.count(r.line) || ' rows', pg_catalog.sha256(secret_ || pg_catalog.convert_to(
        pg_catalog.concat(pg_catalog.string_agg(r.line, E'\n' ORDER BY r.line COLLATE "C")), pg_catalog.getdatabaseencoding()))
    FROM pg_catalog.unnest(ARRAY['installation', 'service_key', 'covered', 'audited_column', 'audited', 'shape']) AS n (name)
    LEFT JOIN rows_of AS r ON r.name = n.name GROUP BY n.name;
END
$$;

-- One look: records what differs from the last one, and returns it. every: how many seconds are between two looks.
CREATE OR REPLACE FUNCTION pgguard_audit.watch(every integer DEFAULT NULL)
RETURNS TABLE (object text, before text, after text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
#variable_conflict use_column
DECLARE
    last_ timestamp with time zone;
    now_ timestamp with time zone := pg_catalog.clock_timestamp();
    horizon_ bigint;
    explained boolean;
    one record;
BEGIN
    -- one at a time
    LOCK TABLE pgguard_audit.watched IN SHARE ROW EXCLUSIVE MODE;
    SELECT s.looked_at, s.horizon INTO last_, horizon_ FROM pgguard_audit.watch_state AS s;
    INSERT INTO pgguard_audit.watch_state AS s (looked_at, horizon)
    VALUES (now_, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint)
    ON CONFLICT ON CONSTRAINT watch_state_pkey DO UPDATE SET looked_at = excluded.looked_at, horizon = excluded.horizon;
    IF last_ IS NULL THEN
        INSERT INTO pgguard_audit.watched (kind, id, name, shown, print)
        SELECT n.kind, n.id, n.name, CASE WHEN n.kind = 'audited table' THEN pgguard_audit.shown_audit(n.id::oid) ELSE n.shown END, n.print
        FROM (SELECT * FROM pgguard_audit.catalog_now() UNION ALL SELECT * FROM pgguard_audit.configuration_now()) AS n;
        PERFORM pgguard_audit.note_acls(NULL);
        PERFORM pgguard_audit.note('WATCH', 'the watch begins');
        RETURN QUERY SELECT 'the watch begins'::text, NULL::text, NULL::text;
        RETURN;
    END IF;
    IF last_ < now_ - pg_catalog.make_interval(secs => 3 * every) THEN
        PERFORM pgguard_audit.note('WATCH', 'nobody watched', ARRAY[pg_catalog.timezone('UTC', last_)::text],
            ARRAY[pg_catalog.timezone('UTC', now_)::text]);
        RETURN QUERY SELECT 'nobody watched'::text, pg_catalog.timezone('UTC', last_)::text, pg_catalog.timezone('UTC', now_)::text;
    END IF;
    FOR one IN
        SELECT coalesce(n.kind, w.kind) AS kind, coalesce(n.id, w.id) AS id, coalesce(n.name, w.name) AS name,
            w.name AS name_before, w.shown AS before, n.shown AS after, n.print
        FROM (SELECT * FROM pgguard_audit.catalog_now() UNION ALL SELECT * FROM pgguard_audit.configuration_now()) AS n
        FULL JOIN pgguard_audit.watched AS w ON w.kind = n.kind AND w.id = n.id
        WHERE n.print IS DISTINCT FROM w.print
        ORDER BY 1, 3, 2
    LOOP
        IF one.after IS NULL THEN
            DELETE FROM pgguard_audit.watched AS w WHERE w.kind = one.kind AND w.id = one.id;
        ELSE
            IF one.kind = 'audited table' THEN
                one.after := pgguard_audit.shown_audit(one.id::oid);
            END IF;
            INSERT INTO pgguard_audit.watched AS w (kind, id, name, shown, print)
            VALUES (one.kind, one.id, one.name, one.after, one.print)
            ON CONFLICT ON CONSTRAINT watched_pkey DO UPDATE SET name = excluded.name, shown = excluded.shown, print = excluded.print;
            IF one.kind = 'configuration of the audit' OR one.kind = 'audited table' AND one.before = one.after THEN
                -- that is so after every ALTER TABLE, and then the event triggers have recorded it
                explained := coalesce(explained, EXISTS (
                    SELECT FROM pgguard_audit.entry AS e
                    WHERE e.at >= last_ - interval '1 day' AND e.xid >= horizon_ AND e.shape IS NULL AND e.verb <> 'WATCH'));
                CONTINUE WHEN explained;
            END IF;
            IF one.before = one.after THEN
                one.after := one.after || CASE WHEN one.name_before <> one.name THEN ', was called ' || one.name_before ELSE ', and changed' END;
            END IF;
        END IF;
        PERFORM pgguard_audit.note('WATCH', one.kind || ' ' || one.name, ARRAY[one.before], ARRAY[one.after]);
        object := one.kind || ' ' || one.name;
        before := one.before;
        after := one.after;
        RETURN NEXT;
    END LOOP;
    -- privileges that changed while no event trigger looked
    PERFORM pgguard_audit.note_acls('WATCH');
END
$$;
COMMENT ON FUNCTION pgguard_audit.watch(integer) IS
    'looks at what event triggers do not see, records what differs from the last look, and returns it';

CREATE OR REPLACE FUNCTION pgguard_audit.shown_audit(relation oid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN pgguard_audit.is_audited(relation::regclass) THEN 'every write is recorded' ELSE 'NOT every write is recorded' END
$$;

DO $high$
BEGIN
    COMMENT ON FUNCTION pgguard_audit.catalog_now() IS
        'pgguard, as superuser: the catalog as the watch sees it; secrets go into digests alone';
    PERFORM pgguard_audit.keep_high('pgguard_audit.catalog_now()');
END
$high$;
SELECT pgguard_audit.settle();
GRANT EXECUTE ON FUNCTION pgguard_audit.watch(integer) TO pgguard_audit_keeper;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '024_audit_watch');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
