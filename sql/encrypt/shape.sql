-- Everything about one table that decides how its columns can be encrypted, as one JSON object. $1 is the table's
-- name (schema.table, quoted where SQL needs it); no row when there is none. Names in expressions are qualified,
-- which asks for an empty search_path.
SELECT jsonb_build_object(
    'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner),
    'persistence', c.relpersistence, 'is_partition', c.relispartition, 'typed', c.reloftype <> 0,
    'row_security', c.relrowsecurity, 'rows', c.reltuples, 'pages', c.relpages,
    'encoding', current_setting('server_encoding'),
    'primary_key', coalesce((
        SELECT jsonb_agg(a.attname ORDER BY k.place)
        FROM pg_index AS i CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts), '[]'),
    'columns', (
        SELECT jsonb_agg(jsonb_build_object(
            'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
            'base', format_type(coalesce(nullif(b.oid, 0), t.oid), NULL), 'kind', t.typtype,
            'base_kind', coalesce(b.typtype, t.typtype), 'base_schema', bn.nspname,
            'not_null', a.attnotnull, 'domain_not_null', t.typtype = 'd' AND t.typnotnull,
            'default', coalesce(pg_get_expr(d.adbin, d.adrelid), ''), 'generated', a.attgenerated, 'identity', a.attidentity,
            'sequence', coalesce(pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname), ''),
            'collation', CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
                THEN (SELECT quote_ident(x.nspname) || '.' || quote_ident(l.collname)
                      FROM pg_collation AS l JOIN pg_namespace AS x ON x.oid = l.collnamespace WHERE l.oid = a.attcollation)
                ELSE '' END,
            'distinct', s.stadistinct, 'null_fraction', s.stanullfrac,
            'not_null_name', coalesce((SELECT k.conname FROM pg_constraint AS k WHERE k.conrelid = c.oid
                AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]), ''),
            'settings', to_jsonb(array_remove(ARRAY[
                CASE WHEN a.attstattarget >= 0 THEN format('SET STATISTICS %s', a.attstattarget) END,
                CASE WHEN a.attstorage <> t.typstorage THEN 'SET STORAGE ' || CASE a.attstorage
                    WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
                CASE to_jsonb(a) ->> 'attcompression' WHEN 'p' THEN 'SET COMPRESSION pglz'
                    WHEN 'l' THEN 'SET COMPRESSION lz4' END,
                CASE WHEN a.attoptions IS NOT NULL THEN format('SET (%s)', array_to_string(a.attoptions, ', ')) END
            ], NULL)),
            'comment', coalesce(col_description(c.oid, a.attnum), '')
        ) ORDER BY a.attnum)
        FROM pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN LATERAL (
            WITH RECURSIVE down (oid, base) AS (
                SELECT t.oid, t.typbasetype UNION ALL
                SELECT o.oid, o.typbasetype FROM down JOIN pg_type AS o ON o.oid = down.base)
            SELECT o.* FROM down JOIN pg_type AS o ON o.oid = down.oid WHERE down.base = 0
        ) AS b ON true
        JOIN pg_namespace AS bn ON bn.oid = b.typnamespace
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN LATERAL (
            SELECT v.n_distinct AS stadistinct, v.null_frac AS stanullfrac FROM pg_stats AS v
            WHERE v.schemaname = n.nspname AND v.tablename = c.relname AND v.attname = a.attname
            ORDER BY v.inherited DESC LIMIT 1
        ) AS s ON true
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'checks', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', k.conname, 'expression', pg_get_expr(k.conbin, k.conrelid),
            'definition', pg_get_constraintdef(k.oid),
            'comment', coalesce(obj_description(k.oid, 'pg_constraint'), ''),
            'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                        WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),
            'foreign_code', EXISTS (
                SELECT FROM pg_depend AS p WHERE p.classid = 'pg_constraint'::regclass AND p.objid = k.oid
                    AND p.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
                    AND p.refobjid >= 16384)
        ) ORDER BY k.conname)
        FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'c'), '[]'),
    'indexes', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', x.relname, 'definition', pg_get_indexdef(i.indexrelid), 'unique', i.indisunique,
            'primary', i.indisprimary, 'clustered', i.indisclustered, 'replica_identity', i.indisreplident,
            'comment', coalesce(obj_description(x.oid, 'pg_class'), ''),
            'constraint_comment', coalesce((
                SELECT obj_description(k.oid, 'pg_constraint') FROM pg_constraint AS k
                WHERE k.conindid = i.indexrelid AND k.contype IN ('u', 'p', 'x') LIMIT 1), ''),
            'constraint', coalesce((SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k
                                    WHERE k.conindid = i.indexrelid AND k.contype IN ('u', 'p', 'x') LIMIT 1), ''),
            'plain', i.indexprs IS NULL AND i.indpred IS NULL,
            'columns', coalesce((SELECT jsonb_agg(a.attname ORDER BY k.place)
                        FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
                        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
                        WHERE k.place <= i.indnkeyatts), '[]'),
            'uses', coalesce((SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                     WHERE a.attrelid = c.oid AND (a.attnum = ANY (i.indkey::smallint[]) OR a.attnum IN (
                        SELECT p.refobjsubid FROM pg_depend AS p
                        WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid
                            AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0))), '[]')
        ) ORDER BY x.relname)
        FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid), '[]'),
    'foreign_keys', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', k.conname, 'from_', k.conrelid::regclass::text, 'to', k.confrelid::regclass::text,
            'outgoing', k.conrelid = c.oid, 'update', k.confupdtype,
            'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid
                            AND a.attnum = ANY (CASE WHEN k.conrelid = c.oid THEN k.conkey ELSE k.confkey END))
        ) ORDER BY k.conname)
        FROM pg_constraint AS k WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid)), '[]'),
    'triggers', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', t.tgname, 'before', t.tgtype & 2 = 2, 'row', t.tgtype & 1 = 1, 'insert', t.tgtype & 4 = 4,
            'update', t.tgtype & 16 = 16, 'delete', t.tgtype & 8 = 8, 'enabled', t.tgenabled,
            'definition', pg_get_triggerdef(t.oid),
            'columns', coalesce((SELECT jsonb_agg(a.attname) FROM pg_attribute AS a
                        WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::smallint[])), '[]'),
            'condition', t.tgqual IS NOT NULL
        ) ORDER BY t.tgname)
        FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '[]'),
    'rules', coalesce((
        SELECT jsonb_agg(r.rulename ORDER BY r.rulename) FROM pg_rewrite AS r WHERE r.ev_class = c.oid), '[]'),
    'policy_columns', coalesce((
        SELECT jsonb_agg(DISTINCT a.attname) FROM pg_policy AS o
        JOIN pg_depend AS p ON p.classid = 'pg_policy'::regclass AND p.objid = o.oid
            AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid
        WHERE o.polrelid = c.oid), '[]'),
    'generated_from', coalesce((
        SELECT jsonb_agg(DISTINCT a.attname) FROM pg_attrdef AS d
        JOIN pg_attribute AS g ON g.attrelid = d.adrelid AND g.attnum = d.adnum AND g.attgenerated <> ''
        JOIN pg_depend AS p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid > 0
            AND p.refobjsubid <> g.attnum
            AND (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                OR p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.objsubid = g.attnum)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid
        WHERE d.adrelid = c.oid), '[]'),
    'partition_key', coalesce((
        SELECT jsonb_agg(a.attname) FROM pg_partitioned_table AS p
        JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::smallint[])
        WHERE p.partrelid = c.oid), '[]'),
    'statistics', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', quote_ident(sn.nspname) || '.' || quote_ident(s.stxname),
            'definition', pg_get_statisticsobjdef(s.oid), 'owner', quote_ident(pg_get_userbyid(s.stxowner)),
            'comment', coalesce(obj_description(s.oid, 'pg_statistic_ext'), ''),
            'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum IN (
                            SELECT p.refobjsubid FROM pg_depend AS p
                            WHERE p.classid = 'pg_statistic_ext'::regclass AND p.objid = s.oid
                                AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid))
        ) ORDER BY s.stxname)
        FROM pg_statistic_ext AS s JOIN pg_namespace AS sn ON sn.oid = s.stxnamespace WHERE s.stxrelid = c.oid), '[]'),
    -- lists of columns are there from 15 on, and what depends on a column says so to every version
    'published', coalesce((
        SELECT jsonb_agg(jsonb_build_object('name', b.pubname, 'columns', d.columns) ORDER BY b.pubname)
        FROM (SELECT p.objid, jsonb_agg(a.attname ORDER BY a.attnum) AS columns
              FROM pg_depend AS p JOIN pg_attribute AS a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
              WHERE p.classid = 'pg_publication_rel'::regclass AND p.refclassid = 'pg_class'::regclass
                AND p.refobjid = c.oid AND p.refobjsubid > 0 GROUP BY p.objid) AS d
        JOIN pg_publication_rel AS r ON r.oid = d.objid JOIN pg_publication AS b ON b.oid = r.prpubid), '[]'),
    'inherits', EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid AND NOT c.relispartition),
    'children', coalesce((
        SELECT jsonb_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid::regclass::text)
        FROM pg_inherits AS i WHERE i.inhparent = c.oid), '[]'),
    'leaves', coalesce((
        SELECT jsonb_agg(p.relid::regclass::text ORDER BY p.relid::regclass::text)
        FROM pg_partition_tree(c.oid) AS p JOIN pg_class AS l ON l.oid = p.relid
        WHERE p.isleaf AND l.relkind = 'r'), '[]'),
    'foreign_leaves', coalesce((
        SELECT jsonb_agg(p.relid::regclass::text ORDER BY p.relid::regclass::text)
        FROM pg_partition_tree(c.oid) AS p JOIN pg_class AS l ON l.oid = p.relid
        WHERE p.isleaf AND l.relkind = 'f'), '[]'),
    'views', coalesce((
        WITH RECURSIVE above (oid, depth) AS (
            SELECT DISTINCT r.ev_class, 1 FROM pg_depend AS p JOIN pg_rewrite AS r ON r.oid = p.objid
            WHERE p.classid = 'pg_rewrite'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid
                AND r.ev_class <> c.oid
            UNION
            SELECT r.ev_class, above.depth + 1
            FROM above JOIN pg_depend AS p ON p.refobjid = above.oid AND p.refclassid = 'pg_class'::regclass
            JOIN pg_rewrite AS r ON r.oid = p.objid AND p.classid = 'pg_rewrite'::regclass AND r.ev_class <> above.oid
        )
        SELECT jsonb_agg(jsonb_build_object('name', v.oid::regclass::text, 'kind', v.relkind, 'direct', d.direct,
            'columns', (SELECT jsonb_agg(DISTINCT a.attname) FROM pg_rewrite AS r JOIN pg_depend AS p
                ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid AND p.refclassid = 'pg_class'::regclass
                AND p.refobjid = c.oid
                JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.refobjsubid WHERE r.ev_class = v.oid))
                         ORDER BY d.depth, v.oid::regclass::text)
        FROM (SELECT above.oid, max(depth) AS depth, min(depth) = 1 AS direct FROM above GROUP BY above.oid) AS d
        JOIN pg_class AS v ON v.oid = d.oid), '[]'),
    'row_type_functions', coalesce((
        SELECT jsonb_agg(f.oid::regprocedure::text ORDER BY f.oid::regprocedure::text) FROM pg_proc AS f
        WHERE f.prorettype IN (c.reltype, t.typarray) OR f.proargtypes::oid[] && ARRAY[c.reltype, t.typarray]), '[]'),
    'bound_functions', coalesce((
        SELECT jsonb_agg(DISTINCT p.objid::regprocedure::text) FROM pg_depend AS p
        WHERE p.classid = 'pg_proc'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid), '[]'),
    'publications', coalesce((
        SELECT jsonb_agg(p.pubname ORDER BY p.pubname) FROM pg_publication_tables AS p
        WHERE p.schemaname = n.nspname AND p.tablename = c.relname), '[]'),
    'grants', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'grantee', CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee) END, 'privilege', g.privilege_type,
            'column', g.attname, 'grantable', g.is_grantable)
            ORDER BY g.grantee, g.privilege_type, g.attname)
        FROM (
            SELECT e.grantee, e.privilege_type, '' AS attname, e.is_grantable
            FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS e WHERE e.grantee <> c.relowner
            UNION ALL
            SELECT e.grantee, e.privilege_type, a.attname, e.is_grantable
            FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS e
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND e.grantee <> c.relowner
        ) AS g), '[]'),
    'comment', coalesce(obj_description(c.oid, 'pg_class'), '')
)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = c.reltype
WHERE c.oid = pg_catalog.to_regclass($1);
