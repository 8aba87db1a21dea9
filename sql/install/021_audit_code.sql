-- Audit: the code of each table's triggers, and putting it there. Run after 020_audit.sql.
-- This file is under the PostgreSQL License: use it with your own as you like.
--
-- The code of a table is static: it names its columns. It is written anew when the table changes (022), always
-- under the same name. `SELECT pgguard_audit.code('lab.patient', 'UPDATE')` shows it.

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

-- columns as the code needs them: base is the type below domains; equal says how two values are compared, image by
-- their bytes, which calls no function of the type's owner and tells 1.0 from 1.00
CREATE OR REPLACE FUNCTION pgguard_audit.columns_of(relation regclass)
RETURNS TABLE (number smallint, name text, base oid, equal text, long boolean, class text, key_place integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE below (attnum, attname, attgenerated, type, modifier) AS (
        SELECT a.attnum, a.attname, a.attgenerated, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attnum, b.attname, b.attgenerated, t.typbasetype, t.typtypmod
        FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type WHERE t.typtype = 'd'
    ), key_of (columns) AS (
        -- the primary key, else what is as good
        SELECT k.columns FROM pg_catalog.pg_index AS i
        -- without those that are only INCLUDEd
        CROSS JOIN LATERAL (SELECT (i.indkey::smallint[])[0:i.indnkeyatts - 1]) AS k (columns)
        WHERE i.indrelid = relation AND i.indisunique AND i.indimmediate AND i.indisvalid
            AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT (0 = ANY (k.columns))
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = relation AND a.attnum = ANY (k.columns) AND NOT a.attnotnull)
            -- NOT NULL that holds for new rows only (18)
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS c
                WHERE c.conrelid = relation AND c.contype = 'n' AND NOT c.convalidated AND c.conkey <@ k.columns)
        ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indnkeyatts, i.indexrelid LIMIT 1
    )
    SELECT b.attnum, b.attname::text, t.oid,
        CASE
            WHEN t.oid = ANY (ARRAY['bool', 'int2', 'int4', 'int8', 'oid', 'date', 'time', 'timestamp', 'timestamptz', 'uuid',
                'bytea', '"char"', 'inet', 'cidr', 'macaddr', 'macaddr8', 'varbit']::regtype[]) THEN 'plain'
            WHEN t.oid = ANY (ARRAY['text', 'varchar', 'name']::regtype[]) THEN 'text'
            ELSE 'image'
        END,
        t.typlen = -1 AND t.oid <> ALL (ARRAY['inet', 'cidr']::regtype[]) AND NOT (t.oid = 'numeric'::regtype AND b.modifier <> -1),
        coalesce(c.class, 'mark'), pg_catalog.array_position(k.columns, b.attnum) - pg_catalog.array_lower(k.columns, 1)
    FROM below AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
    LEFT JOIN key_of AS k ON true
    LEFT JOIN pgguard_audit.audited_column AS c ON c.relation = columns_of.relation AND c.name = b.attname
    -- a virtual column has no value of its own (18)
    WHERE b.attgenerated <> 'v'
    ORDER BY b.attnum
$$;

-- whether two values differ, as SQL
CREATE OR REPLACE FUNCTION pgguard_audit.differs(column_name text, equal text, before text, after text) RETURNS text
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.format(CASE equal
        WHEN 'plain' THEN '%2$s.%1$I IS DISTINCT FROM %3$s.%1$I'
        WHEN 'text' THEN '%2$s.%1$I COLLATE "C" IS DISTINCT FROM %3$s.%1$I'
        ELSE 'pg_catalog.record_image_ne(ROW(%2$s.%1$I), ROW(%3$s.%1$I))' END, column_name, before, after)
$$;

-- a value as text, as SQL: by casts of PostgreSQL's own types only; others by their output function
CREATE OR REPLACE FUNCTION pgguard_audit.as_text(column_name text, base oid, source text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.format(CASE
        WHEN base = 'bytea'::regtype THEN 'pg_catalog.encode(%2$s.%1$I, ''hex'')'
        WHEN base < 16384 THEN '%2$s.%1$I::text'
        -- IS NOT NULL is false of a composite value whose fields are NULL
        ELSE 'CASE WHEN %2$s.%1$I IS DISTINCT FROM NULL THEN pg_catalog.concat(%2$s.%1$I) END' END, column_name, source)
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.recorded_value(column_name text, base oid, long boolean, class text, source text)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN class = 'tag' THEN pg_catalog.format('pgguard_audit.tag_with(%s, tag_key_)',
            pgguard_audit.as_text(column_name, base, source))
        WHEN NOT long THEN pgguard_audit.as_text(column_name, base, source)
        WHEN base IN ('text'::regtype, 'varchar'::regtype) THEN pg_catalog.format(
            'CASE WHEN pg_catalog.octet_length(%1$s.%2$I) > 1000 THEN pgguard_audit.bounded(%1$s.%2$I) ELSE %1$s.%2$I END',
            source, column_name)
        -- a numeric may have 147,455 digits; most have few, and a call for each would cost more than they do
        WHEN base = 'numeric'::regtype THEN pg_catalog.format(
            'CASE WHEN pg_catalog.pg_column_size(%1$s.%2$I) > 400 THEN pgguard_audit.bounded(%1$s.%2$I::text) ELSE %1$s.%2$I::text END',
            source, column_name)
        -- as text it would be twice as long, and may be longer than a text can be
        WHEN base = 'bytea'::regtype AND class <> 'cipher' THEN pg_catalog.format(
            'CASE WHEN pg_catalog.octet_length(%1$s.%2$I) > 500 THEN pgguard_audit.bounded(%1$s.%2$I) ELSE %3$s END',
            source, column_name, pgguard_audit.as_text(column_name, base, source))
        ELSE pg_catalog.format('pgguard_audit.bounded(%s)', pgguard_audit.as_text(column_name, base, source)) END
$$;

-- the key of a row, as SQL, from one side
CREATE OR REPLACE FUNCTION pgguard_audit.key_value(relation regclass, source text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[];
    made text;
BEGIN
    SELECT pg_catalog.array_agg(pgguard_audit.as_text(c.name, c.base, source) ORDER BY c.key_place) INTO parts
    FROM pgguard_audit.columns_of(relation) AS c WHERE c.key_place IS NOT NULL;
    IF parts IS NULL THEN
        -- the whole row, which nobody can guess a part of; without virtual columns, which a transition table has not
        RETURN pg_catalog.format('pgguard_audit.tag_with(pg_catalog.concat(ROW(%s)), tag_key_)', (
            SELECT pg_catalog.string_agg(pg_catalog.format('%s.%I', source, c.name), ', ' ORDER BY c.number)
            FROM pgguard_audit.columns_of(relation) AS c));
    END IF;
    made := CASE WHEN pg_catalog.cardinality(parts) = 1 THEN parts[1]
        ELSE '(ARRAY[' || pg_catalog.array_to_string(parts, ', ') || '])::text' END;
    IF (SELECT a.key_is_tag FROM pgguard_audit.audited AS a WHERE a.relation = key_value.relation) THEN
        RETURN 'pgguard_audit.tag_with(' || made || ', tag_key_)';
    END IF;
    -- what an index cannot hold must not stop the statement
    IF EXISTS (SELECT FROM pgguard_audit.columns_of(relation) AS c WHERE c.key_place IS NOT NULL AND c.long
        AND c.base <> 'numeric'::regtype) THEN
        RETURN 'pgguard_audit.bounded(' || made || ')';
    END IF;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.subject_value(relation regclass, source text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made text;
    chosen record;
BEGIN
    SELECT c.name, c.base, c.long, a.subject_is_tag INTO chosen
    FROM pgguard_audit.audited AS a JOIN pgguard_audit.columns_of(a.relation) AS c ON c.name = a.subject
    WHERE a.relation = subject_value.relation;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    made := pgguard_audit.as_text(chosen.name, chosen.base, source);
    RETURN CASE
        WHEN chosen.subject_is_tag THEN pg_catalog.format('pgguard_audit.tag_with(%s, tag_key_)', made)
        -- no index holds all digits that a numeric can have, 1e100000 for one
        WHEN chosen.long AND chosen.base = 'numeric'::regtype THEN pg_catalog.format(
            'CASE WHEN pg_catalog.octet_length(%1$s) > 1000 THEN pgguard_audit.bounded(%1$s) ELSE %1$s END', made)
        WHEN chosen.long THEN pg_catalog.format('pgguard_audit.bounded(%s)', made)
        ELSE made END;
END
$$;

-- what entries of the table mean from now on; the number of the shape that is the same, or of a new one
CREATE OR REPLACE FUNCTION pgguard_audit.shape_of(table_ regclass) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
    now_ pgguard_audit.shape;
    known pgguard_audit.shape;
BEGIN
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) INTO STRICT now_.relation
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = table_;
    SELECT coalesce(pg_catalog.array_agg(c.name ORDER BY c.number), '{}'),
        coalesce(pg_catalog.array_agg(c.name ORDER BY c.number) FILTER (WHERE c.class IN ('plain', 'cipher', 'tag')), '{}'),
        coalesce(pg_catalog.array_agg(c.name ORDER BY c.number) FILTER (WHERE c.class = 'seal'), '{}'),
        coalesce(pg_catalog.array_agg(c.name ORDER BY c.number) FILTER (WHERE c.class = 'cipher'), '{}'),
        coalesce(pg_catalog.array_agg(c.name ORDER BY c.number) FILTER (WHERE c.class = 'tag'), '{}'),
        coalesce(pg_catalog.array_agg(c.name ORDER BY c.key_place) FILTER (WHERE c.key_place IS NOT NULL), '{}')
    INTO now_.columns, now_.recorded, now_.sealed, now_.cipher, now_.tagged, now_.key FROM pgguard_audit.columns_of(table_) AS c;
    SELECT a.subject INTO now_.subject FROM pgguard_audit.audited AS a WHERE a.relation = table_;
    SELECT s.* INTO known FROM pgguard_audit.audited AS a JOIN pgguard_audit.shape AS s ON s.id = a.shape WHERE a.relation = table_;
    IF (known.relation, known.columns, known.recorded, known.sealed, known.cipher, known.tagged, known.key, known.subject)
        IS DISTINCT FROM (now_.relation, now_.columns, now_.recorded, now_.sealed, now_.cipher, now_.tagged, now_.key, now_.subject)
    THEN
        INSERT INTO pgguard_audit.shape (relation, columns, recorded, sealed, cipher, tagged, key, subject)
        VALUES (now_.relation, now_.columns, now_.recorded, now_.sealed, now_.cipher, now_.tagged, now_.key, now_.subject)
        RETURNING id INTO known.id;
        UPDATE pgguard_audit.audited AS a SET shape = known.id WHERE a.relation = table_;
    END IF;
    RETURN known.id;
END
$$;

-- what every entry begins with: its columns, and their values as SQL
CREATE OR REPLACE FUNCTION pgguard_audit.envelope_columns() RETURNS text
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'id, at, began, xid, backend_start, pid, login, role, authenticated, client, application, claimed'
$$;
CREATE OR REPLACE FUNCTION pgguard_audit.envelope_values() RETURNS text
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT $code$pg_catalog.nextval('pgguard_audit.entry_id'),
        (SELECT pg_catalog.clock_timestamp()), pg_catalog.now(), pg_catalog.txid_current(),
        pgguard_audit.session_start(), pgguard_audit.session_pid(),
        session_user, pg_catalog.current_setting('role'), pgguard_audit.session_authenticated(),
        pgguard_audit.session_client(), pg_catalog.current_setting('application_name'),
        CASE WHEN pg_catalog.current_setting('pgguard.claim', true) <> ''
            THEN pgguard_audit.claimed(pg_catalog.current_setting('pgguard.claim', true)) END$code$
$$;

-- The body of the trigger function for one verb. guarded: for servers without the event triggers of 022, where a
-- changed column must not stop the statement.
CREATE OR REPLACE FUNCTION pgguard_audit.code(table_ regclass, verb text, guarded boolean DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
    chosen pgguard_audit.audited;
    rows boolean;
    before CONSTANT text := 'o';
    after CONSTANT text := 'n';
    from_old text;
    from_new text;
    names text[] := ARRAY['shape', 'verb'];
    vals text[];
    differing text[];
    olds text[];
    news text[];
    keys text[];
    seals text[];
    first_key text;
    -- IS NULL is true of a composite value whose fields are NULL
    missing text;
    worth text;
    refusal text := '';
    body text;
    declared text[] := ARRAY[]::text[];
    unguarded boolean := NOT coalesce(guarded, NOT pgguard_audit.follows_ddl());
BEGIN
    SELECT a.* INTO chosen FROM pgguard_audit.audited AS a WHERE a.relation = table_;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'pgguard: % is not audited', table_;
    END IF;
    IF verb = 'TRUNCATE' THEN
        IF NOT chosen.truncate_allowed THEN
            refusal := $code$    RAISE EXCEPTION 'pgguard: TRUNCATE of % is refused: it leaves no trace of the rows; DELETE them, or allow it in the policy',
        TG_RELID::pg_catalog.regclass USING ERRCODE = 'PGA03';
$code$;
            IF chosen.level = 'statement' THEN
                RETURN E'\nBEGIN\n' || refusal || E'END\n';
            END IF;
            -- what a publisher allowed is recorded: a refusal would end the replication
            refusal := E'    IF NOT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a\n'
                || E'        WHERE a.backend_type ~ ''^logical replication .*worker$'') THEN\n' || refusal || E'    END IF;\n';
        END IF;
        RETURN pg_catalog.format($code$
BEGIN
%s    INSERT INTO pgguard_audit.entry (%s,
        shape, verb, object)
    SELECT %s,
        %s, 'TRUNCATE', pg_catalog.format('%%I.%%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
    RETURN NULL;
END
$code$, refusal, pgguard_audit.envelope_columns(), pgguard_audit.envelope_values(), chosen.shape);
    END IF;
    rows := chosen.level = 'row';
    from_old := CASE WHEN rows THEN '(SELECT OLD.*)' ELSE 'old_rows' END || ' AS o';
    from_new := CASE WHEN rows THEN '(SELECT NEW.*)' ELSE 'new_rows' END || ' AS n';
    SELECT pg_catalog.array_agg(pg_catalog.format(CASE c.equal WHEN 'plain' THEN 'o.%1$I = n.%1$I'
            WHEN 'text' THEN 'o.%1$I COLLATE "C" = n.%1$I' ELSE 'pg_catalog.concat(o.%1$I) COLLATE "C" = pg_catalog.concat(n.%1$I)' END, c.name)
            ORDER BY c.key_place) FILTER (WHERE c.key_place IS NOT NULL),
        pg_catalog.array_agg(pgguard_audit.differs(c.name, c.equal, before, after) ORDER BY c.number),
        pg_catalog.array_agg(
            CASE verb WHEN 'UPDATE' THEN pg_catalog.format(E'CASE WHEN %s\n            THEN %s END',
                pgguard_audit.differs(c.name, c.equal, before, after), pgguard_audit.recorded_value(c.name, c.base, c.long, c.class, before))
            ELSE pgguard_audit.recorded_value(c.name, c.base, c.long, c.class, before) END ORDER BY c.number)
            FILTER (WHERE c.class IN ('plain', 'cipher', 'tag')),
        pg_catalog.array_agg(
            CASE verb WHEN 'UPDATE' THEN pg_catalog.format(E'CASE WHEN %s\n            THEN %s END',
                pgguard_audit.differs(c.name, c.equal, before, after), pgguard_audit.recorded_value(c.name, c.base, c.long, c.class, after))
            ELSE pgguard_audit.recorded_value(c.name, c.base, c.long, c.class, after) END ORDER BY c.number)
            FILTER (WHERE c.class IN ('plain', 'cipher', 'tag')),
        pg_catalog.array_agg(CASE verb
            WHEN 'INSERT' THEN 'NULL, ' || pgguard_audit.as_text(c.name, c.base, after)
            WHEN 'DELETE' THEN pgguard_audit.as_text(c.name, c.base, before) || ', NULL'
            ELSE pg_catalog.format('CASE WHEN %1$s THEN %2$s END, CASE WHEN %1$s THEN %3$s END',
                pgguard_audit.differs(c.name, c.equal, before, after),
                pgguard_audit.as_text(c.name, c.base, before), pgguard_audit.as_text(c.name, c.base, after)) END
            ORDER BY c.number) FILTER (WHERE c.class = 'seal'),
        pg_catalog.min(pg_catalog.quote_ident(c.name)) FILTER (WHERE c.key_place = 0),
        CASE WHEN pg_catalog.bool_or(c.base >= 16384) FILTER (WHERE c.key_place = 0) THEN 'IS NOT DISTINCT FROM NULL' ELSE 'IS NULL' END
    INTO keys, differing, olds, news, seals, first_key, missing FROM pgguard_audit.columns_of(table_) AS c;
    vals := ARRAY[chosen.shape::text, pg_catalog.quote_literal(verb)];
    IF verb = 'UPDATE' THEN
        IF keys IS NULL THEN
            -- without a key an old row and a new one cannot be told to be the same
            vals[2] := '''UPDATE '' || u.half';
            names := names || ARRAY['key', 'subject'];
            vals := vals || ARRAY['u.key', 'u.subject'];
            olds := NULL; news := NULL; seals := NULL;
        ELSE
            -- the half of a row whose key changed has nothing to be compared with
            vals[2] := pg_catalog.format(
                'CASE WHEN n.%1$s %2$s THEN ''UPDATE FROM'' WHEN o.%1$s %2$s THEN ''UPDATE TO'' ELSE ''UPDATE'' END',
                first_key, missing);
            names := names || ARRAY['changed', 'key'];
            vals := vals || pg_catalog.format(E'ARRAY[%s]', pg_catalog.array_to_string(differing, E',\n            '));
            vals := vals || CASE WHEN pg_catalog.cardinality(keys) = 1
                    THEN pg_catalog.format('coalesce(%s, %s)', pgguard_audit.key_value(table_, after), pgguard_audit.key_value(table_, before))
                ELSE pg_catalog.format('CASE WHEN n.%s %s THEN %s ELSE %s END', first_key, missing,
                    pgguard_audit.key_value(table_, before), pgguard_audit.key_value(table_, after)) END;
            IF chosen.subject IS NOT NULL THEN
                names := names || ARRAY['subject', 'subject_before'];
                -- whose it is now may be nobody
                vals := vals || pg_catalog.format('CASE WHEN n.%s %s THEN %s ELSE %s END', first_key, missing,
                    pgguard_audit.subject_value(table_, before), pgguard_audit.subject_value(table_, after));
                SELECT vals || pg_catalog.format('CASE WHEN %s THEN %s END',
                    pgguard_audit.differs(c.name, c.equal, before, after), pgguard_audit.subject_value(table_, before))
                INTO vals FROM pgguard_audit.columns_of(table_) AS c WHERE c.name = chosen.subject;
            END IF;
        END IF;
    ELSE
        names := names || 'key'::text;
        vals := vals || pgguard_audit.key_value(table_, CASE verb WHEN 'INSERT' THEN after ELSE before END);
        IF chosen.subject IS NOT NULL THEN
            names := names || 'subject'::text;
            vals := vals || pgguard_audit.subject_value(table_, CASE verb WHEN 'INSERT' THEN after ELSE before END);
        END IF;
    END IF;
    IF olds IS NOT NULL AND verb <> 'INSERT' THEN
        names := names || 'old'::text;
        vals := vals || pg_catalog.format('ARRAY[%s]', pg_catalog.array_to_string(olds, E',\n            '));
    END IF;
    IF news IS NOT NULL AND verb <> 'DELETE' THEN
        names := names || 'new'::text;
        vals := vals || pg_catalog.format('ARRAY[%s]', pg_catalog.array_to_string(news, E',\n            '));
    END IF;
    IF seals IS NOT NULL THEN
        names := names || 'sealed'::text;
        vals := vals || pg_catalog.format('pgguard_audit.sealed(ARRAY[%s], sealing_key_)', pg_catalog.array_to_string(seals, E',\n            '));
        -- a key costs more than a look whether there is anything to seal
        SELECT pg_catalog.string_agg(CASE verb
                WHEN 'UPDATE' THEN pgguard_audit.differs(c.name, c.equal, before, after)
                WHEN 'INSERT' THEN pg_catalog.format('%s.%I IS NOT NULL', after, c.name)
                ELSE pg_catalog.format('%s.%I IS NOT NULL', before, c.name) END, ' OR ' ORDER BY c.number)
        INTO worth FROM pgguard_audit.columns_of(table_) AS c WHERE c.class = 'seal';
        declared := declared || pg_catalog.format('sealing_key_ bytea := CASE WHEN %s THEN pgguard_audit.sealing_key() END;',
            pg_catalog.format('EXISTS (SELECT FROM %s WHERE %s)', CASE verb
                WHEN 'INSERT' THEN from_new WHEN 'DELETE' THEN from_old
                ELSE from_old || ' FULL JOIN ' || from_new || ' ON ' || pg_catalog.array_to_string(keys, ' AND ') END, worth));
    END IF;
    body := pg_catalog.format(E'    INSERT INTO pgguard_audit.entry (%s,\n        %s)\n    SELECT %s,\n        %s%s;',
        pgguard_audit.envelope_columns(), pg_catalog.array_to_string(names, ', '), pgguard_audit.envelope_values(),
        pg_catalog.array_to_string(vals, E',\n        '),
        CASE
            WHEN verb = 'INSERT' THEN E'\n    FROM ' || from_new
            WHEN verb = 'DELETE' THEN E'\n    FROM ' || from_old
            WHEN keys IS NOT NULL THEN pg_catalog.format(E'\n    FROM %s FULL JOIN %s\n        ON %s', from_old, from_new,
                pg_catalog.array_to_string(keys, ' AND '))
            ELSE pg_catalog.format(E'\n    FROM (SELECT ''FROM'' AS half, %s AS key, %s AS subject FROM %s\n'
                || E'        UNION ALL SELECT ''TO'', %s, %s FROM %s) AS u',
                pgguard_audit.key_value(table_, 'o'), coalesce(pgguard_audit.subject_value(table_, 'o'), 'NULL::text'), from_old,
                pgguard_audit.key_value(table_, 'n'), coalesce(pgguard_audit.subject_value(table_, 'n'), 'NULL::text'), from_new)
        END);
    IF body LIKE '%tag_key\_%' THEN
        declared := 'tag_key_ bytea := pgguard_audit.tag_key();'::text || declared;
    END IF;
    IF NOT unguarded THEN
        body := pg_catalog.format($code$    BEGIN
%s
    EXCEPTION WHEN undefined_column OR undefined_function OR undefined_object OR datatype_mismatch OR cannot_coerce THEN
        -- the table was changed, and this code was not: that something was written is recorded
        INSERT INTO pgguard_audit.entry (%s,
            shape, verb, object)
        SELECT %s,
            %s, %L, 'rows that could not be told: the table was changed, and its audit was not';
    END;$code$, body, pgguard_audit.envelope_columns(), pgguard_audit.envelope_values(),
            chosen.shape, verb);
    END IF;
    -- a column that has the name of one of these variables must not be taken for it: it could be a key of somebody else
    RETURN E'\n#variable_conflict use_variable\n'
        || CASE WHEN declared <> '{}' THEN E'DECLARE\n    ' || pg_catalog.array_to_string(declared, E'\n    ') || E'\n' ELSE '' END
        || E'BEGIN\n' || body || E'\n    RETURN NULL;\nEND\n';
END
$$;
COMMENT ON FUNCTION pgguard_audit.code(regclass, text, boolean) IS
    'the code that audits a table: of its INSERT, UPDATE, DELETE or TRUNCATE';

-- settings of a session that would change how values look as text, as pg_proc.proconfig has them
CREATE OR REPLACE FUNCTION pgguard_audit.settings_of(table_ regclass) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seen oid[];
    whole boolean;
    hidden boolean;
    found_ text[] := ARRAY['search_path=pg_catalog, pg_temp'];
BEGIN
    SELECT pg_catalog.array_agg(c.base) FILTER (WHERE c.class <> 'mark' OR c.key_place IS NOT NULL OR c.name = a.subject),
        pg_catalog.bool_and(c.key_place IS NULL), pg_catalog.bool_or(a.key_is_tag OR a.subject_is_tag OR c.class IN ('seal', 'tag'))
    INTO seen, whole, hidden FROM pgguard_audit.audited AS a, pgguard_audit.columns_of(a.relation) AS c
    WHERE a.relation = table_;
    -- others may be made of these, or be shown by means of them
    whole := whole OR EXISTS (
        SELECT FROM pg_catalog.unnest(seen) AS s (type) JOIN pg_catalog.pg_type AS t ON t.oid = s.type
        WHERE t.typcategory NOT IN ('B', 'N', 'S', 'D', 'T', 'I', 'E', 'V', 'U') OR (s.type >= 16384 AND t.typtype <> 'e'));
    IF whole OR seen && ARRAY['date', 'timestamp', 'timestamptz']::regtype[]::oid[] THEN
        found_ := found_ || 'DateStyle=ISO, YMD'::text;
    END IF;
    IF whole OR 'timestamptz'::regtype = ANY (seen) THEN
        found_ := found_ || 'TimeZone=UTC'::text;
    END IF;
    IF whole OR 'interval'::regtype = ANY (seen) THEN
        found_ := found_ || 'IntervalStyle=postgres'::text;
    END IF;
    IF whole OR seen && ARRAY['float4', 'float8']::regtype[]::oid[] THEN
        found_ := found_ || 'extra_float_digits=1'::text;
    END IF;
    IF whole OR 'money'::regtype = ANY (seen) THEN
        found_ := found_ || 'lc_monetary=C'::text;
    END IF;
    IF whole THEN
        found_ := found_ || 'bytea_output=hex'::text;
    END IF;
    IF whole OR hidden OR pgguard_audit.level_of(table_) = 'row' THEN
        -- a plan for one call holds its keys, and a row's values, as constants, which auto_explain would print
        found_ := found_ || 'plan_cache_mode=force_generic_plan'::text;
    END IF;
    RETURN found_;
END
$$;

-- a table and everything that is a part of it: statements that name a part set off its own triggers only
CREATE OR REPLACE FUNCTION pgguard_audit.parts(table_ regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE part (relation) AS (
        SELECT table_::oid
        UNION
        SELECT i.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.relation
        JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
        -- a child that is audited for itself has triggers of its own
        WHERE c.relkind IN ('r', 'p', 'f') AND NOT EXISTS (
            SELECT FROM pgguard_audit.audited AS a WHERE a.relation = i.inhrelid)
    )
    SELECT p.relation::regclass FROM part AS p
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.function_name(table_ regclass, verb text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.format('audit_%s_%s', pg_catalog.lower(verb), a.number) FROM pgguard_audit.audited AS a
    WHERE a.relation = table_
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.follows_ddl() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'pgguard_audit_ddl' AND evtenabled = 'A')
$$;

-- what triggers are of a verb: the bits of pg_trigger.tgtype
CREATE OR REPLACE FUNCTION pgguard_audit.trigger_type(verb text, level text) RETURNS integer
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE verb WHEN 'INSERT' THEN 4 WHEN 'DELETE' THEN 8 WHEN 'UPDATE' THEN 16 ELSE 32 + 2 END
        + CASE WHEN level = 'row' AND verb <> 'TRUNCATE' THEN 1 ELSE 0 END
$$;

-- whether a kind of table can have, and needs, the trigger of a verb
CREATE OR REPLACE FUNCTION pgguard_audit.has_trigger(kind "char", verb text, level text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT (verb = 'TRUNCATE' AND kind = 'f' AND pg_catalog.current_setting('server_version_num')::integer < 160000)
        -- rows set off the triggers of the partition that they are in
        AND NOT (level = 'row' AND kind = 'p' AND verb <> 'TRUNCATE')
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.level_of(table_ regclass) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.level FROM pgguard_audit.audited AS a WHERE a.relation = table_
$$;

-- a table, all that it is a part of, and all that is a part of these
CREATE OR REPLACE FUNCTION pgguard_audit.family(table_ regclass) RETURNS SETOF oid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family (relation) AS (
        SELECT table_::oid
        UNION
        SELECT i.next FROM family AS f CROSS JOIN LATERAL (
            SELECT u.inhparent FROM pg_catalog.pg_inherits AS u WHERE u.inhrelid = f.relation
            UNION ALL SELECT d.inhrelid FROM pg_catalog.pg_inherits AS d WHERE d.inhparent = f.relation) AS i (next)
    )
    SELECT f.relation FROM family AS f
$$;

-- Statement triggers do not fire where rows arrive by replication, get no rows of foreign tables, and those of a parent
-- get rows of children that can have its keys a second time (inheritance). Row triggers take their place then, on all
-- tables of the family, so that no row is recorded by both. Returns the tables for which that is new.
CREATE OR REPLACE FUNCTION pgguard_audit.by_rows(table_ regclass) RETURNS SETOF regclass
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH family (relation) AS (SELECT f.f FROM pgguard_audit.family(table_) AS f (f))
    UPDATE pgguard_audit.audited AS a SET level = 'row'
    WHERE a.level = 'statement' AND a.relation IN (SELECT f.relation FROM family AS f) AND EXISTS (
        SELECT FROM family AS f JOIN pg_catalog.pg_class AS c ON c.oid = f.relation
        WHERE c.relkind = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel AS s WHERE s.srrelid = c.oid)
            OR NOT c.relispartition AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid)
            OR EXISTS (SELECT FROM pgguard_audit.audited AS r WHERE r.relation = c.oid AND r.level = 'row'))
    RETURNING a.relation
$$;

-- children (not partitions) that have columns which the table above has not, or several tables above
CREATE OR REPLACE FUNCTION pgguard_audit.richer_children(table_ regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.part FROM pgguard_audit.parts(table_) AS p (part) JOIN pg_catalog.pg_class AS c ON c.oid = p.part
    WHERE p.part <> table_ AND NOT c.relispartition AND (
        (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid) > 1
        OR EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute AS b
                WHERE b.attrelid = table_ AND b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped)))
    ORDER BY p.part
$$;

-- what audit() was told of a table
CREATE OR REPLACE FUNCTION pgguard_audit.declared(table_ regclass)
RETURNS TABLE (subject text, classes jsonb, level text, truncate_allowed boolean, key_is_tag boolean, subject_is_tag boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.subject, coalesce((SELECT pg_catalog.jsonb_object_agg(c.name, c.class)
            FROM pgguard_audit.audited_column AS c WHERE c.relation = a.relation), '{}'),
        a.level, a.truncate_allowed, a.key_is_tag, a.subject_is_tag
    FROM pgguard_audit.audited AS a WHERE a.relation = table_
$$;

CREATE OR REPLACE FUNCTION pgguard_audit.declare_audited(
    table_ regclass, subject text, classes jsonb, level text, truncate_allowed boolean, key_is_tag boolean, subject_is_tag boolean
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO pgguard_audit.audited AS a (relation, subject, subject_is_tag, key_is_tag, level, truncate_allowed)
    VALUES (table_, subject, subject_is_tag, key_is_tag, level, truncate_allowed)
    ON CONFLICT ON CONSTRAINT audited_pkey DO UPDATE SET subject = excluded.subject, level = excluded.level,
        subject_is_tag = excluded.subject_is_tag, key_is_tag = excluded.key_is_tag,
        truncate_allowed = excluded.truncate_allowed;
    DELETE FROM pgguard_audit.audited_column AS c WHERE c.relation = table_ AND NOT classes ? c.name;
    INSERT INTO pgguard_audit.audited_column AS c (relation, name, class)
    SELECT table_, e.key, e.value FROM pg_catalog.jsonb_each_text(classes) AS e
    ON CONFLICT ON CONSTRAINT audited_column_pkey DO UPDATE SET class = excluded.class;
END
$$;

-- whether it was audited
CREATE OR REPLACE FUNCTION pgguard_audit.forget(relation oid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.to_regclass('pgguard_audit.known_column') IS NOT NULL THEN
        DELETE FROM pgguard_audit.known_column AS k WHERE k.relation = forget.relation;
    END IF;
    DELETE FROM pgguard_audit.audited AS a WHERE a.relation = forget.relation;
    RETURN FOUND;
END
$$;

-- What follows runs with the rights of whoever applies migrations, or of the event trigger's owner, a superuser. So
-- it reads no table of pgguard_audit_owner itself, and takes nothing of it as SQL but what it quotes.

-- writes a table's functions where they are not as they should be
CREATE OR REPLACE FUNCTION pgguard_audit.write_code(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
    verb text;
    name text;
    body text;
    settings text[] := pgguard_audit.settings_of(table_);
    clauses text;
    other text;
BEGIN
    PERFORM pgguard_audit.shape_of(table_);
    SELECT pg_catalog.string_agg(pg_catalog.format(' SET %I TO %L', pg_catalog.split_part(s.one, '=', 1),
        pg_catalog.split_part(s.one, '=', 2)), '') INTO clauses
    FROM pg_catalog.unnest(settings) AS s (one) WHERE s.one NOT LIKE 'search_path=%';
    FOREACH verb IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
        name := pgguard_audit.function_name(table_, verb);
        body := pgguard_audit.code(table_, verb);
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'pgguard_audit'::regnamespace AND p.proname = name
                AND p.pronargs = 0 AND p.prosrc = body AND p.prosecdef AND p.proowner = 'pgguard_audit_owner'::regrole
                AND p.proconfig @> settings AND p.proconfig <@ settings);
        EXECUTE pg_catalog.format(
            'CREATE OR REPLACE FUNCTION pgguard_audit.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp%s AS %L', name, clauses, body);
        EXECUTE pg_catalog.format('ALTER FUNCTION pgguard_audit.%I() OWNER TO pgguard_audit_owner', name);
        -- PUBLIC, and whom default privileges named
        FOR other IN
            SELECT DISTINCT CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE e.grantee::regrole::text END
            FROM pg_catalog.pg_proc AS p CROSS JOIN pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS e
            WHERE p.pronamespace = 'pgguard_audit'::regnamespace AND p.proname = name AND p.pronargs = 0 AND e.grantee <> p.proowner
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION pgguard_audit.%I() FROM %s CASCADE', name, other);
        END LOOP;
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION pgguard_audit.%I() IS %L', name,
            pg_catalog.format('pgguard: audits %s of %s', verb, table_));
    END LOOP;
END
$$;

-- puts the triggers on one table or part, where they are not, and takes those away that are not as they should be
CREATE OR REPLACE FUNCTION pgguard_audit.put_triggers(table_ regclass, part regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
    wrong text;
    kind "char" := (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = part);
    level text := pgguard_audit.level_of(table_);
BEGIN
    FOR one IN
        SELECT v.verb, pg_catalog.lower('pgguard_audit_' || v.verb) AS name, v.tables,
            pgguard_audit.has_trigger(kind, v.verb, level) AS wanted,
            ('pgguard_audit.' || pg_catalog.quote_ident(pgguard_audit.function_name(table_, v.verb)) || '()')::regprocedure AS function
        FROM (VALUES ('INSERT', 'NEW TABLE AS new_rows'), ('UPDATE', 'OLD TABLE AS old_rows NEW TABLE AS new_rows'),
            ('DELETE', 'OLD TABLE AS old_rows'), ('TRUNCATE', '')) AS v (verb, tables)
    LOOP
        FOR wrong IN
            SELECT t.tgname FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = part AND NOT t.tgisinternal AND (t.tgname = one.name OR t.tgfoid = one.function)
                AND (NOT one.wanted OR t.tgname <> one.name OR t.tgfoid <> one.function
                    OR t.tgtype <> pgguard_audit.trigger_type(one.verb, level) OR t.tgqual IS NOT NULL
                    OR t.tgattr::text <> '' OR t.tgconstraint <> 0)
        LOOP
            EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', wrong, part);
        END LOOP;
        CONTINUE WHEN NOT one.wanted;
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = part AND t.tgname = one.name) THEN
            EXECUTE pg_catalog.format('CREATE TRIGGER %I %s %s ON %s %s FOR EACH %s EXECUTE FUNCTION %s', one.name,
                CASE one.verb WHEN 'TRUNCATE' THEN 'BEFORE' ELSE 'AFTER' END, one.verb, part,
                CASE WHEN level = 'statement' AND one.tables <> '' THEN 'REFERENCING ' || one.tables ELSE '' END,
                CASE WHEN level = 'row' AND one.verb <> 'TRUNCATE' THEN 'ROW' ELSE 'STATEMENT' END, one.function);
        END IF;
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = part AND t.tgname = one.name AND t.tgenabled = 'A')
        THEN
            EXECUTE pg_catalog.format('ALTER TABLE %s%s ENABLE ALWAYS TRIGGER %I',
                CASE WHEN kind = 'p' THEN 'ONLY ' ELSE '' END, part, one.name);
        END IF;
    END LOOP;
END
$$;

-- writes the code of an audited table anew, and puts its triggers wherever they are missing
CREATE OR REPLACE FUNCTION pgguard_audit.refresh(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass;
    declared_ record;
BEGIN
    FOR part IN SELECT r.r FROM pgguard_audit.by_rows(table_) AS r (r) WHERE r.r <> table_ LOOP
        PERFORM pgguard_audit.refresh(part);
    END LOOP;
    PERFORM pgguard_audit.write_code(table_);
    -- their further columns would go unrecorded
    FOR part IN SELECT c.c FROM pgguard_audit.richer_children(table_) AS c (c) LOOP
        SELECT * INTO STRICT declared_ FROM pgguard_audit.declared(table_);
        PERFORM pgguard_audit.audit(part, declared_.subject, declared_.classes, declared_.level, declared_.truncate_allowed,
            declared_.key_is_tag, declared_.subject_is_tag);
        PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    END LOOP;
    FOR part IN SELECT p.p FROM pgguard_audit.parts(table_) AS p (p) LOOP
        PERFORM pgguard_audit.put_triggers(table_, part);
    END LOOP;
END
$$;

-- Audits a table. classes names columns that are not only marked, as '{"name": "plain"}'; subject the column that
-- tells whose data a row is. Calling it again changes what is asked for otherwise.
CREATE OR REPLACE FUNCTION pgguard_audit.audit(
    table_ regclass, subject text DEFAULT NULL, classes jsonb DEFAULT '{}', level text DEFAULT NULL,
    truncate_allowed boolean DEFAULT false, key_is_tag boolean DEFAULT false, subject_is_tag boolean DEFAULT false
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    kind "char" := (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = table_);
    wrong text;
    ready boolean := false;
BEGIN
    IF kind NOT IN ('r', 'p', 'f') OR EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE c.oid = table_ AND (c.relispartition OR c.oid < 16384 OR c.relnamespace = 'pgguard_audit'::regnamespace))
    THEN
        RAISE EXCEPTION 'pgguard: % cannot be audited by itself: tables can, with their partitions', table_;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = table_ AND c.relpersistence = 't') THEN
        RAISE EXCEPTION 'pgguard: % is a temporary table, which is gone before anybody reads what was recorded of it', table_;
    END IF;
    SELECT pg_catalog.string_agg(w.name, ', ') INTO wrong
    FROM (SELECT pg_catalog.jsonb_object_keys(classes) UNION SELECT subject) AS w (name)
    WHERE w.name IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = table_ AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'pgguard: % has no column % (of its own: virtual ones have no values)', table_, wrong;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.jsonb_each_text(classes) AS c WHERE c.value = 'seal') THEN
        -- 026 may not be there
        IF pg_catalog.to_regprocedure('pgguard_audit.can_seal()') IS NOT NULL THEN
            ready := pgguard_audit.can_seal();
        END IF;
        IF NOT ready THEN
            RAISE EXCEPTION 'pgguard: columns of % are to be sealed, and the auditor''s key is missing: pgguard audit auditor-key', table_;
        END IF;
    END IF;
    SELECT pg_catalog.string_agg(c.key, ', ' ORDER BY c.key) INTO wrong
    FROM pg_catalog.jsonb_each_text(classes) AS c WHERE c.value = 'tag';
    IF wrong IS NOT NULL THEN
        RAISE WARNING 'pgguard: keyed digests are recorded of %.(%): they tell which values are equal, and of columns that have few values (yes or no, a sex, a date of birth) everybody can guess them from how often each occurs', table_, wrong;
    END IF;
    PERFORM pgguard_audit.declare_audited(table_, subject, classes, coalesce(level, 'statement'), truncate_allowed, key_is_tag, subject_is_tag);
    IF pg_catalog.to_regprocedure('pgguard_audit.know_columns(regclass)') IS NOT NULL THEN
        -- by which 022 tells renamed columns from new ones
        PERFORM pgguard_audit.know_columns(table_);
    END IF;
    -- what follows is the audit's own, and one entry tells it
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    PERFORM pgguard_audit.refresh(table_);
    PERFORM pgguard_audit.note('AUDIT ON', table_::text);
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
END
$$;

-- ends the audit of a table; what was recorded stays
CREATE OR REPLACE FUNCTION pgguard_audit.leave(table_ regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    PERFORM pg_catalog.set_config('pgguard.refreshing', pgguard_audit.own_word('refresh'), true);
    FOR one IN
        SELECT t.tgname, t.tgrelid::regclass AS part FROM pg_catalog.pg_trigger AS t
        WHERE t.tgfoid IN (
            SELECT pg_catalog.to_regprocedure('pgguard_audit.' || pg_catalog.quote_ident(pgguard_audit.function_name(table_, v)) || '()')::oid
            FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v)
        ORDER BY t.tgrelid, t.tgname
    LOOP
        EXECUTE pg_catalog.format('DROP TRIGGER IF EXISTS %I ON %s', one.tgname, one.part);
    END LOOP;
    FOR one IN
        SELECT pg_catalog.to_regprocedure('pgguard_audit.' || pg_catalog.quote_ident(pgguard_audit.function_name(table_, v)) || '()') AS function
        FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v
    LOOP
        IF one.function IS NOT NULL THEN
            EXECUTE pg_catalog.format('DROP FUNCTION %s', one.function);
        END IF;
    END LOOP;
    PERFORM pgguard_audit.forget(table_);
    PERFORM pgguard_audit.note('AUDIT OFF', table_::text);
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
END
$$;

-- whether every write to a table is recorded: triggers on all its parts, ALWAYS, with the code they should have
CREATE OR REPLACE FUNCTION pgguard_audit.is_audited(table_ regclass) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pgguard_audit.audited AS a WHERE a.relation = table_) AND NOT EXISTS (
        SELECT FROM pgguard_audit.parts(table_) AS p (part) JOIN pg_catalog.pg_class AS c ON c.oid = p.part
        CROSS JOIN pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS v (verb)
        JOIN pgguard_audit.audited AS a ON a.relation = table_
        LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = p.part AND t.tgname = pg_catalog.lower('pgguard_audit_' || v.verb)
        LEFT JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
        WHERE pgguard_audit.has_trigger(c.relkind, v.verb, a.level) AND (
            t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = '' AND t.tgconstraint = 0
            AND t.tgtype = pgguard_audit.trigger_type(v.verb, a.level)
            AND f.pronamespace = 'pgguard_audit'::regnamespace AND f.proname = pgguard_audit.function_name(table_, v.verb)
            AND f.prosecdef AND f.proowner = 'pgguard_audit_owner'::regrole
            AND f.proconfig @> pgguard_audit.settings_of(table_) AND f.proconfig <@ pgguard_audit.settings_of(table_)
            -- with or without the event triggers: either records
            AND f.prosrc IN (pgguard_audit.code(table_, v.verb, false), pgguard_audit.code(table_, v.verb, true))) IS NOT TRUE)
$$;

-- every audited table: how it is audited, whether rows reach it by replication, and whether every write is recorded
CREATE OR REPLACE FUNCTION pgguard_audit.audit_states()
RETURNS TABLE (relation oid, level text, subscribed boolean, intact boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.relation::oid, a.level, EXISTS (
            SELECT FROM pgguard_audit.parts(a.relation) AS p (part) JOIN pg_catalog.pg_subscription_rel AS s ON s.srrelid = p.part),
        pgguard_audit.is_audited(a.relation)
    FROM pgguard_audit.audited AS a
$$;

-- entries as people read them
CREATE OR REPLACE VIEW pgguard_audit.change AS
    SELECT e.id, e.at, e.login, nullif(e.role, 'none') AS role, e.authenticated, e.client, e.application, e.claimed,
        e.verb, s.relation, e.object, e.key, e.subject, e.subject_before,
        (SELECT pg_catalog.array_agg(c.name ORDER BY c.place)
         FROM ROWS FROM (pg_catalog.unnest(s.columns), pg_catalog.unnest(e.changed)) WITH ORDINALITY AS c (name, changed, place) WHERE c.changed) AS changed,
        CASE WHEN s.id IS NULL THEN pg_catalog.to_jsonb(e.old) ELSE pg_catalog.jsonb_object(s.recorded, e.old) END AS old,
        CASE WHEN s.id IS NULL THEN pg_catalog.to_jsonb(e.new) ELSE pg_catalog.jsonb_object(s.recorded, e.new) END AS new,
        e.sealed IS NOT NULL AS has_sealed, e.erased IS NOT NULL AS erased, e.xid, e.pid, e.backend_start, e.began
    FROM pgguard_audit.entry AS e LEFT JOIN pgguard_audit.shape AS s ON s.id = e.shape
    -- members of pg_read_all_data may read every view, and its owner is not subject to row security
    WHERE pg_catalog.pg_has_role('pgguard_audit_reader', 'USAGE') OR pg_catalog.pg_has_role('pgguard_audit_keeper', 'USAGE');
COMMENT ON VIEW pgguard_audit.change IS 'entries with the names of tables and columns; old and new hold columns of the class plain and cipher';

DO $high$
DECLARE
    one regprocedure;
BEGIN
    FOREACH one IN ARRAY ARRAY['pgguard_audit.write_code(regclass)', 'pgguard_audit.put_triggers(regclass, regclass)',
        'pgguard_audit.refresh(regclass)', 'pgguard_audit.leave(regclass)',
        'pgguard_audit.audit(regclass, text, jsonb, text, boolean, boolean, boolean)']::regprocedure[]
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', one, 'pgguard, as superuser: or as who applies migrations');
        PERFORM pgguard_audit.keep_high(one);
    END LOOP;
END
$high$;
SELECT pgguard_audit.settle();
GRANT EXECUTE ON FUNCTION pgguard_audit.code(regclass, text, boolean), pgguard_audit.is_audited(regclass), pgguard_audit.audit_states()
    TO pgguard_audit_reader, pgguard_audit_keeper;

DO $told$
BEGIN
    PERFORM pgguard_audit.note('AUDIT INSTALLED', '021_audit_code');
    PERFORM pg_catalog.set_config('pgguard.refreshing', '', true);
    PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgguard.path_before'),
        pg_catalog.current_setting('pgguard.path_before') = '');
END
$told$;
